"""A small healthy project as rows, to be spoilt one fault at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.codes.inputs import DateOrder

Row = dict[str, object]

TEXT_COLUMNS = {
    name: [column.name for column in TABLES[name].columns if column.name not in ("doc_version", "features")]
    for name in ("queries", "documents", "human_labels", "evaluation", "candidates")
}


@dataclass(frozen=True)
class Raw:
    """What adapters/files hands over, made from rows; lines count from 2 as under a CSV header."""

    table: str
    frame: pl.DataFrame
    source: str = "file.csv"
    grades: Mapping[str | int, int | None] | None = field(default=None)
    date_order: DateOrder | None = None

    def dated(self, order: DateOrder) -> "Raw":
        """The same file, whose settings say the order of its dates."""
        return replace(self, date_order=order)


def raw(
    table: str,
    rows: Sequence[Mapping[str, object]],
    source: str | None = None,
    grades: Mapping[str | int, int | None] | None = None,
) -> Raw:
    """Rows as one file of ``table``; every value becomes text, as the reader leaves it."""
    extra = sorted({name for row in rows for name in row} - set(TEXT_COLUMNS[table]))
    names = [*TEXT_COLUMNS[table], *extra, *(["problem"] if "problem" not in extra else [])]
    filled = [{"task": "relevance", "collection": "main"} | dict(row) for row in rows]
    columns = {
        name: pl.Series([None if row.get(name) is None else str(row[name]) for row in filled], dtype=pl.String)
        for name in names
    }
    frame = pl.DataFrame(columns).with_columns(pl.Series("line", range(2, len(rows) + 2), dtype=pl.Int64))
    return Raw(table, frame, source or f"{table}.csv", grades)


def queries(n: int = 3) -> list[Row]:
    return [{"query_id": f"q{i}", "query": f"what is {i}"} for i in range(1, n + 1)]


def documents(n: int = 4) -> list[Row]:
    return [{"doc_id": f"d{i}", "text": f"text number {i}", "title": f"Title {i}"} for i in range(1, n + 1)]


def healthy(**replaced: Sequence[Mapping[str, object]]) -> list[Raw]:
    """3 queries, 4 documents, 2 labels by a1 and one by a2, one evaluation grade; any table's rows replaced."""
    tables: dict[str, Sequence[Mapping[str, object]]] = {
        "queries": queries(),
        "documents": documents(),
        "human_labels": [
            {"query_id": "q1", "doc_id": "d1", "annotator_id": "a1", "grade": 3},
            {"query_id": "q1", "doc_id": "d1", "annotator_id": "a2", "grade": 2},
            {"query_id": "q2", "doc_id": "d2", "annotator_id": "a1", "grade": 0},
        ],
        "evaluation": [{"query_id": "q3", "doc_id": "d3", "grade": 1}],
    } | replaced
    return [raw(table, rows) for table, rows in tables.items()]
