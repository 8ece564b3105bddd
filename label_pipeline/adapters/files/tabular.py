"""CSV, JSONL and Parquet: a file's records under the file's own column names, each with its line."""

import csv
import io
import json
from typing import NamedTuple

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


def parse_csv(text: str, delimiter: str, source: str) -> Records:
    """Records of a CSV file with a header; a record with too many or too few fields has a problem, blank lines none.

    polars' reader refuses a whole file for one ragged row and knows no line numbers, hence the standard library's.

    Raises:
        InputError: for a repeated column name, or a quote that is never closed.
    """
    # a passage may be longer than the module's default limit of 131,072 characters; the limit is process-wide
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
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
        if not fields:
            continue
        if header is None:
            header = _header(fields, source)
            continue
        if problem is None and len(fields) != len(header):
            wanted = f"expected {len(header)}; quote a field that holds the delimiter {delimiter!r}"
            problem = f"found {len(fields)} fields, {wanted}"
        rows.append([None] * len(header) if problem else list(fields))
        lines.append(start)
        problems.append(problem)
    return Records(pl.DataFrame(rows, schema=dict.fromkeys(header or [], pl.String), orient="row"), lines, problems)


def _header(fields: list[str], source: str) -> list[str]:
    names = [name.strip() for name in fields]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{source}: the header names {repeated} more than once; give every column a name of its own")
    return names


def parse_jsonl(text: str, source: str) -> Records:
    """Records of a JSON-lines file; a line that is no JSON object has a problem. Columns: the union of all keys.

    Raises:
        InputError: when no line at all is a JSON object.
    """
    rows: list[dict[str, str | None]] = []
    lines: list[int] = []
    problems: list[str | None] = []
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: U+2028 is legal inside JSON text
        if not line.strip():
            continue
        row, problem = _object(line)
        rows.append(row)
        lines.append(number)
        problems.append(problem)
    names = {name: pl.String for row in rows for name in row}
    if not names:
        raise InputError(f"{source}: no line is a JSON object; expected one object a line, e.g. {{'query_id': 'q1'}}")
    columns = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
    return Records(pl.DataFrame(columns), lines, problems)


def _object(line: str) -> tuple[dict[str, str | None], str | None]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return {}, f"not valid JSON ({error.msg} at character {error.pos + 1}); expected one JSON object a line"
    if not isinstance(value, dict):
        return {}, f"found a JSON {type(value).__name__}, expected an object; write one object a line"
    row = {name: _text(item) for name, item in value.items()}
    if "\\ud" in line.lower() and any(_is_broken(text) for text in (*row, *row.values())):
        return {}, "holds half a surrogate pair, which is no character; export the text as UTF-8"
    return row, None


def _is_broken(text: str | None) -> bool:
    """Whether a text cannot be stored as UTF-8, as a lone escaped surrogate cannot."""
    return text is not None and any("\ud800" <= character <= "\udfff" for character in text)


def _text(value: object) -> str | None:
    """A JSON value as text; NaN is null, a list or an object stays JSON."""
    if value is None or value != value:
        return None
    return value if isinstance(value, str) else json.dumps(value)


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
