"""The re-certification lane on recorded judges: a harmless change passes given queries, an 8B in its place never.

statistics.md section 4: at 80 queries x 20 pairs a harmless 15 % flip passes 1.00 and an 8B never, at 44 x 10 only .68.
"""

import polars as pl
import pytest

from label_pipeline_tests.results import lane
from label_pipeline_tests.results.recorded import judged_pairs
from label_pipeline_tests.trecdl.project import ABSENT, LLAMA70B, WIDE

pytestmark = [
    pytest.mark.real,
    pytest.mark.long,
    pytest.mark.slow,
    pytest.mark.skipif(not WIDE.exists(), reason=ABSENT),
]

DEALS = 50


@pytest.fixture(scope="module")
def found() -> pl.DataFrame:
    return pl.concat([lane.decisions(judged_pairs(), size, range(DEALS)) for size in lane.SIZES])


@pytest.mark.parametrize(
    ("size", "low", "high"), [("44 x 10", 0.25, 0.75), ("63 x 20", 0.85, 1.0), ("80 x 20", 0.98, 1.0)]
)
def test_a_harmless_flip_passes_where_there_are_queries(
    found: pl.DataFrame, size: str, low: float, high: float
) -> None:
    assert low <= lane.share_open(found, size, lane.HARMLESS) <= high


@pytest.mark.parametrize("size", lane.SIZES)
def test_an_8b_in_its_place_never_passes(found: pl.DataFrame, size: str) -> None:
    assert {lane.share_open(found, size, judge) for judge in lane.EIGHT_B} == {0.0}


def test_another_strong_model_mostly_passes(found: pl.DataFrame) -> None:
    assert lane.share_open(found, "80 x 20", LLAMA70B) >= 0.9


def test_a_fourth_look_still_passes_a_harmless_flip() -> None:
    """Alpha .0019: five provider changes a year do not close the gate on a good judge that has its 80 queries."""
    late = lane.decisions(judged_pairs(), "80 x 20", range(30), look=4)
    assert lane.share_open(late, "80 x 20", lane.HARMLESS) >= 0.8
    assert {lane.share_open(late, "80 x 20", judge) for judge in lane.EIGHT_B} == {0.0}
