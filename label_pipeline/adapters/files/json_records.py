"""JSON: one object a line, or a list of objects; a file's records under its own keys."""

import json
from collections.abc import Mapping

import polars as pl

from label_pipeline.adapters.files.nested import FLAT, Nesting, exploded, found_at, nested_values, steps_of
from label_pipeline.adapters.files.tabular import Records
from label_pipeline.core.errors import InputError

_Row = tuple[dict[str, str | None], str | None]
"""A record's values, and why it cannot be read."""


def parse_json(text: str, source: str, nesting: Nesting = FLAT) -> Records:
    """Records of a JSON file: a list of objects, or an object that holds one list of objects; the line is its number.

    Of an object with several lists, that whose objects hold what is exploded. JSON lines are read too, whatever the
    ending says.

    Args:
        text: the file.
        source: its name.
        nesting: what is wanted of the inside of its records.

    Raises:
        InputError: it holds neither, or nothing to explode.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return parse_jsonl(text, source, nesting)
        raise InputError(
            f"{source} is no JSON ({error.msg} in line {error.lineno}); expected a list of objects, or an object a line"
        ) from error
    except RecursionError as error:
        raise InputError(f"{source}: its JSON is nested too deeply; expected a list of objects") from error
    if isinstance(value, dict):
        value = _records_in(value, source, nesting)
    if not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
        raise InputError(f"{source} holds a JSON {type(value).__name__} and no objects; expected a list of objects")
    found = [(number, row) for number, item in enumerate(value, 1) for row in _rows(item, json.dumps(item), nesting)]
    return _records(found, source, nesting)


def _records_in(value: dict[str, object], source: str, nesting: Nesting) -> object:
    lists = {name: item for name, item in value.items() if isinstance(item, list)}
    if nesting.explode is not None:
        if _holds(value, nesting.explode):
            return [value]
        lists = {name: items for name, items in lists.items() if any(_holds(one, nesting.explode) for one in items)}
    if len(lists) > 1:
        raise InputError(
            f"{source} holds several lists ({', '.join(map(str, lists))}); expected one list of objects: save it "
            "by itself"
        )
    return next(iter(lists.values()), [value])


def _holds(value: object, path: str) -> bool:
    return found_at(value, steps_of(path)) is not None


def parse_jsonl(text: str, source: str, nesting: Nesting = FLAT) -> Records:
    """Records of a JSON-lines file; a line that is no JSON object has a problem. Columns: the union of all keys.

    Args:
        text: the file.
        source: its name.
        nesting: what is wanted of the inside of its records.

    Raises:
        InputError: when no line at all is a JSON object, or none holds what is to be exploded.
    """
    found: list[tuple[int, _Row]] = []
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: U+2028 is legal inside JSON text
        if line.strip():
            found += [(number, row) for row in _object(line, nesting)]
    if nesting.explode is None and not any(row for _, (row, _) in found):
        raise InputError(f"{source}: no line is a JSON object; expected one object a line, e.g. {{'query_id': 'q1'}}")
    return _records(found, source, nesting)


def _records(found: list[tuple[int, _Row]], source: str, nesting: Nesting) -> Records:
    rows = [row for _, (row, _) in found]
    if nesting.explode is not None and rows and not any(rows):
        raise InputError(
            f"{source}: no record holds a list at {nesting.explode!r}, which `explode:` names; expected its path, e.g. "
            "ratings or result.choices"
        )
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
    return Records(pl.DataFrame(columns), [number for number, _ in found], [problem for _, (_, problem) in found])


def _object(line: str, nesting: Nesting) -> list[_Row]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return [({}, f"not valid JSON ({error.msg} at character {error.pos + 1}); expected one JSON object a line")]
    return _rows(value, line, nesting)


def _rows(value: object, line: str, nesting: Nesting) -> list[_Row]:
    """One row, or one for each item of what is exploded."""
    if not isinstance(value, dict):
        return [({}, f"found a JSON {type(value).__name__}, expected an object; write one object a line")]
    if nesting.explode is None:
        return [_row(value, line, nesting)]
    parts = exploded(value, nesting.explode)
    if parts is None:
        return [
            ({}, f"holds no list at {nesting.explode!r}, which `explode:` names; expected one, empty where none is")
        ]
    return [_row(part, line, nesting) for part in parts]


def _row(value: Mapping[str, object], line: str, nesting: Nesting) -> _Row:
    row = {name: _text(item) for name, item in (*value.items(), *nested_values(value, nesting.paths).items())}
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
