"""A wide sheet, one column of grades per person, as rows of one person's grade each."""

from collections.abc import Sequence

import polars as pl

from label_pipeline.adapters.files.tabular import Records, as_text
from label_pipeline.core.errors import InputError

_MADE = ("annotator_id", "grade")


def melted(records: Records, people: Sequence[str], source: str) -> Records:
    """The records with ``annotator_id`` (a column's name) and ``grade`` (its cell): a row per cell that is filled in.

    A blank cell is a pair this person was not given. A record nobody graded stays one row without a grade, and so does
    one that could not be read: both are told by line. Columns of those two names in the sheet are replaced.

    Args:
        records: of the sheet.
        people: its columns, as `melt` names them.
        source: its name.

    Raises:
        InputError: a column is not there.
    """
    frame = records.columns
    missing = [name for name in people if name not in frame.columns]
    if missing:
        shown = ", ".join(name for name in frame.columns[:20])
        raise InputError(
            f"{source}: no column {missing[0]!r}, which `melt:` names; the file has {shown}: correct it there"
        )
    grades = [as_text(frame[name], source).to_list() for name in people]
    picked: list[int] = []
    made: list[tuple[str | None, str | None]] = []
    for row in range(frame.height):
        cells = [(name, column[row]) for name, column in zip(people, grades, strict=True)]
        filled: list[tuple[str | None, str | None]] = [(name, cell) for name, cell in cells if (cell or "").strip()]
        for one in filled or [(None, None)]:
            picked.append(row)
            made.append(one)
    rest = frame.drop(*people, *(name for name in _MADE if name in frame.columns and name not in people))
    columns = rest.with_row_index("_row").select(pl.all().gather(picked)).drop("_row").with_columns(
        pl.Series("annotator_id", [name for name, _ in made], dtype=pl.String),
        pl.Series("grade", [cell for _, cell in made], dtype=pl.String),
    )  # fmt: skip
    return Records(columns, [records.lines[row] for row in picked], [records.problems[row] for row in picked])
