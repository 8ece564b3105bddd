"""A pair is a candidate once, of the day that counts, whatever the night's file repeats, corrects or leaves out."""

import datetime as dt

import polars as pl
import pytest

from label_pipeline.stages.seed import Fed, settle
from label_pipeline_tests.stages.seed.test_candidates import MONDAY, TUESDAY, load, pair
from label_pipeline_tests.stages.seed.world import Row

WEDNESDAY = dt.date(2026, 3, 4)


def fed(stored: list[Row], file: list[Row], day: dt.date, hold: str = "all") -> Fed:
    found = load(file, day)
    settled = settle(day, found, load(stored).candidates, found.days, hold)  # type: ignore[arg-type]  # a word
    assert settled.found.books.balanced
    return settled


def docs(frame: pl.DataFrame) -> list[str]:
    return sorted(frame["doc_id"])


@pytest.mark.parametrize("hold", ["all", "new"])
def test_tonight_s_file_may_repeat_a_pair_of_an_earlier_night(hold: str) -> None:
    """It failed the night: 1 of 21 rows have a key that another load holds."""
    found = fed([pair(), pair(doc="d2")], [pair(day=TUESDAY), pair(doc="d3", day=TUESDAY)], TUESDAY, hold)
    assert docs(found.found.candidates) == ["d3"]
    assert (found.found.books.kept, found.found.books.merged) == (1, 1)
    assert found.leaving == {}


def test_a_corrected_date_moves_the_pair_either_way_in_files_that_hold_everything() -> None:
    earlier = fed([pair(day=TUESDAY), pair(doc="d2", day=TUESDAY)], [pair(), pair(doc="d2", day=TUESDAY)], MONDAY)
    assert docs(earlier.found.candidates) == ["d1"]
    assert {day: docs(rows) for day, rows in earlier.leaving.items()} == {TUESDAY: ["d1"]}
    later = fed([pair(), pair(doc="d2")], [pair(doc="d2"), pair(day=TUESDAY)], TUESDAY)
    assert docs(later.found.candidates) == ["d1"]
    assert {day: docs(rows) for day, rows in later.leaving.items()} == {MONDAY: ["d1"]}
    assert later.found.books.merged == 0


def test_what_is_new_never_takes_a_pair_from_an_earlier_day_and_removes_nothing() -> None:
    """A late row of Monday in Wednesday's file is added to Monday; the others of Monday stay."""
    found = fed([pair(), pair(doc="d2")], [pair(doc="d3"), pair(query="q2", day=WEDNESDAY)], MONDAY, "new")
    assert docs(found.found.candidates) == ["d3"]
    assert docs(found.stays) == ["d1", "d2"]
    assert fed([pair(), pair(doc="d2")], [pair(doc="d3")], MONDAY).stays.is_empty(), "left the files, leaves the table"
    again = fed([pair()], [pair(doc="d2"), pair(day=TUESDAY)], TUESDAY, "new")
    assert docs(again.found.candidates) == []
    assert again.found.books.merged == 1
    before = fed([pair(day=TUESDAY)], [pair()], MONDAY, "new")
    assert {day: docs(rows) for day, rows in before.leaving.items()} == {TUESDAY: ["d1"]}, "the earliest day counts"
