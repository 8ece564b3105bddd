"""What the gate measures on its evidence: skill, order, gross errors, bias, and the figures it only reports.

Arrays in, numbers out; nan is "cannot be computed". A pair without a grade has the worst loss, is a gross error and
loses its pairs. Keep out: thresholds and sentences (criteria.py, decision.py, recertify.py).
"""

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core import intervals
from label_pipeline.core.agreement import cohen_kappa, quadratic_kappa
from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.core.ranking import ndcg_by_query, pairwise_accuracy_totals
from label_pipeline.core.scale import nmse
from label_pipeline.stages.gate.criteria import Criterion, known
from label_pipeline.stages.gate.evidence import Evidence

_ALIKE = 1e-13
"""Variance of gold, in shares of R^2, below which every grade is the same."""


def loss(evidence: Evidence) -> NDArray[np.float64]:
    """(n,) loss of the calibrated grades, shares of R^2; a pair without a grade has the worst loss, 1."""
    return evidence.scale.loss(evidence.calibrated, evidence.gold)


def skill(evidence: Evidence, counts: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """R^2 = 1 - MSE / Var(gold), one value per row of ``counts`` (B, Q); without counts, the estimate alone."""
    weights: NDArray[np.float64] = np.ones((1, evidence.n_queries)) if counts is None else counts.astype(np.float64)
    graded = evidence.gold / evidence.scale.span  # in the unit of the loss
    n, lost, gold, square = (
        weights @ _per_query(evidence, values)
        for values in (np.ones(evidence.n_pairs), loss(evidence), graded, graded**2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = square / n - (gold / n) ** 2
        found: NDArray[np.float64] = np.where(variance > _ALIKE, 1 - (lost / n) / variance, np.nan)
    return found


def skill_difference(judge: Evidence, reference: Evidence) -> ClusterTotals:
    """R^2 of ``judge`` minus R^2 of ``reference`` on the same pairs, as the mean of a quantity by pair.

    The quantity is the difference linearised at its estimate D: (loss_reference - loss_judge) / Var(gold) -
    D ((g - mean g)^2 / Var(gold) - 1). Its mean is D, its clustered standard error that of the delta method, so it can
    be studentised; nan where the gold grades are all alike.
    """
    graded = judge.gold / judge.scale.span
    variance = float(graded.var())
    if variance <= _ALIKE:
        return intervals.cluster_totals(np.full(judge.n_pairs, np.nan), judge.query_index, judge.n_queries)
    gained = (loss(reference) - loss(judge)) / variance
    spread = (graded - graded.mean()) ** 2 / variance
    return intervals.cluster_totals(gained - gained.mean() * (spread - 1), judge.query_index, judge.n_queries)


def order_difference(judge: Evidence, reference: Evidence) -> ClusterTotals:
    """Within-query pairwise accuracy of ``judge`` minus that of ``reference`` on the same pairs, by query."""
    ours, theirs = order(judge), order(reference)
    return ClusterTotals(ours.sums - theirs.sums, ours.counts)


def changed_queries(judge: Evidence, reference: Evidence) -> int:
    """How many queries hold a pair the two judges grade differently."""
    same = (judge.calibrated == reference.calibrated) | (np.isnan(judge.calibrated) & np.isnan(reference.calibrated))
    return len(np.unique(judge.query_index[~same]))


def difference_low(difference: ClusterTotals, changed: int, counts: NDArray[np.int64], alpha: float) -> float:
    """One-sided 1 - alpha lower bound of a paired difference.

    Bootstrap-t: a changed model that misreads some queries has a skewed loss, on which percentiles pass a judge exactly
    at the margin in .12 of simulated looks at a nominal .03 (44 queries x 10 pairs, a tenth of the queries misread).
    With fewer than ``intervals.MIN_EVENT_QUERIES`` queries changed at all many resamples hold none of them and
    bootstrap-t explodes; then the bound is the lower of the clustered t bound and the loss that follows if as many
    queries change as Clopper-Pearson allows, each as badly as the worst one seen. Where nothing changed it is 0: a
    change that touches one query in thirty is not seen by 44 queries a quarter of the time, however bad it is.

    Returns:
        The bound; nan for fewer than ``intervals.MIN_QUERIES`` queries.
    """
    mean, q = difference.mean, difference.n_queries
    if q < intervals.MIN_QUERIES or not np.isfinite(mean):
        return float("nan")
    if changed >= intervals.MIN_EVENT_QUERIES:
        return intervals.bootstrap_t_lower(difference, counts, alpha)
    if changed == 0:
        return mean
    flipped = ClusterTotals(-difference.sums, difference.counts)
    worst = float((difference.sums / np.maximum(difference.counts, 1)).min())
    allowed = intervals.clopper_pearson_upper(min(changed, q), q, alpha)
    return min(-intervals.cluster_t_upper(flipped, alpha), allowed * worst)


def order(evidence: Evidence) -> ClusterTotals:
    """Within-query pairwise accuracy by query: concordant pairs and pairs with a gold gap of 1 or more."""
    return ClusterTotals(
        *pairwise_accuracy_totals(evidence.calibrated, evidence.gold, evidence.query_index, evidence.n_queries)
    )


def order_low(evidence: Evidence, counts: NDArray[np.int64], alpha: float) -> float:
    """One-sided 1 - alpha lower bound of the within-query pairwise accuracy.

    Bootstrap-t: a few badly ordered queries skew the mean, and percentiles are above the truth two to four times as
    often as they say, on recorded judges of TREC DL too (48 queries x 20 pairs, nominal .0076: .026, this bound .014).
    Where few queries hold a wrongly ordered pair at all, the bound of a rare event.
    """
    right = order(evidence)
    wrong = ClusterTotals(right.counts - right.sums, right.counts)
    return 1 - intervals.rare_event_upper(wrong, counts, alpha)


def gross_errors(evidence: Evidence) -> ClusterTotals:
    """By query: pairs whose error reaches the scale's gross error, those without a grade included, and pairs."""
    error = np.abs(evidence.calibrated - evidence.gold)
    gross = np.where(np.isnan(error) | (error >= evidence.scale.gross_error), 1.0, 0.0)
    return intervals.cluster_totals(gross, evidence.query_index, evidence.n_queries)


def bias(evidence: Evidence) -> ClusterTotals:
    """By query: error in shares of R of the pairs that were read, and how many."""
    error = (evidence.calibrated - evidence.gold) / evidence.scale.span
    read = ~np.isnan(error)
    return intervals.cluster_totals(error[read], evidence.query_index[read], evidence.n_queries)


def reported(evidence: Evidence, counts: NDArray[np.int64]) -> tuple[Criterion, ...]:
    """Figures a reader of the certificate wants beside the criteria; none of them opens or closes."""
    totals = intervals.cluster_totals(loss(evidence), evidence.query_index, evidence.n_queries)
    loss_high = intervals.bootstrap_t_upper(totals, counts, 0.05)
    read = ~np.isnan(evidence.raw)
    rounded = np.floor(evidence.raw[read] + 0.5).astype(np.int64)
    gold = np.floor(evidence.gold[read] + 0.5).astype(np.int64)
    ranking = ndcg_by_query(
        np.where(read, evidence.raw, evidence.scale.lo - 1.0),
        evidence.gold - evidence.scale.lo, evidence.query_index, evidence.n_queries,
    )  # fmt: skip
    ranked = float(np.nanmean(ranking)) if np.isfinite(ranking).any() else float("nan")
    figures = (
        ("NMSE (0-100)", nmse(totals.mean), nmse(loss_high)),
        ("Cohen's kappa", cohen_kappa(rounded, gold), None),
        ("quadratic kappa", quadratic_kappa(rounded, gold, evidence.scale.grades), None),
        ("the judge's own nDCG@10", ranked, None),
    )
    return tuple(
        Criterion(
            name, "reported", known(value), known(bound), None,
            f"{name} {value:.3f}" + (f", 95 % upper bound {bound:.3f}" if bound is not None else ""),
        )
        for name, value, bound in figures
    )  # fmt: skip


def _per_query(evidence: Evidence, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(evidence.query_index, weights=values, minlength=evidence.n_queries).astype(np.float64)
