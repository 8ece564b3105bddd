"""How well scores order the documents of each query: nDCG, within-query pairwise accuracy, Kendall's tau-b.

A query that cannot answer the question (no positive grade, one distinct grade) is nan or has no pairs, never 0.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from label_pipeline.core.codes.ranking import Gain

_GAP_TOLERANCE = 1e-9  # panel means are floats: 7/3 - 4/3 must count as a gap of 1


def ndcg(scores: ArrayLike, grades: ArrayLike, k: int = 10, gain: Gain = "exponential") -> float:
    """nDCG@k of one query: DCG@k of the order by score over the DCG@k of the best order.

    DCG@k = sum over ranks r = 1..k of gain / log2(r + 1).

    Args:
        scores: (n,) higher is better. Documents tied in score share the mean of the discounts of the ranks they
            occupy (the expected value over their permutations, as in scikit-learn), so row order never matters. A nan
            score ranks below every number.
        grades: (n,) human grades counted from 0 = irrelevant (subtract the scale's ``lo`` first). nan = not judged:
            gain 0, as in trec_eval.
        k: cutoff rank.
        gain: ``exponential`` 2^g - 1 or ``linear`` g.

    Returns:
        A number in [0, 1]; nan when no document has a positive grade.

    Raises:
        ValueError: for a negative grade or an unknown gain.

    Reference: Jarvelin and Kekalainen (2002); ties after McSherry and Najork (2008).
    """
    gains = _gains(np.nan_to_num(np.asarray(grades, dtype=np.float64)), gain)
    values = np.asarray(scores, dtype=np.float64)
    discounts = np.zeros(len(gains))
    discounts[:k] = 1 / np.log2(np.arange(2, min(k, len(gains)) + 2))
    best = float(np.sort(gains)[::-1] @ discounts)
    if best == 0:
        return math.nan
    lowest_last = -np.where(np.isnan(values), -np.inf, values)
    _, group, sizes = np.unique(lowest_last, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    cumulative = np.concatenate([[0.0], np.cumsum(discounts)])
    shared = (cumulative[ends] - cumulative[ends - sizes]) / sizes
    return float(gains @ shared[group]) / best


def ndcg_by_query(
    scores: ArrayLike,
    grades: ArrayLike,
    query_index: ArrayLike,
    n_queries: int,
    k: int = 10,
    gain: Gain = "exponential",
) -> NDArray[np.float64]:
    """nDCG@k of every query, shape (Q,); nan for a query without a positive grade or without rows. See ``ndcg``."""
    values, golds = np.asarray(scores, dtype=np.float64), np.asarray(grades, dtype=np.float64)
    result = np.full(n_queries, np.nan)
    for query, rows in _rows_by_query(query_index):
        result[query] = ndcg(values[rows], golds[rows], k, gain)
    return result


def pairwise_accuracy_totals(
    scores: ArrayLike, gold: ArrayLike, query_index: ArrayLike, n_queries: int, min_gap: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Within-query pairwise accuracy, as totals that can be resampled by query.

    Of every two documents of one query whose gold grades differ by ``min_gap`` or more: does the better one score
    higher? A tie in score counts 1/2. A document without a score (nan) loses all its pairs.

    Args:
        scores: (n,) judge or ranker scores.
        gold: (n,) gold grades; a nan grade forms no pair.
        query_index: (n,) integers 0 .. n_queries-1.
        n_queries: number of queries.
        min_gap: smallest difference of gold grades that counts, in grades.

    Returns:
        (concordant, pairs), each (Q,); the accuracy is sum / sum, and a query without pairs has 0 in both. Feed them
        to ``ClusterTotals``.
    """
    values, golds = np.asarray(scores, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    concordant, pairs = np.zeros(n_queries), np.zeros(n_queries)
    for query, rows in _rows_by_query(query_index):
        score, grade = values[rows], golds[rows]
        better = grade[:, None] - grade >= min_gap - _GAP_TOLERANCE
        wins = (score[:, None] > score) + 0.5 * (score[:, None] == score)  # comparing with nan is False: a loss
        concordant[query] = wins[better].sum()
        pairs[query] = better.sum()
    return concordant, pairs


def mean_kendall_tau_b(scores: ArrayLike, gold: ArrayLike, query_index: ArrayLike, n_queries: int) -> float:
    """Kendall's tau-b between scores and gold within each query, averaged over queries with two distinct gold grades.

    A query whose scores are all equal counts 0: it orders nothing. Rows where either number is nan are left out; nan
    when no query qualifies. ``n_queries`` only bounds ``query_index``.
    """
    values, golds = np.asarray(scores, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    index = np.asarray(query_index, dtype=np.int64)
    if len(index) and index.max() >= n_queries:
        raise ValueError(f"query_index holds {index.max()}, expected 0 .. {n_queries - 1}")
    usable = np.isfinite(values) & np.isfinite(golds)
    values, golds = values[usable], golds[usable]
    taus: list[float] = []
    for _, rows in _rows_by_query(index[usable]):
        if len(np.unique(golds[rows])) < 2:
            continue
        constant = len(np.unique(values[rows])) < 2
        taus.append(0.0 if constant else float(stats.kendalltau(values[rows], golds[rows], variant="b").statistic))
    return float(np.mean(taus)) if taus else math.nan


def _gains(grades: NDArray[np.float64], gain: Gain) -> NDArray[np.float64]:
    """The gain of every grade."""
    if len(grades) and grades.min() < 0:
        raise ValueError(f"nDCG needs grades from 0 up, found {grades.min():g}; subtract the scale's lowest grade")
    if gain == "exponential":
        return np.exp2(grades) - 1
    if gain == "linear":
        return grades
    raise ValueError(f"unknown gain {gain!r}; choose exponential or linear")


def _rows_by_query(query_index: ArrayLike) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(query, its row numbers in input order), ascending by query."""
    index = np.asarray(query_index, dtype=np.int64)
    if len(index) == 0:
        return
    order = np.argsort(index, kind="stable")
    queries, starts = np.unique(index[order], return_index=True)
    for query, rows in zip(queries, np.split(order, starts[1:]), strict=True):
        yield int(query), rows
