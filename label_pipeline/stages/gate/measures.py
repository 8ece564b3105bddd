"""What the gate measures on its evidence: skill, order, gross errors, bias, and the figures it only reports.

Figures of order are of the grade a ranker learns from, figures of error of the calibrated one. Arrays in, numbers out;
nan is "cannot be computed". A pair without a grade has the worst loss, is a gross error and loses its pairs. Keep out:
thresholds and sentences (criteria.py, direction.py, decision.py, recertify.py).
"""

import math

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core import intervals
from label_pipeline.core.agreement import cohen_kappa, quadratic_kappa
from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.core.ranking import ndcg_by_query, pairwise_accuracy_totals
from label_pipeline.core.scale import nmse
from label_pipeline.core.slope import slope_totals
from label_pipeline.stages.gate.criteria import Criterion, known
from label_pipeline.stages.gate.evidence import Evidence

_ALIKE = 1e-13
"""Variance of gold, in shares of R^2, below which every grade is the same."""
_UNSEEN = 2.0
"""How much worse than the worst changed query seen one not seen is taken to be; see ``difference_low``."""


def loss(evidence: Evidence) -> NDArray[np.float64]:
    """(n,) loss of the calibrated grades, shares of R^2; a pair without a grade has the worst loss, 1."""
    return evidence.scale.loss(evidence.calibrated, evidence.gold)


def skill(evidence: Evidence) -> float:
    """R^2 = 1 - MSE / Var(gold); nan where the gold grades are all alike."""
    return 1 - math.exp(log_unexplained(evidence).mean)


def skill_low(evidence: Evidence, alpha: float) -> float:
    """One-sided 1 - alpha lower bound of R^2: the clustered t bound of log(MSE / Var(gold)), turned back.

    On the log scale a ratio is nearly symmetric. 48 queries x 20 pairs drawn from the 97 of TREC DL, seven recorded
    judges, nominal .0304: above the truth in .031-.067 of draws, and so are percentiles of R^2 (.024-.068) and
    bootstrap-t of its linearisation (.031-.067), whose bound lies .03 lower and would close the gate on GPT-4o in a
    fifth of re-splits. In simulated worlds near the limits .015-.034, where percentiles are too strict (.009-.032).
    Where a judge reads a few queries wrongly throughout it is worse than bootstrap-t: 6 % of them upside down, .081
    against .063. It was chosen among five on the same queries that docs/results.md is about.

    Returns:
        The bound; nan for fewer than ``intervals.MIN_QUERIES`` queries, 1 where nothing is lost.
    """
    totals = log_unexplained(evidence)
    if totals.n_queries < intervals.MIN_QUERIES:
        return math.nan
    if totals.mean == -math.inf:
        return 1.0
    return 1 - math.exp(intervals.cluster_t_upper(totals, alpha))


def log_unexplained(evidence: Evidence) -> ClusterTotals:
    """log(MSE / Var(gold)) as the mean of a quantity by pair: itself + loss / MSE - (g - mean g)^2 / Var(gold)."""
    graded = evidence.gold / evidence.scale.span  # in the unit of the loss
    variance, lost = float(graded.var()), loss(evidence)
    error = float(lost.mean()) if len(lost) else math.nan
    if not variance > _ALIKE:
        values = np.full(evidence.n_pairs, np.nan)
    elif error == 0:
        values = np.full(evidence.n_pairs, -np.inf)
    else:
        values = math.log(error / variance) + lost / error - (graded - graded.mean()) ** 2 / variance
    return evidence.totals(values)


def skill_difference(judge: Evidence, reference: Evidence) -> ClusterTotals:
    """R^2 of ``judge`` minus R^2 of ``reference`` on the same pairs, as the mean of a quantity by pair.

    The quantity is the difference linearised at its estimate D: (loss_reference - loss_judge) / Var(gold) -
    D ((g - mean g)^2 / Var(gold) - 1). Its mean is D, its clustered standard error that of the delta method, so it can
    be studentised; nan where the gold grades are all alike.
    """
    graded = judge.gold / judge.scale.span
    variance = float(graded.var())
    if variance <= _ALIKE:
        return judge.totals(np.full(judge.n_pairs, np.nan))
    gained = (loss(reference) - loss(judge)) / variance
    spread = (graded - graded.mean()) ** 2 / variance
    return judge.totals(gained - gained.mean() * (spread - 1))


def order_difference(judge: Evidence, reference: Evidence) -> ClusterTotals:
    """Within-query pairwise accuracy of ``judge`` minus that of ``reference`` on the same pairs, by query."""
    ours, theirs = order(judge), order(reference)
    return ClusterTotals(ours.sums - theirs.sums, ours.counts)


def changed_queries(judge: Evidence, reference: Evidence) -> int:
    """How many clusters of queries hold a pair the two judges grade differently, calibrated or as it trains."""
    changed = np.zeros(judge.n_pairs, dtype=bool)
    for ours, theirs in ((judge.calibrated, reference.calibrated), (judge.trained, reference.trained)):
        changed |= (ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs))
    return len(np.unique(judge.clusters[judge.query_index[changed]]))


