"""From a YAML file to the settings tree. A mistake is told with file, line and column, and the nearest valid key."""

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from label_pipeline.core.errors import SettingsError
from label_pipeline.core.url_credentials import without_credentials
from label_pipeline.settings.tree import SET_BY_LOAD, Settings

CONFIG_VARIABLE = "LABEL_PIPELINE_CONFIG"
SAMPLE = Path(__file__).parents[1] / "rehearsal" / "sample" / "settings.yaml"

Place = tuple[int, int]
"""Line and column of a file, from 1."""

Keys = tuple[int | str, ...]
"""Keys and indices that lead to a value of the tree."""


def load(path: Path | str | None = None) -> Settings:
    """The settings of ``path``, else of ``LABEL_PIPELINE_CONFIG``, else of the sample project.

    Raises:
        SettingsError: no such file, not YAML, a wrong value, a key given twice, or a key nobody knows (names the
            nearest), each with its line and column.
    """
    chosen = Path(path or os.environ.get(CONFIG_VARIABLE) or SAMPLE)
    if not chosen.is_file():
        raise SettingsError(f"no settings file {chosen}; `label-pipeline init DIR` writes one")
    try:
        root = yaml.compose(chosen.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        places = _places(root, chosen)
        data = yaml.safe_load(chosen.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        _refuse_yaml(chosen, error)
    except RecursionError as error:
        raise SettingsError(f"{chosen} contains itself by an anchor; write it without") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{chosen} is not readable as YAML in UTF-8: {error}; save it again as UTF-8") from error
    if not isinstance(data, dict):
        found = "nothing" if data is None else f"a {type(data).__name__}"
        raise SettingsError(f"{chosen} holds {found}, expected a mapping of settings; `label-pipeline init` writes one")
    return parse(data, chosen, places)


def parse(data: Mapping[str, object], source: Path, places: Mapping[Keys, Place] | None = None) -> Settings:
    """Validates ``data`` as read from ``source``; see :func:`load`.

    Args:
        data: the settings.
        source: the file they are of; relative paths count from its folder.
        places: where in the file each value stands.
    """
    try:
        return Settings.model_validate({**data, "folder": source.parent.resolve(), "started_in": Path.cwd()})
    except ValidationError as error:
        # unknown keys first: with a typo in its name a required key is missing too
        details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        told = [_sentence(detail, source, places or {}) for detail in details]
        raise SettingsError("\n".join(dict.fromkeys(told))) from error


def _places(node: yaml.Node | None, source: Path, path: Keys = ()) -> dict[Keys, Place]:
    """Where every value below ``node`` stands: that of its key, or of the item in a list.

    Raises:
        SettingsError: one mapping has a key twice; YAML would silently take the second.
    """
    found: dict[Keys, Place] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            place = _place(key)
            if inner in found and key.value != "<<":
                before = found[inner][0]
                raise SettingsError(
                    f"{_at(source, place)}: key {key.value!r} is given twice, first in line {before}; keep one"
                )
            found |= {inner: place} | _places(value, source, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*path, index)
            found |= {inner: _place(value)} | _places(value, source, inner)
    return found


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _at(source: Path, place: Place | None) -> str:
    return str(source) if place is None else f"{source}:{place[0]}:{place[1]}"


def _refuse_yaml(source: Path, error: yaml.MarkedYAMLError) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    place = (mark.line + 1, mark.column + 1) if mark is not None else None
    told = ", ".join(part for part in (error.context, error.problem) if part)
    raise SettingsError(f"{_at(source, place)}: not YAML: {told}; check quotes, colons and indentation") from error


def _sentence(detail: ErrorDetails, source: Path, places: Mapping[Keys, Place]) -> str:
    """One mistake: where, what was found, what was expected."""
    path = _in_file(detail["loc"], places)
    where = ".".join(str(part) for part in path) or "settings"
    # a missing key has no place of its own: its mapping has
    nearest = next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), None)
    at = _at(source, nearest)
    if detail["type"] == "missing":
        return f"{at}: {where} is missing; add it"
    if detail["type"] == "extra_forbidden":
        known = _keys_at(Settings, detail["loc"][:-1])
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"{at}: unknown key {where!r}; {hint}"
    message = detail["msg"].removeprefix("Value error, ")
    # whoever puts the secret itself there must not see it in a log
    if not detail["loc"] or _may_hold_a_secret(path):
        return f"{at}: {where}: {message}" if path else f"{at}: {message}"
    return f"{at}: {where}: {message}; found {without_credentials(repr(detail['input'])):.80}"


_SECRET_PLACES = {"base_url", "api_key_env", "api_key_secret", "key_command", "headers", "query", "webhook_env"}


def _may_hold_a_secret(path: Keys) -> bool:
    """Whether what was found at ``path`` is not to be repeated; a whole endpoint holds all its values."""
    return not _SECRET_PLACES.isdisjoint(path) or (path[0] == "endpoints" and len(path) < 3)


def _in_file(loc: Sequence[int | str], places: Mapping[Keys, Place]) -> Keys:
    """The path as the file has it: a bare value read as a list of one has no index there."""
    path = tuple(loc)
    if path in places or not places:
        return path
    short = tuple(part for n, part in enumerate(path) if not (isinstance(part, int) and path[: n + 1] not in places))
    return short if short in places or short[:-1] in places else path


def _keys_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The valid keys of the mapping at ``path`` below ``model``."""
    for part in path:
        if isinstance(part, int) or part not in model.model_fields:
            continue  # an index, or a name the user gave (an endpoint)
        found = _models_in(model.model_fields[part].annotation)
        if found:
            model = found[0]
    return [name for name in model.model_fields if name not in SET_BY_LOAD]


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]
