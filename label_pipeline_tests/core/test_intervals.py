"""Intervals: closed forms, the reference algorithm written out in loops, and coverage with a known truth."""

import math
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from label_pipeline.core.intervals import (
    ClusterTotals,
    bootstrap_t_interval,
    bootstrap_t_lower,
    bootstrap_t_upper,
    clopper_pearson_upper,
    cluster_t_upper,
    cluster_totals,
    percentile_bounds,
    percentile_interval,
    rare_event_upper,
    replicate_means,
    resample_counts,
)


def skewed_totals(seed: int, n_queries: int = 40) -> ClusterTotals:
    """Squared errors with unequal query sizes."""
    rng = np.random.default_rng(seed)
    query_index = np.append(np.arange(n_queries), rng.integers(0, n_queries, 5 * n_queries))
    values = (rng.normal(size=n_queries)[query_index] + rng.normal(size=len(query_index))) ** 2
    return cluster_totals(values, query_index, n_queries)


def rate_totals(events_per_query: list[int], size: int = 10) -> ClusterTotals:
    return ClusterTotals(np.array(events_per_query, dtype=float), np.full(len(events_per_query), float(size)))


def test_resample_counts_draws_every_query_equally_often_and_q_queries_a_sample() -> None:
    counts = resample_counts(50, np.random.default_rng(0), b=4000)
    assert counts.shape == (4000, 50)
    assert counts.dtype == np.int64
    assert (counts.sum(axis=1) == 50).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(50), abs=0.07)
    assert (counts == resample_counts(50, np.random.default_rng(0), b=4000)).all()


def test_totals_by_hand() -> None:
    totals = cluster_totals([1.0, 3.0, 5.0], [0, 0, 2], 3)
    assert totals.sums.tolist() == [4.0, 0.0, 5.0]
    assert totals.counts.tolist() == [2.0, 0.0, 1.0]
    assert totals.n_queries == 2  # the query without items takes no part
    assert totals.mean == 3.0
    # residuals 4 - 3*2 = -2 and 5 - 3 = 2: se = sqrt(2/1 * 8) / 3 = 4/3
    assert totals.se == pytest.approx(4 / 3)


def test_se_of_one_item_a_query_is_the_ordinary_standard_error() -> None:
    values = np.random.default_rng(1).normal(size=80)
    assert cluster_totals(values, np.arange(80), 80).se == pytest.approx(stats.sem(values))


def test_no_data_and_missing_values_are_nan() -> None:
    empty = cluster_totals([], [], 5)
    assert math.isnan(empty.mean)
    assert math.isnan(empty.se)
    counts = resample_counts(40, np.random.default_rng(0), b=50)
    unknown = cluster_totals([math.nan, *([1.0, 2.0] * 20)], [*range(40), 0], 40)
    for bound in (bootstrap_t_upper, bootstrap_t_lower, rare_event_upper):
        assert math.isnan(bound(unknown, counts, 0.05))


def reference_pivots(totals: ClusterTotals, counts: NDArray[np.int64]) -> list[float]:
    """Section 3 of the methods, one resample at a time."""
    pivots = []
    q = len(totals.sums)
    for row in counts:
        drawn = np.repeat(np.arange(q), row)
        s, n = totals.sums[drawn], totals.counts[drawn]
        theta = s.sum() / n.sum()
        se = math.sqrt(q / (q - 1) * ((s - theta * n) ** 2).sum()) / n.sum()
        pivots.append((theta - totals.mean) / se)
    return sorted(pivots)


@pytest.mark.parametrize("seed", range(5))
def test_bootstrap_t_is_the_reference_algorithm(seed: int) -> None:
    totals = skewed_totals(seed)
    counts = resample_counts(40, np.random.default_rng(seed), b=401)
    pivots = reference_pivots(totals, counts)
    # 401 sorted values: the .05 quantile is number 20, the .95 quantile number 380, the .025 and .975 10 and 390
    assert bootstrap_t_upper(totals, counts, 0.05) == pytest.approx(totals.mean - pivots[20] * totals.se)
    assert bootstrap_t_lower(totals, counts, 0.05) == pytest.approx(totals.mean - pivots[380] * totals.se)
    interval = bootstrap_t_interval(totals, counts, level=0.95)
    assert interval.value == totals.mean
    assert interval.low == pytest.approx(totals.mean - pivots[390] * totals.se)
    assert interval.high == pytest.approx(totals.mean - pivots[10] * totals.se)


