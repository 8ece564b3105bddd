"""Which day each spelling of a date means; the spellings are the issue's seventeen, and what they turned up."""

import datetime as dt

import polars as pl
import pytest

from label_pipeline.core.codes.inputs import DateOrder
from label_pipeline.stages.seed.dates import with_day

FIFTH = dt.date(2024, 3, 5)


def read(text: str, order: DateOrder | None = None) -> tuple[dt.date | None, bool]:
    rows = pl.DataFrame({"at": [text], "date_order": pl.Series([order], dtype=pl.String)})
    [(day, unsure)] = with_day(rows, "at", "day").select("day", "day_unsure").rows()
    return day, unsure


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05", " 2024-03-05 ", "2024-3-5", "2024/03/05", "2024.03.05", "20240305",
        "2024-03-05T12:30:00Z", "2024-03-05T12:30:00z", "2024-03-05T12:30:00.123456Z", "2024-03-05T12:30:00,5+01:00",
        "2024-03-05 12:30:00", "2024-03-05 12:30", "2024-03-05T12:30", "2024-03-05 12:30:00 UTC",
        "2024-03-05 12:30:00+00", "2024-03-05 12:30:00.5 +0100", "2024-03-05T12:30:00+01:00[Europe/Berlin]",
        "20240305T123000Z", "20240305123000", "2024-03-05T23:59:60Z",
        "Tue, 05 Mar 2024 12:30:00 +0000", "Tue, 5 Mar 2024 12:30:00 GMT", "5 Mar 2024 12:30:00 +0000 (UTC)",
        "5 Mar 2024", "05 March 2024", "5-Mar-2024", "05-MAR-2024", "5th March 2024",
        "March 5, 2024", "Mar 5 2024", "Mar. 5, 2024", "march 5th, 2024", "Mar 5, 2024, 11:30 PM", "2024 Mar 5",
        "2024-Mar-05", "Tuesday, March 5, 2024",
        "Tue Mar  5 12:30:00 2024", "Tue Mar  5 12:30:00 UTC 2024", "Tue Mar 05 12:30:00 +0000 2024",
        "1709640000", "1709640000.25", "1709640000000", "1709640000000.0", "1709640000000000", "1709640000000000000",
    ],
)  # fmt: skip
def test_spellings_of_one_day(text: str) -> None:
    assert read(text) == (FIFTH, False)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-03-04T23:30:00-05:00", FIFTH),  # 04:30 UTC of the next day
        ("2024-03-06T00:30:00+01:00", FIFTH),
        ("Mon, 04 Mar 2024 23:30:00 -0500", FIFTH),
        ("2024-03-05 12:15 AM +0100", dt.date(2024, 3, 4)),
        ("13/05/2024", dt.date(2024, 5, 13)),  # there is no 13th month
        ("05/13/2024", dt.date(2024, 5, 13)),
        ("31.12.2024", dt.date(2024, 12, 31)),
        ("05/05/2024", dt.date(2024, 5, 5)),  # either way
        ("2024-02-29", dt.date(2024, 2, 29)),
        ("999999999", dt.date(2001, 9, 9)),  # 2001-09-09 01:46:39 UTC
    ],
)
def test_zones_and_numbers_that_mean_one_day_only(text: str, day: dt.date) -> None:
    assert read(text) == (day, False)


@pytest.mark.parametrize("text", ["03/05/2024", "3.5.2024", "03-05-2024", "03/05/2024 10:00"])
def test_a_date_that_could_be_two_days_is_none_unless_the_file_says_its_order(text: str) -> None:
    assert read(text) == (None, True)
    assert read(text, "day_first") == (dt.date(2024, 5, 3), False)
    assert read(text, "month_first") == (FIFTH, False)


def test_a_file_that_said_its_order_is_held_to_it() -> None:
    assert read("03/25/2024", "day_first") == (None, False)
    assert read("2024-03-05", "day_first") == (FIFTH, False)


@pytest.mark.parametrize(
    "text",
    [
        "soon", "2024", "2024-03", "March 2024", "2024-02-30", "2024-13-01", "24-03-05", "05-MAR-24", "5/3/24",
        "12024-03-05", "45356", "17096400", "2024035", "0000-00-00", "0001-01-01", "2024-03-05 25:00",
        "2024-03-05 12:60", "2024-03-05 13:00 PM", "2024-03-05 12:00 EST", "2024-W10-2", "5 März 2024", "1.70964E+12",
        "-1709640000", "2024-03-05 and so on", "2024-03-05/2024-03-07", "202403051230",
    ],
)  # fmt: skip
def test_what_is_no_day(text: str) -> None:
    assert read(text) == (None, False)


def test_rows_keep_their_order_and_absent_dates_stay_absent() -> None:
    rows = pl.DataFrame({"at": ["2024-03-05", None, "x", "2024-03-05"], "date_order": [None, None, "day_first", None]})
    found = with_day(rows, "at", "day")
    assert found["day"].to_list() == [FIFTH, None, None, FIFTH]
    assert found["day_unsure"].to_list() == [False] * 4
