"""Ranking figures against scikit-learn, ir-measures, scipy and brute force."""

import itertools
import math
import shutil

import ir_measures
import numpy as np
import pytest
from ir_measures import nDCG
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score

from label_pipeline.core.codes.ranking import Gain
from label_pipeline.core.ranking import mean_kendall_tau_b, ndcg, ndcg_by_query, pairwise_accuracy_totals

GAINS: tuple[Gain, ...] = ("exponential", "linear")


def world(
    seed: int, n_queries: int = 12, size: int = 30
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Scores, grades 0-3 and query index, rows shuffled."""
    rng = np.random.default_rng(seed)
    index = rng.permutation(np.repeat(np.arange(n_queries), size))
    grades = rng.integers(0, 4, len(index))
    return grades + rng.normal(0, 1.5, len(index)), grades, index


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("decimals", [0, 5])
def test_ndcg_equals_sklearn_ties_included(gain: Gain, decimals: int) -> None:
    for seed in range(20):
        scores, grades, _ = world(seed, n_queries=1)
        scores = np.round(scores, decimals)  # at 0 decimals most scores are tied
        gains = 2.0**grades - 1 if gain == "exponential" else grades
        for k in (1, 10, 50):
            oracle = ndcg_score([gains], [scores], k=k)
            assert ndcg(scores, grades, k, gain) == pytest.approx(oracle)


def by_ir_measures(measure: ir_measures.Measure, relevance: NDArray[np.int64], seed: int) -> list[float]:
    """What ir-measures says about every query of ``world(seed)``, with ``relevance`` as the judgments."""
    scores, _, index = world(seed)
    rows = [(str(q), f"d{i:04d}") for i, q in enumerate(index)]
    qrels = [ir_measures.Qrel(*row, int(g)) for row, g in zip(rows, relevance, strict=True)]
    run = [ir_measures.ScoredDoc(*row, float(s)) for row, s in zip(rows, scores, strict=True)]
    found = {metric.query_id: metric.value for metric in ir_measures.iter_calc([measure], qrels, run)}
    return [found[str(query)] for query in range(12)]


@pytest.mark.parametrize("gain", GAINS)
def test_ndcg_equals_trec_eval(gain: Gain) -> None:
    for seed in range(5):
        scores, grades, index = world(seed)
        relevance = 2**grades - 1 if gain == "exponential" else grades  # trec_eval's own gain is linear
        oracle = by_ir_measures(nDCG @ 10, relevance, seed)
        assert ndcg_by_query(scores, grades, index, 12, 10, gain) == pytest.approx(oracle)


@pytest.mark.outside
@pytest.mark.skipif(shutil.which("perl") is None, reason="gdeval is a Perl script and perl is absent")
def test_exponential_ndcg_equals_gdeval() -> None:
    scores, grades, index = world(1)
    oracle = by_ir_measures(nDCG(dcg="exp-log2") @ 10, grades, 1)
    assert ndcg_by_query(scores, grades, index, 12, 10, "exponential") == pytest.approx(oracle, abs=1e-5)


def test_ndcg_by_hand() -> None:
    # order by score: grades 0, 3, 1; exponential gains 0, 7, 1; ideal 7, 1, 0
    dcg, best = 7 / math.log2(3) + 1 / 2, 7 + 1 / math.log2(3)
    assert ndcg([3, 2, 1], [0, 3, 1]) == pytest.approx(dcg / best)
    assert ndcg([3, 2, 1], [0, 3, 1], gain="linear") == pytest.approx((3 / math.log2(3) + 0.5) / (3 + 1 / math.log2(3)))
    assert ndcg([3, 2, 1], [0, 3, 1], k=1) == 0.0


def test_tied_scores_give_the_expected_value_over_their_orders() -> None:
    grades = np.array([3, 0, 1, 2, 0])
    scores = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    orders = [(*a, *b) for a in itertools.permutations([0, 1, 2]) for b in itertools.permutations([3, 4])]
    values = [ndcg(-np.argsort(order), grades, k=2) for order in orders]
    assert ndcg(scores, grades, k=2) == pytest.approx(float(np.mean(values)))


def test_a_query_that_cannot_be_ranked_is_nan_and_missing_numbers_have_a_rule() -> None:
    assert math.isnan(ndcg([1.0, 2.0], [0, 0]))
    assert math.isnan(ndcg([], []))
    assert ndcg([math.nan, -1e9], [1, 0]) < ndcg([0.0, -1e9], [1, 0]) == 1.0  # no score: ranked last
    assert ndcg([2.0, 1.0], [math.nan, 1]) == pytest.approx(1 / math.log2(3))  # not judged: gain 0
    values = ndcg_by_query([1.0, 2.0, 3.0], [0, 1, 0], [0, 2, 0], 3)
    assert math.isnan(values[0])
    assert math.isnan(values[1])  # no rows
    assert values[2] == 1.0


def test_ndcg_refuses_negative_grades_and_unknown_gains() -> None:
    with pytest.raises(ValueError, match="grades from 0 up, found -1"):
        ndcg([1.0, 2.0], [-1, 2])
    with pytest.raises(ValueError, match="choose exponential or linear"):
        ndcg([1.0], [1], gain="quadratic")  # type: ignore[arg-type]  # the wrong name is the test


def brute_pairs(scores: NDArray[np.float64], gold: NDArray[np.float64], min_gap: float) -> tuple[float, int]:
    won, pairs = 0.0, 0
    for i, j in itertools.permutations(range(len(gold)), 2):
        if gold[i] - gold[j] >= min_gap:
            pairs += 1
            won += 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
    return won, pairs


@pytest.mark.parametrize("min_gap", [1.0, 2.0])
def test_pairwise_accuracy_equals_brute_force(min_gap: float) -> None:
    for seed in range(10):
        scores, grades, index = world(seed, n_queries=6, size=12)
        scores = np.round(scores)
        scores[::7] = np.nan  # loses its pairs
        won, pairs = pairwise_accuracy_totals(scores, grades, index, 7, min_gap)
        expected = [brute_pairs(scores[index == q], grades[index == q].astype(float), min_gap) for q in range(6)]
        assert won.tolist() == [w for w, _ in expected] + [0.0]
        assert pairs.tolist() == [p for _, p in expected] + [0.0]


def test_pairwise_accuracy_of_known_orders() -> None:
    gold = np.tile([0.0, 1, 2, 3], 3)
    index = np.repeat([0, 1, 2], 4)
    scores = np.concatenate([gold[:4], -gold[:4], np.ones(4)])
    won, pairs = pairwise_accuracy_totals(scores, gold, index, 3)
    assert (won / pairs).tolist() == [1.0, 0.0, 0.5]
    unread, counted = pairwise_accuracy_totals(np.full(4, np.nan), gold[:4], index[:4], 1)
    assert (unread.tolist(), counted.tolist()) == ([0.0], [6.0])


def test_a_gap_of_one_between_panel_means_is_a_gap_of_one() -> None:
    for thirds in range(1, 9):
        low, high = thirds / 3, (thirds + 3) / 3
        _, pairs = pairwise_accuracy_totals([0.0, 1.0], [low, high], [0, 0], 1)
        assert pairs[0] == 1
    assert pairwise_accuracy_totals([0.0, 1.0], [0.0, 0.99], [0, 0], 1)[1][0] == 0
    assert pairwise_accuracy_totals([0.0, 1.0], [0.0, math.nan], [0, 0], 1)[1][0] == 0


def test_tau_b_averages_queries_and_counts_a_constant_judge_as_zero() -> None:
    # query 0 in order (1), query 1 constant scores (0), query 2 one gold grade (left out), query 3 reversed with a tie
    scores = [1.0, 2.0, 3.0, 5.0, 5.0, 1.0, 2.0, 2.0, 1.0, 1.0]
    gold = [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 2.0, 0.0, 1.0, 2.0]
    index = [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]
    # query 3: pairs -, -, tie in score: (0 - 2) / sqrt(2 * 3)
    assert mean_kendall_tau_b(scores, gold, index, 4) == pytest.approx((1 + 0 - 2 / math.sqrt(6)) / 3)
    assert math.isnan(mean_kendall_tau_b([1.0, 2.0], [1.0, 1.0], [0, 0], 1))
    assert mean_kendall_tau_b([*scores, math.nan], [*gold, 3.0], [*index, 0], 4) == pytest.approx(
        mean_kendall_tau_b(scores, gold, index, 4)
    )
    with pytest.raises(ValueError, match=r"expected 0 \.\. 2"):
        mean_kendall_tau_b(scores, gold, index, 3)


def test_row_order_never_matters() -> None:
    for seed in range(10):
        scores, grades, index = world(seed)
        scores = np.round(scores)
        order = np.random.default_rng(seed).permutation(len(index))
        args, shuffled = (scores, grades, index, 12), (scores[order], grades[order], index[order], 12)
        assert ndcg_by_query(*shuffled) == pytest.approx(ndcg_by_query(*args))
        assert (
            np.array(pairwise_accuracy_totals(*shuffled)).tolist() == np.array(pairwise_accuracy_totals(*args)).tolist()
        )
        assert mean_kendall_tau_b(*shuffled) == pytest.approx(mean_kendall_tau_b(*args))


def test_a_monotone_change_of_scores_never_matters() -> None:
    scores, grades, index = world(2)
    stretched = np.exp(scores)
    assert ndcg_by_query(stretched, grades, index, 12) == pytest.approx(ndcg_by_query(scores, grades, index, 12))
    assert pairwise_accuracy_totals(stretched, grades, index, 12)[0].sum() == (
        pairwise_accuracy_totals(scores, grades, index, 12)[0].sum()
    )