def test_bootstrap_t_ignores_query_order_units_and_queries_without_items() -> None:
    totals = skewed_totals(3)
    counts = resample_counts(40, np.random.default_rng(3))
    upper = bootstrap_t_upper(totals, counts, 0.05)
    order = np.random.default_rng(4).permutation(40)
    shuffled = ClusterTotals(totals.sums[order], totals.counts[order])
    assert bootstrap_t_upper(shuffled, counts[:, order], 0.05) == pytest.approx(upper)
    for factor in (1e-6, 1e6):
        scaled = ClusterTotals(totals.sums * factor, totals.counts)
        assert bootstrap_t_upper(scaled, counts, 0.05) == pytest.approx(upper * factor)
    shifted = ClusterTotals(totals.sums + 1e6 * totals.counts, totals.counts)
    assert bootstrap_t_upper(shifted, counts, 0.05) - 1e6 == pytest.approx(upper, abs=1e-6)
    padded = ClusterTotals(np.append(totals.sums, 0.0), np.append(totals.counts, 0.0))
    with_empty = np.column_stack([counts, np.zeros(len(counts), dtype=np.int64)])
    assert bootstrap_t_upper(padded, with_empty, 0.05) == pytest.approx(upper)


@pytest.mark.parametrize(("n_queries", "refused"), [(19, True), (20, False)])
def test_fewer_than_twenty_queries_are_refused(n_queries: int, refused: bool) -> None:
    totals = ClusterTotals(np.arange(n_queries, dtype=float), np.full(n_queries, 5.0))
    counts = resample_counts(n_queries, np.random.default_rng(0))
    bounds = [
        bootstrap_t_upper(totals, counts, 0.05),
        bootstrap_t_lower(totals, counts, 0.05),
        rare_event_upper(totals, counts, 0.05),
    ]
    assert [math.isnan(bound) for bound in bounds] == [refused] * 3


def test_twenty_queries_of_which_one_has_items_are_refused() -> None:
    totals = ClusterTotals(np.append(np.zeros(30), 4.0), np.append(np.zeros(30), 5.0))
    assert math.isnan(bootstrap_t_upper(totals, resample_counts(31, np.random.default_rng(0)), 0.05))


@pytest.mark.parametrize(("level", "last"), [(0.0, 3), (7.3, 3), (0.7, 7), (0.1, 7)])
def test_without_any_spread_the_bound_is_the_mean(level: float, last: int) -> None:
    # .1, .7 and 7.3 have no exact binary form: rounding must not pass for spread
    sizes = np.append(np.ones(39), last)
    totals = ClusterTotals(level * sizes, sizes)
    counts = resample_counts(40, np.random.default_rng(1))
    assert bootstrap_t_upper(totals, counts, 0.05) == pytest.approx(level)
    assert bootstrap_t_lower(totals, counts, 0.05) == pytest.approx(level)


def test_a_resample_without_spread_widens_the_bound_to_infinity_and_never_narrows_it() -> None:
    # one event in 40 queries: (39/40)^40 = 36 % of resamples hold none and say theta* = 0, se* = 0
    totals = rate_totals([1] + [0] * 39)
    counts = resample_counts(40, np.random.default_rng(0))
    assert bootstrap_t_upper(totals, counts, 0.05) == math.inf
    assert math.isfinite(bootstrap_t_lower(totals, counts, 0.05))
    assert math.isfinite(bootstrap_t_upper(totals, counts, 0.45))


def test_cluster_t_closed_form() -> None:
    totals = skewed_totals(0)
    expected = totals.mean + stats.t.ppf(0.95, 39) * totals.se
    assert cluster_t_upper(totals, 0.05) == pytest.approx(expected)
    assert math.isnan(cluster_t_upper(rate_totals([3]), 0.05))


