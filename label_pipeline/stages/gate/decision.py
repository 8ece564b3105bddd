"""Decide by the policy's thresholds whether a judge may label a collection without a human: the full gate.

An intersection-union test: every criterion at this look's alpha, no further correction. ``open`` is derived from the
failures; a figure that cannot be computed is a failure.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core import intervals
from label_pipeline.core.codes.verdicts import CLOSED, FULL, INSUFFICIENT, OPEN, DecidedState, Lane
from label_pipeline.stages.gate import criteria, measures
from label_pipeline.stages.gate.criteria import Criterion
from label_pipeline.stages.gate.direction import SLOPE, direction
from label_pipeline.stages.gate.evidence import Evidence
from label_pipeline.stages.gate.policy import Policy
from label_pipeline.stages.gate.power import Margin, enough_queries, narrowed

SKILL, ORDER, BIAS = "skill R2", "within-query pairwise accuracy", "bias in shares of R"
"""Criteria of the figures, as verdicts name them."""

RESAMPLES = 10_000
"""At the alpha of a fifth look (.0012) the bound of 2,000 resamples would be the third smallest of them."""


@dataclass(frozen=True)
class Verdict:
    """The decision on one judge in one collection."""

    collection: str
    policy: Policy
    look: int
    alpha: float
    n_queries: int
    n_pairs: int
    criteria: tuple[Criterion, ...]
    lane: Lane = FULL

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence per criterion that was missed or could not be computed."""
        return tuple(c.sentence for c in self.criteria if c.status in {"missed", "unknown"})

    @property
    def open(self) -> bool:
        """Whether the judge may label; true only without failures."""
        return not self.failures

    @property
    def state(self) -> DecidedState:
        """``insufficient`` when the data cannot answer (too few queries, no look left, no bound), else ``closed``."""
        if self.open:
            return OPEN
        missed = {c.name for c in self.criteria if c.status == "missed"}
        return INSUFFICIENT if missed & {criteria.QUERIES, criteria.LOOKS, criteria.GRADES} or not missed else CLOSED


def decide(
    evidence: Evidence,
    policy: Policy,
    *,
    look: int,
    alpha: float,
    looks_allowed: int,
    rng: np.random.Generator,
    edited: bool = False,
    resamples: int = RESAMPLES,
) -> Verdict:
    """The verdict on ``evidence`` under ``policy``.

    Args:
        evidence: one collection's holdout.
        policy: thresholds.
        look: number of this look at the holdout, from 1.
        alpha: one-sided level of every bound.
        looks_allowed: the holdout's budget of looks.
        rng: draws the query bootstrap.
        edited: an earlier look at this holdout was taken under other thresholds; printed on the certificate.
        resamples: of the query bootstrap; fewer only where many decisions are simulated.
    """
    counts = intervals.resample_counts(max(evidence.n_clusters, 1), rng, b=resamples)
    margins = _margins(evidence, policy)
    judged = (
        criteria.looks(look, looks_allowed, edited=edited),
        criteria.queries(evidence.deepest, policy, reworded=evidence.n_queries - evidence.n_clusters),
        criteria.ungraded(evidence, policy, rng),
        *direction(evidence, counts, alpha),
        *_skill(evidence, policy, counts, alpha),
        _gross_error(evidence, policy, counts, alpha),
        _bias(evidence, policy, counts, alpha),
    )
    found = tuple(narrowed(one, margins, alpha) for one in judged)
    shut = any(one.status in {"missed", "unknown"} for one in found)
    wanted = (enough_queries(found, margins, evidence, look, looks_allowed),) if shut else ()
    found = (*found, *wanted, *measures.reported(evidence, counts), *criteria.not_applicable())
    return Verdict(evidence.collection, policy, look, alpha, evidence.n_queries, evidence.n_pairs, found)


def _margins(evidence: Evidence, policy: Policy) -> dict[str, Margin]:
    """By criterion: the figure whose bound may miss although it passes itself."""
    off = measures.bias(evidence)
    side = -1.0 if off.mean < 0 else 1.0
    return {
        SKILL: Margin(measures.log_unexplained(evidence), math.log(1 - policy.r2_low), above=False),
        ORDER: Margin(measures.order(evidence), policy.pairwise_accuracy_low, above=True),
        _gross_name(evidence): Margin(measures.gross_errors(evidence), policy.gross_error_high, above=False),
        BIAS: Margin(replace(off, sums=side * off.sums), policy.bias_high, above=False),
        SLOPE: Margin(measures.slope(evidence), 0.0, above=True),
    }


def _skill(evidence: Evidence, policy: Policy, counts: NDArray[np.int64], alpha: float) -> tuple[Criterion, Criterion]:
    return (
        criteria.above(
            SKILL, measures.skill(evidence), measures.skill_low(evidence, alpha), policy.r2_low,
            "the judge explains too little of the human grades; improve the prompt or choose a stronger model",
        ),
        criteria.above(
            ORDER, measures.order(evidence).mean,
            measures.order_low(evidence, counts, alpha), policy.pairwise_accuracy_low,
            "the judge orders a query's documents too poorly for a ranker; improve the prompt or the model",
        ),
    )  # fmt: skip


def _gross_name(evidence: Evidence) -> str:
    return f"errors of {evidence.scale.gross_error} grades or more"


def _gross_error(evidence: Evidence, policy: Policy, counts: NDArray[np.int64], alpha: float) -> Criterion:
    totals = measures.gross_errors(evidence)
    return criteria.below(
        _gross_name(evidence), totals.mean,
        intervals.rare_event_upper(totals, counts, alpha), policy.gross_error_high,
        "read the confusion table: which grades are mixed up, and does the rubric say how to tell them apart",
    )  # fmt: skip


def _bias(evidence: Evidence, policy: Policy, counts: NDArray[np.int64], alpha: float) -> Criterion:
    totals = measures.bias(evidence)
    upper = intervals.bootstrap_t_upper(totals, counts, alpha)
    lower = intervals.bootstrap_t_lower(totals, counts, alpha)
    bound = float(np.max(np.abs([upper, lower])))  # nan when either is
    return criteria.below(
        BIAS, totals.mean, bound, policy.bias_high,
        "holdout and calibration queries differ, or the calibrator had too few pairs: grade more queries",
    )  # fmt: skip
