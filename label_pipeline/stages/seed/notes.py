"""What was noticed of an input and rejects no row: values that were left out, each kind counted with an example.

Rows are rejected for key, text and grade only (quarantine.py); whatever else cannot be read is null and stands here.
"""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from label_pipeline.core.catalogue import INPUT_NOTES
from label_pipeline.stages.seed.quarantine import ALIVE


class Oddity(NamedTuple):
    """One thing to notice.

    Attributes:
        column: whose values it is about.
        when: the rows it is true of.
        told: what is true of them, what became of the value and what to do, to follow the column's name.
        value: the value as an example shows it, null where it may not be shown.
    """

    column: str
    when: pl.Expr
    told: str
    value: pl.Expr


def noted(rows: pl.DataFrame, table: str, oddities: Iterable[Oddity], partition: str = "all") -> pl.DataFrame:
    """INPUT_NOTES of one table, most rows first; rows that were set aside are not counted.

    Args:
        rows: working rows.
        table: the input table.
        oddities: what to look for.
        partition: day of the load, or ``all``.
    """
    kept, found = rows.filter(ALIVE), [INPUT_NOTES.empty()]
    for oddity in oddities:
        mine = kept.filter(oddity.when.fill_null(False))
        if mine.is_empty():
            continue
        # the first row of a file is its example; rows of candidates are sorted by day
        by_file = mine.sort("line").with_columns(oddity.value.alias("_value")).group_by("file", maintain_order=True)
        found.append(
            INPUT_NOTES.conform(
                by_file.agg(
                    pl.len().alias("rows"), pl.col("_value").first().alias("example"), pl.col("line").first()
                ).select(
                    pl.lit(table).alias("input"), pl.lit(partition).alias("partition"), pl.col("file").alias("source"),
                    pl.lit(oddity.column).alias("column"), pl.lit(oddity.told).alias("note"), "rows", "example",
                    "line",
                )
            )
        )  # fmt: skip
    return pl.concat(found).sort("rows", descending=True, maintain_order=True)


def sentences(notes: pl.DataFrame) -> list[str]:
    """One line a note, for people."""
    lines = []
    for row in notes.sort("rows", descending=True, maintain_order=True).iter_rows(named=True):
        example = f"{row['example']}, " if row["example"] is not None else ""
        lines.append(
            f"{row['source']}: {row['rows']:,} {'row' if row['rows'] == 1 else 'rows'}: {row['column']} {row['note']} "
            f"(e.g. {example}line {row['line']})"
        )
    return lines
