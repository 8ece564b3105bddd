"""How people and programs spell a date, and the one day each spelling means; null where it could mean two.

Read: ISO 8601 with or without time and zone, ``20240305``, RFC 2822, ``5 Mar 2024``, ``March 5, 2024``, what C and the
Unix ``date`` print, and seconds, milliseconds, microseconds or nanoseconds since 1970. A moment with a zone is its UTC
day, one without is the day it names. Not read: a year of two digits, a month without a day, a spreadsheet's serial
number, month names of other languages. polars reads each form; which form a value has is told here, because dateutil
takes ``03/05/2024`` for March and fills what a date lacks from today's.

Keep out: what becomes of a row whose date cannot be read (texts.py, candidates.py).
"""

from typing import Final

import polars as pl

_ZONE = r"(z|utc|gmt|ut|[+-]\d{2}:?\d{2}|[+-]\d{2})?(?:\[[^\]]*\])?"
_CLOCK = rf"(?i)[t ,]+(\d{{1,2}}):(\d{{2}})(?::(\d{{2}})(?:[.,]\d+)?)?\s*([ap]m)?\s*{_ZONE}(\s+\d{{4}})?$"
"""Hour, minute, second, half of the day, zone; a year may follow, as `date` prints it."""

_RUN_TOGETHER = r"^(\d{8})[Tt]?(\d{2})(\d{2})(\d{2})"
_FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d %B %Y", "%d-%B-%Y", "%B %d %Y", "%Y %B %d", "%Y-%B-%d")
_COMPACT = r"^\d{8}$"
_TWO_WAYS = r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}$"
_EPOCHS: Final = {r"^\d{9,10}(\.\d+)?$": 0, r"^\d{13}(\.\d+)?$": 3, r"^\d{16}$": 6, r"^\d{19}$": 9}
"""Numbers of seconds, ms, µs and ns since 1970: decimals beyond whole seconds. Fewer digits: before 1973."""


def with_day(rows: pl.DataFrame, name: str, day: str) -> pl.DataFrame:
    """Adds what the text column ``name`` means.

    Args:
        rows: working rows; ``date_order`` (a ``DateOrder`` or null) says how each row's file writes numbers.
        name: the column that is read.
        day: name of the column that is added: a date, null where there is none or it could be two; ``{day}_unsure``
            is true for the latter.
    """
    spelled = rows.select(name, "date_order").drop_nulls(name).unique()  # a million rows have a few thousand dates
    text = pl.col(name).str.strip_chars()
    tidy = (
        text.str.replace(r"\s*\([A-Za-z ]+\)$", "")  # a zone's name in words, as e-mail has it
        .str.replace(r"(?i)^(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", "")
        .str.replace(_RUN_TOGETHER, "${1} ${2}:${3}:${4}")
    )
    found = spelled.with_columns(
        tidy.str.extract_groups(_CLOCK).alias("_clock"),
        pl.concat_str(tidy.str.replace(_CLOCK, ""), tidy.str.extract(_CLOCK, 6).fill_null("")).alias("_date"),
    ).with_columns(
        pl.col("_date").str.replace_all(r"(?i)(\d)(st|nd|rd|th)\b", "${1}").str.replace_all(r"([a-z])\.", "${1}")
        .str.replace(r"(?i)\bsept\b", "sep").str.replace_all(r"[,\s]+", " ").str.strip_chars()
    )  # fmt: skip
    found = found.with_columns(_two_ways().alias("_both"))
    found = found.with_columns(_named_day().alias("_day"), _shift("_clock").alias("_shift"))
    moved = pl.col("_day") + pl.duration(days=pl.col("_shift").fill_null(0))
    good = pl.col("_clock").struct.field("1").is_null() | pl.col("_shift").is_not_null()
    read = found.select(
        name, "date_order",
        pl.coalesce(_epoch(text), pl.when(good).then(moved)).alias(day),
        (pl.col("_both").list.len() == 2).fill_null(False).alias(f"{day}_unsure"),
    )  # fmt: skip
    joined = rows.join(read, on=[name, "date_order"], how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.col(f"{day}_unsure").fill_null(False))


def _two_ways() -> pl.Expr:
    """The distinct days a date of three numbers, the year last, may mean; null for every other."""
    three = pl.when(pl.col("_date").str.contains(_TWO_WAYS)).then(pl.col("_date").str.replace_all("[.-]", "/"))
    day_first, month_first = (three.str.to_date(form, strict=False) for form in ("%d/%m/%Y", "%m/%d/%Y"))
    order = pl.col("date_order")
    either = pl.concat_list(
        pl.when(order.is_null() | (order == "day_first")).then(day_first),
        pl.when(order.is_null() | (order == "month_first")).then(month_first),
    )
    return pl.when(three.is_not_null()).then(either.list.drop_nulls().list.unique())


def _named_day() -> pl.Expr:
    """The day a date's text names, whatever its clock and zone."""
    compact = pl.when(pl.col("_date").str.contains(_COMPACT)).then(pl.col("_date")).str.to_date("%Y%m%d", strict=False)
    known = pl.coalesce(compact, *(pl.col("_date").str.to_date(form, strict=False) for form in _FORMS))
    only = pl.when(pl.col("_both").list.len() == 1).then(pl.col("_both").list.first())
    found = pl.coalesce(known, only)
    return pl.when(found.dt.year() >= 1000).then(found)  # %Y takes 24 for the year 24, and `March 2024` for March 20


def _shift(clock: str) -> pl.Expr:
    """Days from the named day to the UTC day of its clock; null where there is no clock, or no such time."""
    part = pl.col(clock).struct
    hour, minute, second = (part.field(name).cast(pl.Int64, strict=False) for name in ("1", "2", "3"))
    half = part.field("4").str.to_lowercase()
    hours = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + pl.when(half == "pm").then(12).otherwise(0))
    zone = part.field("5").str.replace(":", "", literal=True)
    east = zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(3, 2).cast(
        pl.Int64, strict=False
    ).fill_null(0)
    ahead = pl.when(zone.str.starts_with("+")).then(east).when(zone.str.starts_with("-")).then(-east).otherwise(0)
    exists = (hour <= 23) & (minute <= 59) & (second.fill_null(0) <= 60) & (half.is_null() | hour.is_between(1, 12))
    return pl.when(exists).then(((hours * 60 + minute - ahead) / 1440).floor().cast(pl.Int64))


def _epoch(text: pl.Expr) -> pl.Expr:
    """The UTC day of a count since 1970."""
    return pl.coalesce(
        pl.from_epoch(
            pl.when(text.str.contains(pattern)).then(text.str.extract(r"^(\d+)", 1)).cast(pl.Int64) // 10**decimals,
            time_unit="s",
        ).dt.date()
        for pattern, decimals in _EPOCHS.items()
    )
