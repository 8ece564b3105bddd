"""Known endpoints by name: `preset: NAME` stands for the settings written in presets.yaml, and explicit ones win.

A preset is resolved here to the fields it stands for; nothing later knows of it, and a member's hash holds the fields
as if they had been written by hand. Keep out: the facts (presets.yaml), what a field means (endpoints.py).
"""

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("presets.yaml")
WHOSE_KEY = frozenset({"api_key_env", "api_key_secret", "key_command", "keyless"})
"""Settings of which one says what key is sent: stating one leaves the preset's out."""

MERGED = frozenset({"headers", "query", "parameters"})
"""Settings that are mappings: the preset's entries stay beside those that are stated."""


@cache
def presets() -> Mapping[str, Mapping[str, object]]:
    """Every preset's settings, by its name."""
    found: dict[str, dict[str, object]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def filled(given: Mapping[str, object]) -> dict[str, object]:
    """The settings of an endpoint with those of its preset filled in.

    Raises:
        ValueError: no preset has the name; names the nearest.
    """
    name = given.get("preset")
    if name is None:
        return dict(given)
    known = presets()
    if not isinstance(name, str) or name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"no preset of the name stated; {hint}known: {', '.join(sorted(known))}")
    merged: dict[str, object] = dict(known[name])
    if WHOSE_KEY & given.keys():
        merged = {key: value for key, value in merged.items() if key not in WHOSE_KEY}
    for key, value in given.items():
        before = merged.get(key)
        both = key in MERGED and isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = {**before, **value} if both else value  # type: ignore[dict-item]  # both are mappings
    return merged