def test_clopper_pearson_closed_forms() -> None:
    for n in (1, 10, 440):
        assert clopper_pearson_upper(0, n, 0.05) == pytest.approx(1 - 0.05 ** (1 / n))  # P(0 events) = (1-p)^n
        assert clopper_pearson_upper(n, n, 0.05) == 1.0
    assert clopper_pearson_upper(9, 10, 0.05) == pytest.approx(0.95 ** (1 / 10))  # P(<= 9 of 10) = 1 - p^10
    for events in (1, 3, 7):
        upper = clopper_pearson_upper(events, 50, 0.05)
        assert stats.binom.cdf(events, 50, upper) == pytest.approx(0.05)
    assert math.isnan(clopper_pearson_upper(0, 0, 0.05))


@pytest.mark.parametrize(("events", "n"), [(-1, 10), (11, 10), (math.nan, 10)])
def test_clopper_pearson_refuses_impossible_counts(events: float, n: float) -> None:
    with pytest.raises(ValueError, match="0 <= events <= n"):
        clopper_pearson_upper(events, n, 0.05)


def test_rare_event_bound_follows_its_rule() -> None:
    counts = resample_counts(44, np.random.default_rng(0))
    none = rate_totals([0] * 44)
    assert rare_event_upper(none, counts, 0.05) == pytest.approx(1 - 0.05 ** (1 / 440))
    lumped = rate_totals([6, 6, 6] + [0] * 41)  # 18 events in 3 queries
    spread = rate_totals([2] * 9 + [0] * 35)  # 18 events in 9 queries
    naive = clopper_pearson_upper(18, 440, 0.05)
    assert rare_event_upper(lumped, counts, 0.05) > rare_event_upper(spread, counts, 0.05) > naive
    assert rare_event_upper(lumped, counts, 0.05) >= cluster_t_upper(lumped, 0.05)
    common = rate_totals([2] * 10 + [0] * 34)  # ten queries carry events: bootstrap-t
    assert rare_event_upper(common, counts, 0.05) == bootstrap_t_upper(common, counts, 0.05)
    assert rare_event_upper(common, counts, 0.05, min_event_queries=11) != bootstrap_t_upper(common, counts, 0.05)
    everything = rate_totals([10] * 44)
    assert rare_event_upper(everything, counts, 0.05) == 1.0


def test_rare_event_bound_counts_pairs_at_their_design_effect() -> None:
    # two events in each of 9 of 44 queries x 10 pairs: p = 18/440, residuals 2 - 10p (9 times) and -10p (35 times)
    p = 18 / 440
    variance = 44 / 43 * (9 * (2 - 10 * p) ** 2 + 35 * (10 * p) ** 2) / 440**2
    shrink = (stats.t.ppf(0.95, 439) / stats.t.ppf(0.95, 43)) ** 2
    effective = p * (1 - p) / variance * shrink
    assert effective < 300
    expected = stats.beta.ppf(0.95, p * effective + 1, effective - p * effective)
    counts = resample_counts(44, np.random.default_rng(0))
    assert rare_event_upper(rate_totals([2] * 9 + [0] * 35), counts, 0.05) == pytest.approx(expected)
    # one event in each of 9 queries is less clustered than chance: the pairs count in full, not for more
    even = ClusterTotals(np.append(np.ones(9), np.zeros(35)), np.full(44, 10.0))
    assert rare_event_upper(even, counts, 0.05) == pytest.approx(clopper_pearson_upper(9, 440, 0.05))


def test_rare_event_bound_rises_with_every_further_event() -> None:
    counts = resample_counts(44, np.random.default_rng(0))
    bounds = [rare_event_upper(rate_totals([1] * k + [0] * (44 - k)), counts, 0.05) for k in range(9)]
    assert bounds == sorted(bounds)
    assert all(0 < bound < 1 for bound in bounds)


