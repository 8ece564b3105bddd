"""Compare judge candidates on the humans' train and dev queries, and choose one.

Loss is the squared error after an affine calibrator fitted out of fold (query-grouped), as NMSE 0-100; a reply that
could not be read costs 100. Figures of order are of the grade a ranker would learn from, and a candidate is chosen only
where human grades rise with that one: no calibrator turns the labels of an upside-down judge round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core import calibrators, intervals
from label_pipeline.core.agreement import quadratic_kappa
from label_pipeline.core.catalogue import LEADERBOARD
from label_pipeline.core.errors import JudgeError, NotApplicableError
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.ranking import pairwise_accuracy_totals
from label_pipeline.core.scale import Scale
from label_pipeline.core.slope import slope_totals
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.core.training_grade import AUTO, TrainingGrade, as_trained

UNGRADED_LIMIT = 0.02
"""Above this share of replies without a grade the gate would close to the candidate: choosing it would waste a look."""


@dataclass(frozen=True)
class Candidate:
    """One candidate as judged on train and dev.

    Attributes:
        name: its name in settings.
        member_hash: what it is.
        grades: one row per pair (``core.judge.pair_grades``); None when it could not be asked at all.
        cost_per_1000_usd: US dollars a thousand pairs.
        trouble: why it could not be asked; None when it could.
    """

    name: str
    member_hash: str
    grades: pl.DataFrame | None
    cost_per_1000_usd: float
    trouble: str | None = None


@dataclass(frozen=True)
class Entry:
    """One line of the leaderboard; losses are NMSE points, ``difference`` is paired against the best.

    ``slope`` is the grades the human one rises by, a grade of the candidate as it trains, with its one-sided 95 % lower
    bound.
    """

    candidate: Candidate
    loss: intervals.Estimate
    difference: float
    difference_se: float
    pairwise_accuracy: float
    quadratic_kappa: float
    ungraded_share: float
    slope: float
    slope_low: float
    n_pairs: int
    chosen: bool
    reason: str


@dataclass(frozen=True)
class _Scored:
    candidate: Candidate
    nmse: NDArray[np.float64]
    pairwise_accuracy: float
    quadratic_kappa: float
    ungraded_share: float
    slope: float
    slope_low: float

    @property
    def upside_down(self) -> bool:
        """Whether human grades do not rise with its own: the bound says so or, below 20 queries, the slope itself."""
        shown = self.slope if np.isnan(self.slope_low) else self.slope_low
        return shown <= 0


def compare(
    gold: pl.DataFrame,
    candidates: Sequence[Candidate],
    scale: Scale,
    *,
    folds: int,
    rng: np.random.Generator,
    trains_on: TrainingGrade = AUTO,
) -> tuple[Entry, ...]:
    """The leaderboard, best loss first; one entry is chosen, or none where human grades rise with nobody's.

    The cheapest candidate whose mean paired loss is within one query-clustered standard error of the best wins
    (one-SE rule, Breiman et al. 1984; statistics.md section 4); equal prices go to the lower loss.

    Args:
        gold: GOLD rows of train and dev.
        candidates: every candidate, asked or not.
        scale: the grade scale.
        folds: query-grouped folds of the out-of-fold calibrator.
        rng: draws the intervals.
        trains_on: which grade of a label a ranker learns from (settings `rank.grades`).

    Raises:
        NotApplicableError: no gold.
        JudgeError: no candidate could be asked.
    """
    if gold.is_empty():
        raise NotApplicableError("no graded pair on a train or dev query; put human labels under inputs.human_labels")
    ordered = gold.sort(PAIR_KEY, nulls_last=True)
    codes = query_codes(ordered)
    n_queries = int(codes.max()) + 1
    counts = intervals.resample_counts(n_queries, rng)
    scored = [
        _score(ordered, codes, n_queries, c, scale, folds, trains_on, counts)
        for c in candidates
        if c.grades is not None
    ]
    if not scored:
        troubles = "; ".join(f"{c.name}: {c.trouble}" for c in candidates)
        raise JudgeError(f"none of {len(candidates)} candidates could be asked: {troubles}")
    choice = _choose(scored, codes, n_queries)
    by_loss = sorted(scored, key=lambda s: (float(s.nmse.mean()), s.candidate.name))
    return (
        *(_entry(one, choice, codes, n_queries, counts) for one in by_loss),
        *(_absent(one) for one in candidates if one.grades is None),
    )


@dataclass(frozen=True)
class _Choice:
    """Who wins, and what against.

    Attributes:
        best: the lowest loss.
        within: candidates within one standard error of it, which may win.
        winner: the cheapest of them; None where human grades rise with nobody's.
        paired: by name, the loss of each candidate minus the best one's, by query.
    """

    best: _Scored
    within: Sequence[_Scored]
    winner: _Scored | None
    paired: Mapping[str, intervals.ClusterTotals]


def _choose(scored: Sequence[_Scored], codes: NDArray[np.int64], n_queries: int) -> _Choice:
    """By the one-SE rule, among those who read the scale the right way up and whose replies can mostly be read."""
    upright = [s for s in scored if not s.upside_down and s.ungraded_share < 1]
    eligible = [s for s in upright if s.ungraded_share <= UNGRADED_LIMIT] or upright
    best = min(eligible or scored, key=lambda s: (float(s.nmse.mean()), s.candidate.name))
    paired = {s.candidate.name: intervals.cluster_totals(s.nmse - best.nmse, codes, n_queries) for s in scored}
    within = [s for s in eligible if paired[s.candidate.name].mean <= _se(paired[s.candidate.name])]
    winner = min(
        within, key=lambda s: (s.candidate.cost_per_1000_usd, float(s.nmse.mean()), s.candidate.name), default=None
    )
    return _Choice(best, within, winner, paired)


def _entry(one: _Scored, choice: _Choice, codes: NDArray[np.int64], n_queries: int, counts: NDArray[np.int64]) -> Entry:
    difference = choice.paired[one.candidate.name]
    return Entry(
        candidate=one.candidate,
        loss=intervals.bootstrap_t_interval(intervals.cluster_totals(one.nmse, codes, n_queries), counts),
        difference=difference.mean,
        difference_se=_se(difference),
        pairwise_accuracy=one.pairwise_accuracy,
        quadratic_kappa=one.quadratic_kappa,
        ungraded_share=one.ungraded_share,
        slope=one.slope,
        slope_low=one.slope_low,
        n_pairs=len(one.nmse),
        chosen=one is choice.winner,
        reason=_reason(one, choice.best, choice.winner, choice.within),
    )


def _absent(candidate: Candidate) -> Entry:
    """The line of a candidate that could not be asked."""
    nan = float("nan")
    nothing = intervals.Estimate(nan, nan, nan)
    told = f"could not be asked: {candidate.trouble}"
    return Entry(candidate, nothing, nan, nan, nan, nan, nan, nan, nan, 0, chosen=False, reason=told)


def board(entries: Sequence[Entry], calibration_id: str, epoch: int, now: datetime) -> pl.DataFrame:
    """LEADERBOARD rows of one calibration; nan becomes null."""
    rows = [
        {
            "calibration_id": calibration_id,
            "epoch": epoch,
            "candidate": e.candidate.name,
            "member_hash": e.candidate.member_hash,
            "loss": e.loss.value,
            "loss_low": e.loss.low,
            "loss_high": e.loss.high,
            "difference": e.difference,
            "difference_se": e.difference_se,
            "pairwise_accuracy": e.pairwise_accuracy,
            "quadratic_kappa": e.quadratic_kappa,
            "unreadable_share": e.ungraded_share,
            "slope": e.slope,
            "slope_low": e.slope_low,
            "cost_per_1000_usd": e.candidate.cost_per_1000_usd,
            "n_pairs": e.n_pairs,
            "chosen": e.chosen,
            "reason": e.reason,
            "calibrated_at": now,
        }
        for e in entries
    ]
    return LEADERBOARD.conform(pl.DataFrame(rows).with_columns(pl.selectors.float().fill_nan(None)))


def _score(
    gold: pl.DataFrame,
    codes: NDArray[np.int64],
    n_queries: int,
    candidate: Candidate,
    scale: Scale,
    folds: int,
    trains_on: TrainingGrade,
    counts: NDArray[np.int64],
) -> _Scored:
    assert candidate.grades is not None
    joined = gold.join(candidate.grades, on=list(PAIR_KEY), how="left", nulls_equal=True, maintain_order="left")
    expected = joined["expected_grade"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    trained = as_trained(joined, trains_on, scale)
    truth = gold["gold_mean"].to_numpy()
    collections = gold["collection"].to_numpy()
    calibrated = np.full(len(truth), np.nan)
    for name in np.unique(collections):
        rows = collections == name
        query_ids = gold["query_id"].filter(pl.Series(rows)).to_list()
        calibrated[rows] = calibrators.out_of_fold(expected[rows], truth[rows], query_ids, scale, folds)
    concordant, pairs = pairwise_accuracy_totals(trained, truth, codes, n_queries)
    read = ~np.isnan(trained)
    # a candidate's grades are fitted to nothing: its slope on these queries is as honest as out of fold
    slope = slope_totals(trained, truth, codes, n_queries)
    return _Scored(
        candidate=candidate,
        nmse=100 * scale.loss(calibrated, truth),
        pairwise_accuracy=float(concordant.sum() / pairs.sum()) if pairs.sum() else float("nan"),
        quadratic_kappa=quadratic_kappa(_whole(trained[read]), _whole(truth[read]), scale.grades),
        ungraded_share=_share(joined),
        slope=slope.mean,
        slope_low=intervals.bootstrap_t_lower(slope, counts, 0.05),
    )


def _share(joined: pl.DataFrame) -> float:
    """Replies without a grade among all, whatever the reason; a pair that was never asked counts as one."""
    ungraded = joined["ungraded"].fill_null(1).to_numpy().sum()
    return float(ungraded / joined["replies"].fill_null(1).to_numpy().sum())


def _se(totals: intervals.ClusterTotals) -> float:
    return 0.0 if not np.any(totals.sums) else totals.se


def _whole(grades: NDArray[np.float64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.floor(grades + 0.5).astype(np.int64)
    return found


def _reason(entry: _Scored, best: _Scored, winner: _Scored | None, within: Sequence[_Scored]) -> str:
    price = f"${entry.candidate.cost_per_1000_usd:.3f} a thousand pairs"
    if entry is winner:
        return (
            "lowest loss" if entry is best else f"cheapest within one standard error of {best.candidate.name}: {price}"
        )
    if entry.ungraded_share == 1:
        return "no reply holds a grade"
    if entry.upside_down:
        return (
            f"human grades rise by {entry.slope:.2f} a grade of its own, 95 % bound {entry.slope_low:.2f}, needs above "
            "0: it may read the scale upside down"
        )
    if entry.ungraded_share > UNGRADED_LIMIT:
        return f"{entry.ungraded_share:.1%} unreadable replies, limit {UNGRADED_LIMIT:.0%}"
    if winner is not None and entry in within:
        dearer = entry.candidate.cost_per_1000_usd > winner.candidate.cost_per_1000_usd
        return f"within one standard error of the best, but {f'dearer: {price}' if dearer else 'its loss is higher'}"
    return f"more than one standard error behind {best.candidate.name}"