def difference_low(difference: ClusterTotals, changed: int, counts: NDArray[np.int64], alpha: float) -> float:
    """One-sided 1 - alpha lower bound of a paired difference.

    Bootstrap-t: a changed model that misreads some queries has a skewed loss, on which percentiles pass a judge exactly
    at the margin in .12 of simulated looks at a nominal .03 (44 queries x 10 pairs, a tenth of the queries misread).
    With fewer than ``intervals.MIN_EVENT_QUERIES`` queries changed at all many resamples hold none of them and
    bootstrap-t explodes; then the bound is the lower of the clustered t bound and the loss that follows if as many
    queries change as Clopper-Pearson allows, each twice as badly as the worst one seen: of one or two misread queries
    the worst is seldom the worst there is (44 x 10, a tenth misread, exactly at the margin, nominal .030: passes .055
    of first looks at once the worst, .034 at 1.5 times, .021 at twice). Where nothing changed it is 0: a change that
    touches one query in thirty is not seen by 44 queries a quarter of the time, however bad it is, and one that touches
    one in ten not in .010 of looks, more than looks two to five may spend.

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
    return min(-intervals.cluster_t_upper(flipped, alpha), allowed * _UNSEEN * worst)


def order(evidence: Evidence) -> ClusterTotals:
    """Within-query pairwise accuracy of the grade that trains: concordant pairs, and pairs with a gold gap of 1 or up.

    Not of the calibrated grade, which a calibrator of negative slope turns the right way round for this figure alone.
    """
    return _order_of(evidence.trained, evidence)


def _order_of(grades: NDArray[np.float64], evidence: Evidence) -> ClusterTotals:
    within = pairwise_accuracy_totals(grades, evidence.gold, evidence.query_index, evidence.n_queries)
    return evidence.by_cluster(ClusterTotals(*within))


def slope(evidence: Evidence) -> ClusterTotals:
    """Grades the human grade rises by, a grade of the judge as it trains; its mean is the slope."""
    return slope_totals(evidence.trained, evidence.gold, evidence.clusters[evidence.query_index], evidence.n_clusters)


def calibrator_slope(evidence: Evidence) -> float:
    """Grades the calibrated grade rises by, a grade of the judge as it trains; nan where the latter are all alike."""
    read = _read(evidence)
    away = evidence.trained[read] - evidence.trained[read].mean() if read.any() else np.zeros(0)
    spread = float(away @ away)
    return float(away @ evidence.calibrated[read]) / spread if spread > 0 else float("nan")


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
    """By query: pairs whose error reaches the scale's gross error, those without a grade included, and pairs.

    Of the grade that trains, moved by what the calibrator adds on average and rounded to a whole grade. A calibrated
    grade is shrunk towards the mean and seldom far from anything: a coin flip on 0-1 scores .000. The grade as given
    counts a shift of the whole scale, which changes no order and is bounded as bias, as if pairs were confused: the
    70B of TREC DL, a grade too generous throughout, has .191 as given and .062 here, Llama-3.2 .306 and .171, grades at
    random .42 and .27, a coin flip .50 both ways.
    """
    moved = float(np.nanmean(evidence.calibrated - evidence.trained)) if _read(evidence).any() else float("nan")
    return _gross(np.floor(evidence.trained + moved + 0.5), evidence)


def _gross(grades: NDArray[np.float64], evidence: Evidence) -> ClusterTotals:
    error = np.abs(np.clip(grades, evidence.scale.lo, evidence.scale.hi) - evidence.gold)
    gross = np.where(np.isnan(error) | (error >= evidence.scale.gross_error), 1.0, 0.0)
    return evidence.totals(gross)


def _read(evidence: Evidence) -> NDArray[np.bool_]:
    return np.isfinite(evidence.trained) & np.isfinite(evidence.calibrated)


def bias(evidence: Evidence) -> ClusterTotals:
    """By query: error in shares of R of the pairs that were read, and how many."""
    error = (evidence.calibrated - evidence.gold) / evidence.scale.span
    read = ~np.isnan(error)
    return evidence.totals(error[read], read)


def reported(evidence: Evidence, counts: NDArray[np.int64]) -> tuple[Criterion, ...]:
    """Figures a reader of the certificate wants beside the criteria; none of them opens or closes."""
    totals = evidence.totals(loss(evidence))
    loss_high = intervals.bootstrap_t_upper(totals, counts, 0.05)
    read = ~np.isnan(evidence.trained)
    rounded, gold = (np.floor(grades[read] + 0.5).astype(np.int64) for grades in (evidence.trained, evidence.gold))
    ranking = ndcg_by_query(
        np.where(read, evidence.trained, evidence.scale.lo - 1.0),
        evidence.gold - evidence.scale.lo, evidence.query_index, evidence.n_queries,
    )  # fmt: skip
    ranked = float(np.nanmean(ranking)) if np.isfinite(ranking).any() else float("nan")
    figures = (
        ("NMSE (0-100)", nmse(totals.mean), nmse(loss_high)),
        ("pairwise accuracy of calibrated grades", _order_of(evidence.calibrated, evidence).mean, None),
        (
            f"errors of {evidence.scale.gross_error} grades or more, as given",
            _gross(evidence.trained, evidence).mean,
            None,
        ),
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
