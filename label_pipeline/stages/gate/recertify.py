"""Decide beside the last judge a full gate certified whether a judge changed from outside may label: the lane.

For a provider that changed the served model: paired non-inferiority on every holdout and anchor query both judges
answered and neither was tuned on. The judge it is compared with is always one that passed the *full* gate, never one
that came through this lane, so that small losses cannot add up over several lanes. Beside the two margins the judge's
own figures must stay on the right side of the policy's thresholds: a judge certified close to them may not fall through
by the width of a margin.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core import intervals
from label_pipeline.core.codes.verdicts import RECERTIFY
from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.stages.gate import criteria, measures
from label_pipeline.stages.gate.criteria import Criterion, Status
from label_pipeline.stages.gate.decision import ORDER, RESAMPLES, SKILL, Verdict
from label_pipeline.stages.gate.direction import direction
from label_pipeline.stages.gate.evidence import Evidence
from label_pipeline.stages.gate.policy import Policy

R2_MARGIN = 0.10
"""Most skill R^2 a changed judge may lose (statistics.md section 4)."""

PAIRWISE_ACCURACY_MARGIN = 0.05
"""Most within-query pairwise accuracy a changed judge may lose. On recorded judges (63 queries x 20 pairs, first look)
both margins together pass GPT-4o with 15 % of its grades moved by one in .95 of deals, an 8B in its place in none."""

_RETURN = "choose another model, improve the prompt, or let the full gate decide on its own terms (lane full)"


@dataclass(frozen=True)
class Paired:
    """Two judges on the same pairs of one collection.

    Attributes:
        judge: the changed judge's evidence.
        reference: the reference judge's, row by row about the same pairs.
        reference_judge: its judge version.
        certified_at: when a full gate certified it (UTC).
        n_anchor: anchor queries among those compared.
        n_unpaired: graded holdout and anchor pairs the reference judge was never asked about, left out.
    """

    judge: Evidence
    reference: Evidence
    reference_judge: str
    certified_at: datetime
    n_anchor: int
    n_unpaired: int

    def __post_init__(self) -> None:
        same = (
            np.array_equal(self.judge.gold, self.reference.gold)
            and np.array_equal(self.judge.query_index, self.reference.query_index)
            and self.judge.collection == self.reference.collection
        )
        if not same:
            raise ValueError("the two judges' evidence is not about the same pairs in the same order")


def recertify(
    paired: Paired,
    policy: Policy,
    *,
    look: int,
    alpha: float,
    looks_allowed: int,
    rng: np.random.Generator,
    edited: bool = False,
    resamples: int = RESAMPLES,
) -> Verdict:
    """The verdict on ``paired.judge``; an intersection-union test, every bound at ``alpha``.

    Args:
        paired: both judges on one collection.
        policy: the policy the reference judge was certified under: its minimum of queries, its limit of unreadable
            replies, and the thresholds the judge's own figures must satisfy.
        look: number of this look in this lane, from 1.
        alpha: one-sided level of both bounds.
        looks_allowed: the lane's budget of looks.
        rng: draws the query bootstrap.
        edited: an earlier look in this lane was taken under other thresholds.
        resamples: of the query bootstrap; fewer only where many decisions are simulated.
    """
    judge = paired.judge
    counts = intervals.resample_counts(max(judge.n_clusters, 1), rng, b=resamples)
    found = (
        criteria.looks(look, looks_allowed, edited=edited, lane=RECERTIFY),
        criteria.queries(judge.deepest, policy, "holdout and anchor", reworded=judge.n_queries - judge.n_clusters),
        criteria.ungraded(judge, policy, rng),
        *direction(judge, counts, alpha),
        _skill_kept(paired, counts, alpha),
        _order_kept(paired, counts, alpha),
        *_own_figures(judge, policy),
        *_compared(paired),
        *measures.reported(judge, counts),
        *criteria.not_applicable(),
    )
    return Verdict(judge.collection, policy, look, alpha, judge.n_queries, judge.n_pairs, found, RECERTIFY)


def _skill_kept(paired: Paired, counts: NDArray[np.int64], alpha: float) -> Criterion:
    ours, theirs = measures.skill(paired.judge), measures.skill(paired.reference)
    low = _low(paired, measures.skill_difference(paired.judge, paired.reference), counts, alpha)
    return _kept(SKILL, ours, theirs, low, R2_MARGIN)


def _order_kept(paired: Paired, counts: NDArray[np.int64], alpha: float) -> Criterion:
    ours, theirs = measures.order(paired.judge).mean, measures.order(paired.reference).mean
    low = _low(paired, measures.order_difference(paired.judge, paired.reference), counts, alpha)
    return _kept(ORDER, ours, theirs, low, PAIRWISE_ACCURACY_MARGIN)


def _low(paired: Paired, difference: ClusterTotals, counts: NDArray[np.int64], alpha: float) -> float:
    changed = measures.changed_queries(paired.judge, paired.reference)
    return measures.difference_low(difference, changed, counts, alpha)


def _kept(name: str, ours: float, theirs: float, low: float, margin: float) -> Criterion:
    """The paired difference of one figure; met when its lower bound is above minus ``margin``."""
    difference, called = ours - theirs, _difference(name)
    if not (np.isfinite(low) and np.isfinite(difference)):
        sentence = (
            f"{called} has no bound ({name} {ours:.3f} against {theirs:.3f} of the reference judge): too few queries "
            "or no readable reply; grade more queries"
        )
        return Criterion(called, "unknown", criteria.known(difference), None, -margin, sentence)
    sentence = (
        f"{name} {ours:.3f} against {theirs:.3f} of the reference judge: difference {difference:+.3f}, lower bound "
        f"{low:+.3f}, needs above {-margin:.3f}"
    )
    if low > -margin:
        return Criterion(called, "met", difference, low, -margin, sentence)
    lost = difference <= -margin
    advice = f"the changed model loses more than the margin; {_RETURN}" if lost else (
        "these queries cannot rule out that the changed model loses more than the margin, and new ones do not help, "
        f"for the certified judge never answered them; {_RETURN}"
    )  # fmt: skip
    return Criterion(called, "missed", difference, low, -margin, f"{sentence}; {advice}")


def _difference(name: str) -> str:
    return f"difference of {name}"


def _own_figures(judge: Evidence, policy: Policy) -> tuple[Criterion, ...]:
    """The judge's own figures, their bounds left aside, against the policy's thresholds."""
    gross = f"errors of {judge.scale.gross_error} grades or more"
    skill, order = measures.skill(judge), measures.order(judge).mean
    wrong, bias = measures.gross_errors(judge).mean, measures.bias(judge).mean
    ordered, biased = policy.pairwise_accuracy_low, abs(bias)
    return (
        _own(SKILL, skill, skill, f"above {policy.r2_low:.3f}", policy.r2_low, skill > policy.r2_low),
        _own(ORDER, order, order, f"above {ordered:.3f}", ordered, order > ordered),
        _own(
            gross, wrong, wrong, f"below {policy.gross_error_high:.3f}", policy.gross_error_high,
            wrong < policy.gross_error_high,
        ),
        _own(
            "bias in shares of R", bias, biased, f"within +-{policy.bias_high:.3f}", policy.bias_high,
            biased < policy.bias_high,
        ),
    )  # fmt: skip


def _own(name: str, figure: float, compared: float, needs: str, threshold: float, met: bool) -> Criterion:
    if not np.isfinite(figure):
        sentence = f"{name} cannot be computed: no readable reply, or one human grade only; grade more queries"
        return Criterion(name, "unknown", None, None, threshold, sentence)
    sentence = f"{name} {figure:.3f}, the figure itself, needs {needs}"
    status: Status = "met" if met else "missed"
    return Criterion(name, status, figure, compared, threshold, sentence if met else f"{sentence}; {_RETURN}")


def _compared(paired: Paired) -> tuple[Criterion, ...]:
    """Who it was compared with, and on what; printed on the certificate."""
    who = (
        f"compared with judge {paired.reference_judge}, which the full gate certified on {paired.certified_at:%Y-%m-%d}"
        "; a judge of this lane is never the reference, so that small losses cannot add up"
    )
    holdout = paired.judge.n_queries - paired.n_anchor
    if paired.n_anchor:
        what = f"{holdout} holdout and {paired.n_anchor} anchor queries"
    else:
        what = f"{holdout} holdout queries only: the reference judge's grades of the anchor are not stored"
    if paired.n_unpaired:
        what += f"; {paired.n_unpaired} graded pairs left out that it was never asked about"
    return (
        Criterion("reference judge", "reported", None, None, None, who),
        Criterion("anchor queries", "reported", float(paired.n_anchor), None, None, f"compared on {what}"),
    )
