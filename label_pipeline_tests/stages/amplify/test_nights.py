"""Gaps are between labelled days, and no further back than asked for."""

from datetime import date, timedelta

import pytest

from label_pipeline.stages.amplify import missed_nights

TENTH = date(2026, 9, 10)


def day(number: int) -> date:
    return TENTH + timedelta(days=number - 10)


@pytest.mark.parametrize(
    ("booked", "nights", "missed"),
    [
        ((), 7, ()),  # nothing was ever labelled: a new project makes up no past
        ((9,), 7, ()),
        ((8,), 7, (9,)),
        ((5, 7), 7, (6, 8, 9)),
        ((1,), 3, (7, 8, 9)),
        ((5, 7), 0, ()),
        ((12,), 7, ()),
    ],
)
def test_days_without_books_after_the_first_that_has_any(
    booked: tuple[int, ...], nights: int, missed: tuple[int, ...]
) -> None:
    assert missed_nights([day(one) for one in booked], [], TENTH, nights) == [day(one) for one in missed]


def test_a_night_that_ended_half_way_is_a_gap_too() -> None:
    """Its first chunk was booked before the provider died."""
    assert missed_nights([day(6), day(7), day(8), day(9)], [day(8)], TENTH, 7) == [day(8)]
    assert missed_nights([day(6), day(7)], [day(6), day(3)], TENTH, 7) == [day(6), day(8), day(9)], "the first one too"
