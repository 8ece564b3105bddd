import math

import polars as pl
import pytest

from label_pipeline.stages.rank.report import decide, markdown

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
