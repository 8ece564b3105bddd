"""Decide whether a judge may label a collection without a human.

An intersection-union test: every criterion at this look's alpha, no further correction. ``open`` is derived from the
failures; a figure that cannot be computed is a failure. Keep out: thresholds (policy.py), evidence (evidence.py),
whether an earlier decision still stands (standing.py).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core import intervals
from label_pipeline.core.agreement import cohen_kappa, quadratic_kappa
from label_pipeline.core.ranking import ndcg_by_query, pairwise_accuracy_totals
from label_pipeline.stages.gate.evidence import Evidence
from label_pipeline.stages.gate.policy import Policy

Status = Literal["met", "missed", "unknown", "reported", "not applicable"]

RESAMPLES = 10_000
"""At the alpha of a fifth look (.0012) the bound of 2,000 resamples would be the third smallest of them."""

NOT_APPLICABLE = {
    "non-inferiority to humans": "needs three annotators on most holdout pairs and policy panel",
    "alternative annotator test": "needs three annotators on most holdout pairs and policy panel",
    "covariate bias veto": "with one grade a pair the forward regression fails every judge (statistics.md section 14)",
    "slice veto": "needs policy panel; below 60 queries a slice it sees only gross failures",
}
"""Criteria of the design that the single-* policies cannot apply, and why."""


class Criterion(NamedTuple):
    """One criterion of one decision.

    ``figure`` is the estimate, ``bound`` the one-sided bound at the look's alpha that is compared with ``threshold``.
    """

    name: str
    status: Status
    figure: float | None
    bound: float | None
    threshold: float | None
    sentence: str


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

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence a criterion that was missed or could not be computed."""
        return tuple(c.sentence for c in self.criteria if c.status in {"missed", "unknown"})

    @property
    def open(self) -> bool:
        """Whether the judge may label; true only without failures."""
        return not self.failures

    @property
    def state(self) -> Literal["open", "closed", "insufficient"]:
        """``insufficient`` when the data cannot answer (too few queries, no look left, no bound), else ``closed``."""
        if self.open:
            return "open"
        missed = {c.name for c in self.criteria if c.status == "missed"}
        return "insufficient" if missed & {"queries", "looks"} or not missed else "closed"


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
    counts = intervals.resample_counts(max(evidence.n_queries, 1), rng, b=resamples)
    criteria = (
        _looks(look, looks_allowed, edited=edited),
        _queries(evidence, policy),
        _unreadable(evidence, policy),
        *_skill(evidence, policy, counts, alpha),
        _gross_error(evidence, policy, counts, alpha),
        _bias(evidence, policy, counts, alpha),
        *_reported(evidence, counts),
        *(
            Criterion(n, "not applicable", None, None, None, f"{n}: not applicable, {w}")
            for n, w in NOT_APPLICABLE.items()
        ),
    )
    return Verdict(evidence.collection, policy, look, alpha, evidence.n_queries, evidence.n_pairs, criteria)


def _looks(look: int, allowed: int, *, edited: bool) -> Criterion:
    status: Status = "met" if look <= allowed else "missed"
    sentence = f"look {look} of {allowed} at this holdout"
    sentence += " (the policy was edited after an earlier look)" if edited else ""
    if status == "missed":
        sentence += ": its budget is spent, and this version cannot retire a holdout: start a project with new queries"
    return Criterion("looks", status, float(look), float(look), float(allowed), sentence)


def _queries(evidence: Evidence, policy: Policy) -> Criterion:
    enough = int((evidence.pairs_per_query >= policy.min_pairs).sum())
    status: Status = "met" if enough >= policy.min_queries else "missed"
    found = f"{enough} holdout queries have at least {policy.min_pairs} graded pairs"
    sentence = f"{found}, {policy.name} needs {policy.min_queries}"
    if status == "missed":
        sentence += f"; grade {policy.min_queries - enough} more queries of {policy.min_pairs} pairs"
    return Criterion("queries", status, float(enough), float(enough), float(policy.min_queries), sentence)


def _unreadable(evidence: Evidence, policy: Policy) -> Criterion:
    share = evidence.unreadable / evidence.replies if evidence.replies else float("nan")
    bound = intervals.clopper_pearson_upper(evidence.unreadable, evidence.replies, 0.05)
    return _below(
        "unreadable replies", share, bound, policy.unreadable_high,
        "ask for shorter replies, raise max_tokens or choose another model",
    )  # fmt: skip


def _loss(evidence: Evidence) -> NDArray[np.float64]:
    """(n,) squared calibrated error; an unreadable pair has the worst loss, R^2."""
    error = (evidence.calibrated - evidence.gold) ** 2
    return np.where(np.isnan(error), float(evidence.scale.span**2), error)