def test_rare_event_coverage_on_clustered_rare_events() -> None:
    # beta-binomial: rate 2 %, intra-query correlation .1, 44 queries x 10 pairs; plain clustered t covers .84
    rng = np.random.default_rng(5)
    rate, reps = 0.02, 300
    covered = np.zeros(2)
    for _ in range(reps):
        totals = rate_totals(rng.binomial(10, rng.beta(rate * 9, (1 - rate) * 9, 44)).tolist())
        counts = resample_counts(44, rng, b=400)
        covered += [rare_event_upper(totals, counts, 0.05) >= rate, cluster_t_upper(totals, 0.05) >= rate]
    assert covered[0] / reps > 0.91
    assert covered[1] / reps < 0.89


def test_coverage_of_the_one_sided_bound_on_clustered_squared_errors() -> None:
    """300 holdouts of 60 queries and 300 pairs, 8 % of queries misread: the truth is covered, iid t falls short.

    Over 2,000 holdouts of this world bootstrap-t covers .942 and iid t .865.
    """
    rng = np.random.default_rng(20)
    reps, n_queries, size = 300, 60, 5
    index = np.repeat(np.arange(n_queries), size)
    truth = 0.55 + 0.25 + 0.08 * 1.0**2  # variances of pair and query error, and the misread queries' shift
    covered_boot, covered_iid = 0, 0
    for _ in range(reps):
        shift = 0.25**0.5 * rng.normal(size=n_queries) + 1.0 * (rng.random(n_queries) < 0.08)
        loss = (shift[index] + 0.55**0.5 * rng.normal(size=len(index))) ** 2
        counts = resample_counts(n_queries, rng)
        covered_boot += bootstrap_t_upper(cluster_totals(loss, index, n_queries), counts, 0.05) >= truth
        covered_iid += loss.mean() + stats.t.ppf(0.95, len(loss) - 1) * stats.sem(loss) >= truth
    assert 0.91 <= covered_boot / reps <= 0.98
    assert covered_iid / reps < 0.91


def test_replicate_means_are_weighted_means_and_nan_without_items() -> None:
    totals = ClusterTotals(np.array([2.0, 0.0, 9.0]), np.array([2.0, 0.0, 3.0]))
    means = replicate_means(totals, np.array([[1, 1, 1], [2, 0, 1], [0, 3, 0]]))
    assert means[:2] == pytest.approx([11 / 5, 13 / 7])
    assert math.isnan(means[2])


def test_percentile_bounds_leave_nan_out_and_give_up_when_too_many_are() -> None:
    replicates = np.arange(101.0)
    assert percentile_bounds(replicates, 0.05) == (5.0, 95.0)
    some = np.append(replicates, [math.nan] * 5)
    assert percentile_bounds(some, 0.05) == (5.0, 95.0)
    for hopeless in (np.append(replicates, [math.nan] * 20), [math.nan], []):
        assert all(math.isnan(bound) for bound in percentile_bounds(hopeless, 0.05))
    assert percentile_interval(50.0, replicates, level=0.9) == pytest.approx((50.0, 5.0, 95.0))


@pytest.mark.real
def test_clustered_error_of_the_best_llmjudge_submission_is_five_times_the_naive_one() -> None:
    root = Path(os.environ.get("LABEL_PIPELINE_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
    path = root / "llmjudge" / "test_text_human_llm.parquet"
    if not path.exists():
        pytest.skip(f"{path} is absent; set LABEL_PIPELINE_TEST_DATA to the folder of the public judgments")
    pairs = pl.read_parquet(path, columns=["query_id", "human_grade", "llm__willia-umbrela1"])
    loss = (pairs["llm__willia-umbrela1"] - pairs["human_grade"]).to_numpy().astype(float) ** 2
    query_index = pairs["query_id"].rank("dense").to_numpy().astype(int) - 1
    totals = cluster_totals(loss, query_index, 25)
    assert totals.mean == pytest.approx(0.8980, abs=5e-5)
    assert totals.se == pytest.approx(0.1132, abs=5e-5)
    assert stats.sem(loss) == pytest.approx(0.0237, abs=5e-5)
