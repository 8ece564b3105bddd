"""JSON: one object a line, or a list of objects; a file's records under its own keys."""

import json

import polars as pl

from label_pipeline.adapters.files.tabular import Records
from label_pipeline.core.errors import InputError


def parse_json(text: str, source: str) -> Records:
    """Records of a JSON file: a list of objects, or an object that holds one list of objects; the line is its number.

    JSON lines are read too, whatever the ending says.

    Raises:
        InputError: it holds neither.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return parse_jsonl(text, source)
        raise InputError(
            f"{source} is no JSON ({error.msg} in line {error.lineno}); expected a list of objects, or an object a line"
        ) from error
    except RecursionError as error:
        raise InputError(f"{source}: its JSON is nested too deeply; expected a list of objects") from error
    if isinstance(value, dict):
        lists = {name: item for name, item in value.items() if isinstance(item, list)}
        if len(lists) > 1:
            raise InputError(
                f"{source} holds several lists ({', '.join(map(str, lists))}); expected one list of objects: save it "
                "by itself"
            )
        value = next(iter(lists.values()), [value])
    if not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
        raise InputError(f"{source} holds a JSON {type(value).__name__} and no objects; expected a list of objects")
    found = [_record(item, json.dumps(item)) for item in value]
    return _records([row for row, _ in found], [*range(1, len(found) + 1)], [problem for _, problem in found])


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
    if not any(rows):
        raise InputError(f"{source}: no line is a JSON object; expected one object a line, e.g. {{'query_id': 'q1'}}")
    return _records(rows, lines, problems)


def _records(rows: list[dict[str, str | None]], lines: list[int], problems: list[str | None]) -> Records:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
    return Records(pl.DataFrame(columns), lines, problems)


def _object(line: str) -> tuple[dict[str, str | None], str | None]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return {}, f"not valid JSON ({error.msg} at character {error.pos + 1}); expected one JSON object a line"
    return _record(value, line)


def _record(value: object, line: str) -> tuple[dict[str, str | None], str | None]:
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