def _per_query(evidence: Evidence, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(evidence.query_index, weights=values, minlength=evidence.n_queries).astype(np.float64)


def skill(evidence: Evidence, counts: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """R^2 = 1 - MSE / Var(gold), one value a row of ``counts`` (B, Q); without counts, the estimate alone."""
    weights: NDArray[np.float64] = np.ones((1, evidence.n_queries)) if counts is None else counts.astype(np.float64)
    n, loss, gold, square = (
        weights @ _per_query(evidence, values)
        for values in (np.ones(evidence.n_pairs), _loss(evidence), evidence.gold, evidence.gold**2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = square / n - (gold / n) ** 2
        found: NDArray[np.float64] = np.where(variance > 1e-12, 1 - (loss / n) / variance, np.nan)
    return found


def _skill(evidence: Evidence, policy: Policy, counts: NDArray[np.int64], alpha: float) -> tuple[Criterion, Criterion]:
    low, _ = intervals.percentile_bounds(skill(evidence, counts), alpha)
    concordant, pairs = pairwise_accuracy_totals(
        evidence.calibrated, evidence.gold, evidence.query_index, evidence.n_queries
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = float(concordant.sum() / pairs.sum()) if pairs.sum() else float("nan")
        replicates = (counts @ concordant) / (counts @ pairs)
    accuracy_low, _ = intervals.percentile_bounds(replicates, alpha)
    return (
        _above(
            "skill R2", float(skill(evidence)[0]), low, policy.r2_low,
            "the judge explains too little of the human grades; improve the prompt or choose a stronger model",
        ),
        _above(
            "within-query pairwise accuracy", accuracy, accuracy_low, policy.pairwise_accuracy_low,
            "the judge orders a query's documents too poorly for a ranker; improve the prompt or the model",
        ),
    )  # fmt: skip


def _gross_error(evidence: Evidence, policy: Policy, counts: NDArray[np.int64], alpha: float) -> Criterion:
    error = np.abs(evidence.calibrated - evidence.gold)
    gross = np.where(np.isnan(error) | (error >= evidence.scale.gross_error), 1.0, 0.0)
    totals = intervals.cluster_totals(gross, evidence.query_index, evidence.n_queries)
    return _below(
        f"errors of {evidence.scale.gross_error} grades or more", totals.mean,
        intervals.rare_event_upper(totals, counts, alpha), policy.gross_error_high,
        "read the confusion table: which grades are mixed up, and does the rubric say how to tell them apart",
    )  # fmt: skip


def _bias(evidence: Evidence, policy: Policy, counts: NDArray[np.int64], alpha: float) -> Criterion:
    error = (evidence.calibrated - evidence.gold) / evidence.scale.span
    read = ~np.isnan(error)
    totals = intervals.cluster_totals(error[read], evidence.query_index[read], evidence.n_queries)
    upper = intervals.bootstrap_t_upper(totals, counts, alpha)
    lower = intervals.bootstrap_t_lower(totals, counts, alpha)
    bound = float(np.max(np.abs([upper, lower])))  # nan when either is
    return _below(
        "bias in shares of R", totals.mean, bound, policy.bias_high,
        "holdout and calibration queries differ, or the calibrator had too few pairs: grade more queries",
    )  # fmt: skip


def _reported(evidence: Evidence, counts: NDArray[np.int64]) -> tuple[Criterion, ...]:
    """Figures a reader of the certificate wants beside the criteria; none of them opens or closes."""
    totals = intervals.cluster_totals(_loss(evidence), evidence.query_index, evidence.n_queries)
    mse_high = intervals.bootstrap_t_upper(totals, counts, 0.05)
    read = ~np.isnan(evidence.raw)
    rounded = np.floor(evidence.raw[read] + 0.5).astype(np.int64)
    gold = np.floor(evidence.gold[read] + 0.5).astype(np.int64)
    ranking = ndcg_by_query(
        np.where(read, evidence.raw, evidence.scale.lo - 1.0),
        evidence.gold - evidence.scale.lo, evidence.query_index, evidence.n_queries,
    )  # fmt: skip
    ranked = float(np.nanmean(ranking)) if np.isfinite(ranking).any() else float("nan")
    figures = (
        ("NMSE (0-100)", evidence.scale.nmse(totals.mean), evidence.scale.nmse(mse_high)),
        ("Cohen's kappa", cohen_kappa(rounded, gold), None),
        ("quadratic kappa", quadratic_kappa(rounded, gold, evidence.scale.grades), None),
        ("the judge's own nDCG@10", ranked, None),
    )
    return tuple(
        Criterion(
            name, "reported", _known(value), _known(bound), None,
            f"{name} {value:.3f}" + (f", 95 % upper bound {bound:.3f}" if bound is not None else ""),
        )
        for name, value, bound in figures
    )  # fmt: skip


def _above(name: str, figure: float, bound: float, threshold: float, advice: str) -> Criterion:
    return _compare(name, figure, bound, threshold, bound > threshold, "lower bound {:.3f}, needs above {:.3f}", advice)


def _below(name: str, figure: float, bound: float, threshold: float, advice: str) -> Criterion:
    return _compare(name, figure, bound, threshold, bound < threshold, "upper bound {:.3f}, needs below {:.3f}", advice)


def _compare(name: str, figure: float, bound: float, threshold: float, met: bool, words: str, advice: str) -> Criterion:
    if not (np.isfinite(bound) and np.isfinite(figure)):  # an infinite bound is no bound (core/intervals.py)
        sentence = (
            f"{name} has no bound (figure {figure:.3f}): too few queries or no readable reply; grade more queries"
        )
        return Criterion(name, "unknown", _known(figure), None, threshold, sentence)
    sentence = f"{name} {figure:.3f}, {words.format(bound, threshold)}"
    return Criterion(
        name, "met" if met else "missed", figure, bound, threshold, sentence if met else f"{sentence}; {advice}"
    )


def _known(value: float | None) -> float | None:
    """None for a figure that is not a finite number: what JSON and the tables can hold."""
    return value if value is not None and np.isfinite(value) else None
