"""CSV and Parquet: a file's records under the file's own column names, each with its line."""

import csv
import io
from collections.abc import Sequence
from typing import Literal, NamedTuple

import polars as pl

from label_pipeline.core.errors import InputError


class Records(NamedTuple):
    """One file's records; the three parts have one entry per record.

    ``columns`` under the file's names (text, or Parquet's own types), ``lines`` from 1, ``problems`` null where the
    record could be read (its values are null where it could not).
    """

    columns: pl.DataFrame
    lines: list[int]
    problems: list[str | None]


def parse_csv(
    text: str, delimiter: str, source: str, *, names: Sequence[str] | None = None, quoted: bool = True
) -> Records:
    """Records of a CSV file; a record with too many or too few fields has a problem, blank lines none.

    A first line ``sep=;``, as Excel reads it, is no record. polars' reader refuses a whole file for one ragged row and
    knows no line numbers, hence the standard library's.

    Args:
        text: the file.
        delimiter: one character.
        source: its name.
        names: of the columns, where it has no header.
        quoted: quotes enclose fields; else they are text.

    Raises:
        InputError: for a repeated column name, or a quote that is never closed.
    """
    # a passage may be longer than the module's default limit of 131,072 characters; the limit is process-wide
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, quoting=quoting)
    header: list[str] | None = None if names is None else _header(names, source)
    rows: list[list[str | None]] = []
    lines: list[int] = []
    problems: list[str | None] = []
    while True:
        start = reader.line_num + 1
        problem = None
        try:
            fields: list[str] = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if header is None or "unexpected end of data" in str(error):
                raise InputError(
                    f"{source}: the record that starts on line {start} never ends ({error}); close its quote"
                ) from error
            fields, problem = (
                ["?"],
                f"lines {start} to {reader.line_num} are not one CSV row ({error}); check the quotes",
            )
        if not fields or (start == 1 and text.startswith("sep=") and len(text.partition("\n")[0].strip()) <= 5):
            continue
        if header is None:
            header = _header(fields, source)
            continue
        if problem is None and len(fields) != len(header):
            wanted = f"expected {len(header)}; quote a field that holds the delimiter {delimiter!r}"
            wanted += "" if quoted else " and set `quotes: csv`"
            problem = f"found {len(fields)} fields, {wanted}"
        rows.append([None] * len(header) if problem else list(fields))
        lines.append(start)
        problems.append(problem)
    return Records(pl.DataFrame(rows, schema=dict.fromkeys(header or [], pl.String), orient="row"), lines, problems)


def _header(fields: Sequence[str], source: str) -> list[str]:
    names = [name.strip() for name in fields]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{source}: the header names {repeated} more than once; give every column a name of its own")
    return names


def parse_parquet(data: bytes, source: str) -> Records:
    """Records of a Parquet file; the line is the row number from 1.

    Raises:
        InputError: when the file is no readable Parquet.
    """
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{source} is not a readable Parquet file ({str(error).splitlines()[0]}); export it again"
        ) from error
    return Records(frame, list(range(1, frame.height + 1)), [None] * frame.height)


def as_text(values: pl.Series, source: str) -> pl.Series:
    """A Parquet column as text: whole floats without a fraction, moments as their UTC day, nan as null.

    Raises:
        InputError: for a column of bytes, lists or objects.
    """
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        values = (values.dt.convert_time_zone("UTC") if dtype.time_zone else values).dt.date()
    elif dtype.is_float():
        values = values.fill_nan(None)
        if (values.is_null() | (values.is_finite() & (values == values.round()) & (values.abs() < 2**53))).all():
            values = values.cast(pl.Int64)  # a column of ids or grades with a gap, as pandas writes it
    elif dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise InputError(f"{source}: column {values.name!r} holds {dtype}; expected text, numbers or dates")
    return values.cast(pl.String)
