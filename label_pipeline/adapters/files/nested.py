"""Values inside a JSON record: paths such as ``result.choices[0]``, and a record for each item of a list it holds.

Keep out: reading JSON (json_records.py), which columns are wanted (reading.py).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

_STEP = r"[^.\[\]]+(?:\[-?\d+\])*"
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP})*")
_PART = re.compile(r"\[(-?\d+)\]|([^.\[\]]+)")


class Nesting(NamedTuple):
    """What is wanted of the inside of a record.

    Attributes:
        paths: values that become columns, called by their paths.
        explode: path of a list; the record becomes one per item, which stands in the list's place.
    """

    paths: tuple[str, ...] = ()
    explode: str | None = None


FLAT = Nesting()
"""Nothing is: a record's own keys are its columns."""


@lru_cache(maxsize=256)  # asked for every record of a file
def steps_of(path: str) -> tuple[str | int, ...]:
    """Keys and indices of a path; of what is no path, itself as one key."""
    if _PATH.fullmatch(path) is None:
        return (path,)
    return tuple(int(index) if index else key for index, key in _PART.findall(path))


def found_at(value: object, steps: Sequence[str | int]) -> tuple[object] | None:
    """What stands there, as a tuple of one; None where nothing does (null is something)."""
    for step in steps:
        is_key = isinstance(step, str) and isinstance(value, Mapping) and step in value
        is_place = isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value)
        if not (is_key or is_place):
            return None
        value = value[step]  # type: ignore[index]  # as was asked
    return (value,)


def nested_values(record: Mapping[str, object], paths: Sequence[str]) -> dict[str, object]:
    """Of those paths the ones that lead somewhere; a key of the record with the very name goes before."""
    found = {path: found_at(record, steps_of(path)) for path in paths if path not in record}
    return {path: at[0] for path, at in found.items() if at is not None}


def exploded(record: Mapping[str, object], path: str) -> list[Mapping[str, object]] | None:
    """One record per item of the list at ``path``, which the item replaces; None where there is no list.

    Null is an empty list. An object counts as a list of ``{"key": ..., "value": ...}``: ratings are often kept by
    document.
    """
    steps = steps_of(path)
    at = found_at(record, steps)
    if at is None:
        return None
    items = at[0]
    if isinstance(items, Mapping):
        items = [{"key": key, "value": value} for key, value in items.items()]
    if items is not None and not isinstance(items, list):
        return None
    return [_with(record, steps, item) for item in items or ()]  # type: ignore[misc]  # a record stays a mapping


def _with(value: object, steps: Sequence[str | int], item: object) -> object:
    """A copy of ``value`` with ``item`` at the end of ``steps``; what is beside them is shared."""
    if not steps:
        return item
    step, rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        return {**value, step: _with(value[step], rest, item)}
    if isinstance(value, list) and isinstance(step, int):
        place = step % len(value)
        return [_with(one, rest, item) if n == place else one for n, one in enumerate(value)]
    raise TypeError("`found_at` says that these steps lead somewhere")
