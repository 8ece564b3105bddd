"""Which rows of a table are read: what its columns must be, as a filter that whole files can be skipped by."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import TableError
from label_pipeline.core.tables import Table

Scalar = str | int | float | bool | date


class Since(NamedTuple):
    """All that is not before this moment."""

    moment: datetime


class Between(NamedTuple):
    """All from the first to the last, both included; in the order of their UTF-8 bytes."""

    first: str
    last: str


Where = Mapping[str, Scalar | Since | Between | Collection[Scalar]]
"""The value, or the values, a column may have: ``{"purpose": "anchor", "epoch": [3, 4], "judged_at": Since(then)}``."""


Rules = Mapping[str, Since | Between | Sequence[Scalar]]
"""By column, what rows must have there."""


def listed(values: Scalar | Collection[Scalar]) -> list[Scalar]:
    """The values a column may have."""
    return [values] if isinstance(values, Scalar) else list(values)


def rules(table: Table, where: Where | None) -> Rules:
    """What rows must have, by column.

    Raises:
        TableError: the table has no such column, or older rows hold other words there.
    """
    kept = {name: v if isinstance(v, Since | Between) else listed(v) for name, v in (where or {}).items()}
    TABLES[table.name].part(kept)  # refuses a column that is not declared, whether or not the table is there
    respelled = sorted({old.column for old in table.respelled} & kept.keys())
    if respelled:  # the filter would look at the words on disk
        raise TableError(f"table {table.name} cannot be read by {respelled}: older rows hold other words there")
    return kept


def having(schema: pa.Schema, kept: Rules) -> pc.Expression | None:
    """That every column of ``kept`` has one of its values, or lies between them."""
    found: pc.Expression | None = None
    for name, values in kept.items():
        of = schema.field(name).type
        if isinstance(values, Since):
            one = pc.field(name) >= pa.scalar(values.moment, type=of)
        elif isinstance(values, Between):
            one = (pc.field(name) >= pa.scalar(values.first, of)) & (pc.field(name) <= pa.scalar(values.last, of))
        else:
            one = pc.field(name).isin(pa.array(values, type=of))
        found = one if found is None else found & one
    return found


def matching(schema: pl.Schema, kept: Rules) -> pl.Expr:
    """What ``having`` says, for a frame of this ``schema``."""
    found = pl.lit(value=True)
    for name, values in kept.items():
        of = pl.col(name)
        if isinstance(values, Since):
            found &= of >= pl.lit(values.moment)
        elif isinstance(values, Between):
            found &= (of >= values.first) & (of <= values.last)
        else:
            found &= of.is_in(pl.Series(values, dtype=schema[name]).implode())
    return found
