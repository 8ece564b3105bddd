"""What a table is: grain, key, kind, columns with type and meaning, and which stage may read it first.

The declarations themselves are in core/catalogue/, one module per stage. Keep out: where tables live and how they are
written (adapters/store.py).
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import polars as pl

from label_pipeline.core.errors import TableError

STAGE_ORDER = ("seed", "calibrate", "gate", "amplify", "rank", "anchor", "review")
"""Every stage of the design, in order; the stages that exist are in label_pipeline/stages/__init__.py."""

PAIR_KEY = ("task", "collection", "query_id", "doc_id", "doc_version", "context_id")
"""The columns that name one (query, document text, context) pair; ``context_id`` may be null."""

QUERY_KEY = ("task", "collection", "query_id")
"""The columns that name one query: the sampling unit of every statistic."""


@dataclass(frozen=True)
class Column:
    """One column: name, polars type, meaning (with its unit), whether a null is allowed, and its closed set of words.

    ``values`` is None where any value of the type is one: ids, sentences, and words that settings or users choose.
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    nullable: bool = False
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Respelled:
    """A word that has another spelling today, in rows an older version wrote: what is read instead.

    Attributes:
        column: where the old word is.
        word: what is read.
        was: how an older row says it, for whoever reads the files by other means.
        where: which rows do; looks at ``needs``.
        needs: the columns ``where`` looks at.
    """

    column: str
    word: str
    was: str
    where: pl.Expr = field(compare=False)
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One declared table.

    Attributes:
        name: table name and folder under the root.
        kind: ``snapshot`` (a load overwrites it) or ``fact`` (append-only).
        grain: what one row is.
        key: columns that identify a row of the current version (a snapshot's are unique).
        columns: every column, in order.
        stage: the stage that writes it; used by the layer test of sql/.
        readable_from: the first stage that may read it at all.
        hides_test_queries_before: rows of holdout and anchor queries are invisible to stages before this one
            (after ``seed``, which makes the splits); None hides nothing.
        respelled: words of older versions that are read as today's.
    """

    name: str
    kind: Literal["snapshot", "fact"]
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    stage: str
    readable_from: str = "seed"
    hides_test_queries_before: str | None = None
    respelled: tuple[Respelled, ...] = ()

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and polars types, in order. Made once: a table is asked for it at every read and write."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """An empty frame of this table's type: what an absent table reads as."""
        return pl.DataFrame(schema=self.schema)

    def part(self, columns: Collection[str]) -> "Table":
        """This table with some of its columns, in its own order; its rows need not have a key any more.

        Raises:
            TableError: for a column it does not have.
        """
        unknown = sorted(set(columns) - self.schema.keys())
        if unknown:
            raise TableError(f"table {self.name} has no columns {unknown}; declared: {list(self.schema)}")
        return replace(self, columns=tuple(column for column in self.columns if column.name in columns), kind="fact")

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Returns ``frame`` as it may be written: this table's columns in order, exact types, words of closed sets.

        Raises:
            TableError: as ``typed``, and for a word that is not in its column's set.
        """
        typed = self.typed(frame)
        for column in self.columns:
            if column.values is not None:
                self._refuse_unknown(column, column.values, typed[column.name])
        return typed

    def typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Returns ``frame`` with this table's columns in order and exact types; words are taken as they are.

        What an older, or a newer, version stored stays readable: only writing asks for today's words.

        Raises:
            TableError: for a missing or an extra column, a value that does not fit its type, a null where none is
                allowed, or (snapshots) two rows with one key.
        """
        missing = [c.name for c in self.columns if c.name not in frame.columns and not c.nullable]
        extra = [name for name in frame.columns if name not in self.schema]
        if missing or extra:
            raise TableError(
                f"table {self.name}: missing columns {missing}, unknown columns {extra}; declared: {list(self.schema)}"
            )
        absent = [pl.lit(None, dtype=c.dtype).alias(c.name) for c in self.columns if c.name not in frame.columns]
        try:
            typed = frame.with_columns(absent).select(pl.col(c.name).cast(c.dtype) for c in self.columns)
        except pl.exceptions.PolarsError as error:
            raise TableError(f"table {self.name}: a value does not fit its declared type: {error}") from error
        for column in self.columns:
            self._refuse_lossy(column, frame, typed)
            nulls = typed[column.name].null_count()
            if nulls and not column.nullable:
                raise TableError(
                    f"table {self.name}: {nulls} of {typed.height} rows have no {column.name}; it is required"
                )
        if self.kind == "snapshot" and typed.height and typed.select(self.key).is_duplicated().any():
            count = int(typed.select(self.key).is_duplicated().sum())
            raise TableError(f"table {self.name}: {count} rows share a key {self.key}; a snapshot holds one row a key")
        return typed

    def needed_for(self, columns: Collection[str]) -> set[str]:
        """The columns to read so that ``columns`` can be read in today's words."""
        old = (word for word in self.respelled if word.column in columns)
        return {*columns, *(name for word in old for name in word.needs)}

    def in_todays_words(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Stored rows with the words an older version had replaced by today's; ``rows`` holds ``needed_for``."""
        for old in self.respelled:
            if old.column in rows.columns and set(old.needs) <= set(rows.columns):
                now = pl.when(old.where).then(pl.lit(old.word)).otherwise(old.column)
                rows = rows.with_columns(now.alias(old.column))
        return rows

    def _refuse_unknown(self, column: Column, values: tuple[str, ...], found: pl.Series) -> None:
        unknown = found.drop_nulls().filter(~found.drop_nulls().is_in(list(values)))
        if unknown.len():
            raise TableError(
                f"table {self.name}: {unknown.len()} of {found.len()} values of {column.name} are none of its words: "
                f"found {unknown.unique().sort().head(5).to_list()}, expected one of {list(values)}"
            )

    def _refuse_lossy(self, column: Column, frame: pl.DataFrame, typed: pl.DataFrame) -> None:
        """A cast that changes a value (2.7 to 2, a moment to its day) is an error, never a rounding."""
        if column.name not in frame.columns or frame[column.name].dtype == column.dtype:
            return
        given = frame[column.name]
        changed = int(given.ne_missing(typed[column.name].cast(given.dtype)).sum())
        if changed:
            raise TableError(
                f"table {self.name}: {changed} of {given.len()} values of {column.name} are {given.dtype} and cannot "
                f"become {column.dtype} without loss; convert them before storing"
            )


def visible_to(table: Table, stage: str) -> bool:
    """Whether ``stage`` may read ``table`` at all."""
    return STAGE_ORDER.index(stage) >= STAGE_ORDER.index(table.readable_from)


def hides_test_queries(table: Table, stage: str) -> bool:
    """Whether rows of holdout and anchor queries must be withheld from ``stage`` when it reads ``table``."""
    limit = table.hides_test_queries_before
    return limit is not None and 0 < STAGE_ORDER.index(stage) < STAGE_ORDER.index(limit)
