"""Which rows of a table are read: what its columns must be, as a filter that whole files can be skipped by."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

Scalar = str | int | float | bool | date


class Since(NamedTuple):
    """All that is not before this moment."""

    moment: datetime


Where = Mapping[str, Scalar | Since | Collection[Scalar]]
"""The value, or the values, a column may have: ``{"purpose": "anchor", "epoch": [3, 4], "judged_at": Since(then)}``."""


def listed(values: Scalar | Collection[Scalar]) -> list[Scalar]:
    """The values a column may have."""
    return [values] if isinstance(values, Scalar) else list(values)


def having(schema: pa.Schema, kept: Mapping[str, Since | Sequence[Scalar]]) -> pc.Expression | None:
    """That every column of ``kept`` has one of its values."""
    found: pc.Expression | None = None
    for name, values in kept.items():
        of = schema.field(name).type
        if isinstance(values, Since):
            one = pc.field(name) >= pa.scalar(values.moment, type=of)
        else:
            one = pc.field(name).isin(pa.array(values, type=of))
        found = one if found is None else found & one
    return found
