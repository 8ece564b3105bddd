"""What an input file is and which of its columns become ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from label_pipeline.adapters.s3 import Objects
from label_pipeline.core.codes.inputs import DateOrder

InputTable = Literal["queries", "documents", "human_labels", "evaluation", "candidates"]
ListName = Literal["query_log", "retrieved"]
"""What a seed is drawn from: files that become no table."""
Format = Literal["csv", "parquet", "jsonl", "json", "trec_topics", "trec_qrels", "letor", "beir"]
Quotes = Literal["csv", "text"]

FORMAT_OF_ENDING: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".json": "json", ".topics": "trec_topics", ".qrels": "trec_qrels", ".qrel": "trec_qrels",
}  # fmt: skip
"""Of what an ending says; .txt, .trec, .xml and names without an ending are told by their first line."""

FEATURE_PREFIX = "feature_"
"""Columns of graded and candidate pairs that start so are read as the pair's own ranking features."""


class Fields(NamedTuple):
    """The columns we read for one table, under our names."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    features: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every field of the table, the required ones first."""
        return self.required + self.optional


FIELDS: dict[InputTable, Fields] = {
    "queries": Fields(("query_id", "query"), ("language", "task", "collection")),
    "documents": Fields(("doc_id", "text"), ("title", "source", "language", "created_on", "boundary")),
    "human_labels": Fields(
        ("query_id", "doc_id", "grade"),
        (
            "annotator_id",
            "n_grades",
            "rationale",
            "context_id",
            "incumbent_score",
            "task",
            "collection",
            "doc_version",
            "rubric_version",
        ),
        features=True,
    ),
    "evaluation": Fields(
        ("query_id", "doc_id", "grade"),
        ("context_id", "incumbent_score", "task", "collection", "rubric_version"),
        features=True,
    ),
    "candidates": Fields(
        ("query_id", "doc_id"), ("arrived_on", "context_id", "incumbent_score", "task", "collection"), features=True
    ),
}
"""Every input table's columns; a missing required one makes the file unusable, a missing optional one is null."""

LISTS: dict[ListName, Fields] = {
    "query_log": Fields(("query",), ("query_id", "frequency", "language", "task", "collection")),
    "retrieved": Fields(("doc_id",), ("query_id", "query", "order", "rank", "score", "task", "collection")),
}
"""The columns of the lists: one query with its frequency, one document a retrieval order found for a query."""


@dataclass(frozen=True)
class InputSpec:
    """One file serving one table; a wide file serves several tables by several specs.

    Attributes:
        path: the file, or its ``s3://`` address.
        table: the table (or list) it serves.
        format: None takes it from the ending, else from the first line.
        columns: our column name to the file's, of JSON also a path such as ``result.choices[0]``. Columns not named
            here are matched by their own name, except that ``task`` and ``collection`` are then not read: a file's
            "collection" is often provenance, and mapping it splits the project into collections with a judge each.
            Without a mapping they are matched too.
        grades: the file's grade to ours, where it uses another scale; None as a value means "not judged".
        delimiter: of a CSV file; None takes it from the ending, else from the first line.
        quotes: whether those of a CSV file enclose fields or are text; None takes those of a TSV for text, unless a
            program wrote them.
        names: the columns of a CSV file without a header, in its order.
        encoding: of a text file.
        annotator: who graded the rows of human_labels that do not say.
        melt: columns of a wide sheet of human_labels that hold one person's grades each, called by who that is.
        explode: of JSON, path of a list of which every item is a record of its own.
        date_order: how it writes dates of three numbers; None takes only those that mean one day.
        task: task of rows that do not say.
        collection: collection of rows that do not say.
        objects: reads the file where it is on S3.
    """

    path: str | Path
    table: InputTable | ListName
    format: Format | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    grades: Mapping[str | int, int | None] | None = None
    delimiter: str | None = None
    quotes: Quotes | None = None
    names: Sequence[str] | None = None
    encoding: str = "utf-8"
    annotator: str | None = None
    melt: Sequence[str] = ()
    explode: str | None = None
    date_order: DateOrder | None = None
    task: str = "relevance"
    collection: str = "main"
    objects: Objects | None = field(default=None, repr=False)

    @property
    def source(self) -> str:
        """The file's name, as quarantined rows and errors show it."""
        return Path(self.path).name

    @property
    def fields(self) -> Fields:
        """The columns that are read."""
        if self.table == "query_log" or self.table == "retrieved":
            return LISTS[self.table]
        return FIELDS[self.table]


@dataclass(frozen=True)
class RawRows:
    """What one file holds for one table, before any judgement of its values.

    Attributes:
        table: the table it serves.
        source: file name.
        frame: one row per record: every column of ``spec.fields`` as text (absent ones null), its ``feature_*`` columns
            as text, ``line`` (line of the file, or row number in Parquet, from 1) and ``problem`` (why the
            record could not be read; null for a readable one).
        grades: the spec's grade mapping.
        unread: the file's columns nobody asked for, for `check` to show.
        date_order: the spec's.
    """

    table: InputTable | ListName
    source: str
    frame: pl.DataFrame
    grades: Mapping[str | int, int | None] | None = None
    unread: tuple[str, ...] = ()
    date_order: DateOrder | None = None
