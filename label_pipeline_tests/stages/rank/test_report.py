import math

import polars as pl
import pytest

from label_pipeline.stages.rank.report import by_language, decide, markdown

METRIC, ARM = "nDCG@10 exponential gain", "amplified - seed_only"


def metrics(low: float, high: float, estimate: float = 0.03, n_queries: int = 63) -> pl.DataFrame:
    shared = {"metric": METRIC, "n_queries": n_queries}
    return pl.DataFrame(
        [
            {"arm": "bm25", "estimate": 0.42, "low": 0.38, "high": 0.46, "p_value": None} | shared,
            {"arm": ARM, "estimate": estimate, "low": low, "high": high, "p_value": 0.0123} | shared,
        ]
    )


@pytest.mark.parametrize(
    ("low", "high", "passes", "reason"),
    [
        (0.001, 0.06, True, ""),
        (0.0, 0.06, False, "The lower bound must be above 0; more test queries narrow"),  # 0 is not above 0
        (-0.01, 0.07, False, "+0.030, 95 % interval -0.010 to +0.070 over 63 queries, randomisation p = 0.0123"),
        (-0.07, -0.01, False, "the machine labels make the ranker worse"),
        (math.nan, math.nan, False, "is unknown: 63 test queries have a positive grade"),
    ],
)
def test_only_a_lower_bound_above_zero_passes(low: float, high: float, passes: bool, reason: str) -> None:
    verdict = decide(metrics(low, high), METRIC, ARM)
    assert verdict.beats_seed_only is passes
    assert reason in "".join(verdict.failures)


def test_a_missing_difference_is_a_failure() -> None:
    verdict = decide(metrics(0.1, 0.2)[:1], METRIC, ARM)
    assert not verdict.beats_seed_only
    assert "0 figures found, expected one" in verdict.failures[0]


def test_the_other_gain_is_not_looked_at() -> None:
    linear = metrics(0.1, 0.2).with_columns(metric=pl.lit("nDCG@10 linear gain"))
    assert not decide(pl.concat([metrics(-0.1, 0.2), linear]), METRIC, ARM).beats_seed_only


def test_the_table_has_a_line_an_arm() -> None:
    lines = markdown(metrics(0.001, 0.06)).splitlines()
    assert lines[2] == "| bm25 | nDCG@10 exponential gain | 0.420 | 0.380 to 0.460 |  | 63 |"
    assert lines[3] == "| amplified - seed_only | nDCG@10 exponential gain | 0.030 | 0.001 to 0.060 | 0.0123 | 63 |"


def test_each_language_has_its_queries_and_the_mean_of_every_arm() -> None:
    rows = [
        {"query_id": query, "language": language, "arm": arm, "ndcg_exponential": value}
        for query, language, amplified, bm25 in (
            ("q1", "hi", 0.2, 0.1), ("q2", "en", 0.5, 0.7), ("q3", "en", 0.7, 0.9), ("q4", None, 0.3, 0.4),
            ("q5", "hi", math.nan, math.nan),
        )
        for arm, value in (("amplified", amplified), ("bm25", bm25))
    ]  # fmt: skip
    table = pl.DataFrame(rows)
    assert [tuple(row) for row in by_language(table).iter_rows()] == [
        ("en", 2, pytest.approx(0.6), pytest.approx(0.8)), ("hi", 1, 0.2, 0.1), ("unknown", 1, 0.3, 0.4)
    ]  # fmt: skip
    assert by_language(table).columns == ["language", "queries", "amplified", "bm25"]
    assert by_language(table.filter(language="en")).is_empty()
