"""Writes docs/tables.md, the data dictionary, from core/catalogue/: `python -m label_pipeline_tests.docs.dictionary`.

It lives beside the tests because nothing that runs needs it. Keep out: what the tables are.
"""

from pathlib import Path

import polars as pl

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.tables import STAGE_ORDER, Table, hides_test_queries

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
OPENING = """# Tables

Every table of the project, in the order of the stages that write them. Made from `label_pipeline/core/catalogue/` by
`python -m label_pipeline_tests.docs.dictionary`; do not edit it by hand.

A **snapshot** is overwritten by a load, and a row the user removed is gone from it. **Facts** are only ever appended;
what is current is a question (`sql/`), usually the latest row of a key. A table that does not exist yet reads as empty.
A column with a closed set of words lists them: no other is written. What an older version wrote stays as it was, and is
read as the notes below a table say.
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([OPENING, _overview(), *(_section(table) for table in TABLES.values())])


def _overview() -> str:
    rows = [
        f"| [`{table.name}`](#{table.name}) | {table.stage} | {table.kind} | {table.grain} |"
        for table in TABLES.values()
    ]
    return "\n".join(["| Table | Written by | Kind | One row is |", "|---|---|---|---|", *rows, ""])


def _section(table: Table) -> str:
    lines = [
        f"## {table.name}",
        "",
        f"One row is {table.grain}. Key: {', '.join(f'`{name}`' for name in table.key)}.{_visibility(table)}",
        "",
        "| Column | Type | Null | Meaning |",
        "|---|---|---|---|",
    ]
    for column in table.columns:
        null, meaning = "yes" if column.nullable else "", column.meaning.replace("|", "\\|")
        if column.values is not None:
            meaning += f". {_listed(column.values)}"
        lines.append(f"| `{column.name}` | {type_name(column.dtype)} | {null} | {meaning} |")
    notes = [
        f"`{old.column}` is read as `{old.word}` where an older version wrote {old.was}." for old in table.respelled
    ]
    return "\n".join([*lines, "", *(["\n".join(notes), ""] if notes else [])])


def _listed(words: tuple[str, ...]) -> str:
    told = ", ".join(f"`{word}`" for word in words)
    return f"One of {told}" if len(words) > 1 else f"Always {told}"


def _visibility(table: Table) -> str:
    if table.readable_from != STAGE_ORDER[0]:
        return f" No stage before `{table.readable_from}` can read it."
    blind = [f"`{stage}`" for stage in STAGE_ORDER if hides_test_queries(table, stage)]
    return f" Rows of holdout and anchor queries are hidden from {' and '.join(blind)}." if blind else ""


def type_name(dtype: pl.DataType | type[pl.DataType]) -> str:
    """A column's type in one word, e.g. ``text`` or ``UTC time``."""
    names: dict[object, str] = {
        pl.String: "text", pl.Int64: "integer", pl.Float64: "number", pl.Boolean: "yes/no", pl.Date: "day",
        pl.Datetime("us", "UTC"): "UTC time",
    }  # fmt: skip
    return names[dtype]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
