"""What is noticed of values and rejects no row: numbers and dates that cannot be read, ids that say nothing."""

from collections.abc import Sequence

import polars as pl

from label_pipeline.stages.seed.notes import Oddity
from label_pipeline.stages.seed.values import NOTHING, feature_names, number, shown


def number_oddities(columns: Sequence[str]) -> list[Oddity]:
    """Features, and scores of the incumbent, that are no finite number: they are left out, their rows are not."""
    return [
        Oddity(
            name,
            pl.col(name).is_not_null() & number(name).is_null(),
            "is not a finite number and is left out: export it as a plain number, as in 0.25",
            shown(name),
        )
        for name in (*feature_names(columns), "incumbent_score")
    ]


def nothing_oddity(name: str) -> Oddity:
    """An id that is spelled like no value: it is kept as it was always read."""
    return Oddity(
        name,
        pl.col(name).str.strip_chars().str.to_lowercase().is_in(NOTHING),
        "is spelled like no value and is kept as an id: leave it empty where there is none",
        shown(name),
    )


def date_oddities(name: str, day: str, what: str = "is left out") -> list[Oddity]:
    """Dates that say nothing or could be two days.

    Args:
        name: the column.
        day: what was read of it (``dates.with_day``).
        what: what becomes of such a date.
    """
    unread, unsure = pl.col(name).is_not_null() & pl.col(day).is_null(), pl.col(f"{day}_unsure")
    return [
        Oddity(
            name, unread & unsure,
            f"could be two days and {what}: set `date_order: day_first` or `month_first` on this file",
            shown(name),
        ),
        Oddity(name, unread & ~unsure, f"is no date that can be read and {what}: write it as YYYY-MM-DD", shown(name)),
    ]  # fmt: skip
