"""Candidate pairs: what waits for a label, by the day it arrived.

Customer text is allowed here: the endpoints it may be sent to are amplify's business.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from label_pipeline.core.catalogue import CANDIDATES, INPUT_NOTES
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.seed.dates import with_day
from label_pipeline.stages.seed.known import known_rules, with_known
from label_pipeline.stages.seed.notes import Oddity, noted
from label_pipeline.stages.seed.oddities import date_oddities, number_oddities
from label_pipeline.stages.seed.quarantine import (
    ALIVE,
    InputBooks,
    Rule,
    book,
    quarantine_of,
    reject,
    set_aside,
    with_repeats,
)
from label_pipeline.stages.seed.values import RawInput, features, id_rules, number, shown, stack


class AssembledCandidates(NamedTuple):
    """The candidates of one load and what became of its rows.

    ``quarantine`` holds the rows it rejected, ``read`` the rows for the contract, ``days`` the days of the files,
    ``notes`` what was noticed (INPUT_NOTES).
    """

    candidates: pl.DataFrame
    quarantine: pl.DataFrame
    books: InputBooks
    read: pl.DataFrame
    days: frozenset[dt.date] = frozenset()
    notes: pl.DataFrame = INPUT_NOTES.empty()


class CandidateRows(NamedTuple):
    """Every row of the candidate files, each with its day and its fate but for the day that is loaded."""

    rows: pl.DataFrame
    days: frozenset[dt.date]


def assemble_candidates(
    inputs: Sequence[RawInput],
    queries: pl.DataFrame,
    documents: pl.DataFrame,
    only_day: dt.date | None = None,
    *,
    pool_date: dt.date | None = None,
    first_day: dt.date | None = None,
    last_day: dt.date | None = None,
) -> AssembledCandidates:
    """Reads candidate rows into the CANDIDATES table: ``candidates_of`` what ``candidate_rows`` finds."""
    found = candidate_rows(
        inputs, queries, documents, pool_date=pool_date, first_day=first_day, last_day=last_day
    )  # fmt: skip
    return candidates_of(found, only_day)


def candidate_rows(
    inputs: Sequence[RawInput],
    queries: pl.DataFrame,
    documents: pl.DataFrame,
    *,
    pool_date: dt.date | None = None,
    first_day: dt.date | None = None,
    last_day: dt.date | None = None,
) -> CandidateRows:
    """Judges every row of the files once, whichever days are loaded of them.

    Args:
        inputs: files read for the table ``candidates``.
        queries: the accepted queries.
        documents: the accepted documents.
        pool_date: the day of rows whose ``arrived_on`` is absent or cannot be read; None rejects them.
        first_day: earliest acceptable day; None accepts any.
        last_day: latest acceptable day; None accepts any.
    """
    rows = with_day(with_known(stack(inputs, "candidates"), queries, documents), "arrived_on", "said_day")
    rows = rows.with_columns(
        pl.when(pl.col("said_day").is_null() & pl.col("problem").is_null()).then(pl.lit(pool_date, dtype=pl.Date))
        .otherwise("said_day").alias("arrived_day")
    )  # fmt: skip
    rows = reject(
        rows,
        [
            *id_rules(["query_id", "doc_id"], ("context_id", "task", "collection")),
            *_day_rules(first_day, last_day),
            *known_rules(),
        ],
    )
    # the earliest arrival stands, whatever the order of the files; rows of one day in file order
    rows = with_repeats(rows.sort("arrived_day", maintain_order=True), PAIR_KEY, ("doc_id",))
    return CandidateRows(set_aside(rows, pl.col("is_repeat"), "merged"), frozenset(rows["arrived_day"].drop_nulls()))


def candidates_of(found: CandidateRows, only_day: dt.date | None = None) -> AssembledCandidates:
    """The candidates of one day, or of all.

    Args:
        found: every row of the files.
        only_day: load this day only; rows of other days are counted and left. A row whose day cannot be read belongs
            to no day and is quarantined in every load, so that none hides it. None loads everything.

    Returns:
        Candidates, quarantine (partition = the day, or ``all``), books, the rows as read and their days. A pair that
        arrives again is one candidate, of its earliest day: it is labelled once.
    """
    rows = found.rows
    if only_day is not None:
        rows = rows.filter(pl.col("arrived_day").is_null() | (pl.col("arrived_day") == only_day))
    kept = rows.filter(ALIVE).with_columns(
        pl.col("arrived_day").alias("arrived_on"), number("incumbent_score"), features(rows.columns)
    )
    candidates = CANDIDATES.conform(kept.select(list(CANDIDATES.schema)))
    partition = only_day.isoformat() if only_day else "all"
    books = book(rows, "candidates", found.rows.height, candidates.height)
    return AssembledCandidates(
        candidates,
        quarantine_of(rows, "candidates", partition),
        replace(books, other_day=found.rows.height - rows.height),
        candidates_as_read(rows),
        found.days,
        noted(rows, "candidates", _oddities(rows.columns), partition),
    )


def _oddities(columns: Sequence[str]) -> list[Oddity]:
    """Kept rows whose day or numbers could not be read; without a `pool_date` no row without a day is kept."""
    return [*date_oddities("arrived_on", "said_day", "is taken for `pool_date`"), *number_oddities(columns)]


def candidates_as_read(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows the input contract looks at: all but merged repeats, without features."""
    arrived = pl.coalesce(pl.col("arrived_day").cast(pl.String), pl.col("arrived_on").str.slice(0, 40))
    return rows.filter(pl.col("fate").ne_missing("merged")).select(
        pl.col("file").alias("source"),
        "line",
        "task",
        "collection",
        "query_id",
        "doc_id",
        "context_id",
        arrived.alias("arrived_on"),
        "query_known",
        "document_known",
    )


def _day_rules(first_day: dt.date | None, last_day: dt.date | None) -> list[Rule]:
    arrived = pl.col("arrived_day")
    rules = [
        Rule(
            "no arrived_on",
            arrived.is_null() & pl.col("arrived_on").is_null(),
            pl.lit(
                "no arrived_on; expected the day the pair arrived: fill it in, or set `pool_date` for an undated pool"
            ),
        ),
        Rule(
            "arrived_on is no date",
            arrived.is_null(),
            pl.format(
                "arrived_on {} is no date, or could be two; expected YYYY-MM-DD (UTC): correct it, or set `date_order` "
                "on this file, or `pool_date` for what has no day",
                shown("arrived_on"),
            ),
        ),
    ]
    if first_day is not None:
        rules.append(_outside(arrived < first_day, f"starts on {first_day}"))
    if last_day is not None:
        rules.append(_outside(arrived > last_day, f"ends on {last_day}"))
    return rules


def _outside(when: pl.Expr, limit: str) -> Rule:
    found = pl.col("arrived_day").cast(pl.String)
    what = (
        f"arrived_on {{}} is outside the range of days, which {limit}; correct it, or widen the range in the settings"
    )
    return Rule("arrived_on is outside the days", when, pl.format(what, found))
