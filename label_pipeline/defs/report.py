"""What an asset shows in the Dagster page: Markdown tables, pictures, column schemas.

Keep out: figures themselves (stages), drawing (adapters/plots.py).
"""

from collections.abc import Callable

import dagster as dg
import polars as pl

from label_pipeline.core.catalogue import TABLES

Metadata = dict[str, dg.MetadataValue]

Keys = Callable[[str], dg.AssetKey]
"""Turns an asset's name into its key under the graph's prefix."""

OWNERS = ["team:search-quality"]


def column_schema(table: str) -> dict[str, dg.TableSchema]:
    """The declared columns of ``table``, as Dagster's column schema metadata."""
    columns = [
        dg.TableColumn(
            column.name,
            str(column.dtype),
            description=column.meaning,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column in TABLES[table].columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


def markdown(frame: pl.DataFrame, most: int = 20) -> dg.MetadataValue:
    """The first ``most`` rows as a Markdown table."""
    shown = frame.head(most)
    lines = ["| " + " | ".join(shown.columns) + " |", "|" + "---|" * len(shown.columns)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in shown.iter_rows()]
    if frame.height > most:
        lines.append(f"\n{frame.height - most} more rows")
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")[:200]
