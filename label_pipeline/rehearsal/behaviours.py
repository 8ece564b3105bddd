"""Ways in which real endpoints differ from OpenAI, one file each under `endpoints/`: read from YAML into a `Dialect`.

A file says where the behaviour was seen, which settings meet it, and what becomes of requests under them. Adding one is
adding a file. Keep out: what a dialect can say (dialect.py), and asking (label_pipeline_tests/dialects).
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from label_pipeline.rehearsal.dialect import Dialect, Instead, Refusal

FOLDER = Path(__file__).with_name("endpoints")
CONTENT = "{content}"
"""Stands for the model's own text in what a file puts into a completion."""


@dataclass(frozen=True)
class Edits:
    """What is different in every completion.

    Attributes:
        put: by dotted path, a number for the place in a list, what stands there instead.
        drop: paths that are absent.
    """

    put: Mapping[str, object] = field(default_factory=dict)
    drop: tuple[str, ...] = ()

    def __call__(self, completion: dict[str, object]) -> dict[str, object]:
        """The completion with them; the given one stays as it is."""
        found: dict[str, Any] = copy.deepcopy(completion)
        content = str(found["choices"][0]["message"]["content"])
        for path in self.drop:
            holder, last = _holder(found, path)
            del holder[last]
        for path, value in self.put.items():
            holder, last = _holder(found, path)
            holder[last] = _filled(value, content)
        return found


@dataclass(frozen=True)
class Fate:
    """What becomes of three pairs, asked one after the other.

    Attributes:
        outcomes: of each pair; empty where the run ends before there are rows.
        ends: how the run ends: `complete`, `other_model`, `stopped` (a no that concerns every request) or `gone` (no
            usable answer).
        booked: `counted` by the endpoint, `estimated` by us, or `nothing`.
        probabilities: whether probability-weighted grades can be read.
        says: words of the endpoint that reach the user.
    """

    outcomes: tuple[str, ...] = ("graded",) * 3
    ends: str = "complete"
    booked: str = "counted"
    probabilities: bool = True
    says: str | None = None


@dataclass(frozen=True)
class Behaviour:
    """One behaviour of one endpoint.

    Attributes:
        name: of its file.
        endpoint: where it is seen.
        says: what is different, in a sentence.
        source: public address of who saw it; None where we know of it without one.
        body: `recorded`, `written` or `taken over`, when and whence.
        settings: of the endpoint that meet it, a preset among them.
        lost: what does not work under them; None where nothing is lost.
        dialect: how it answers.
        expected: what becomes of requests under the settings.
        misfit: field of the endpoint's settings and value that the refusal under plain settings must name.
        judge: parameters of the judge that asks.
        models: names that are read of its list of models; None where it is not asked.
    """

    name: str
    endpoint: str
    says: str
    source: str | None
    body: str
    settings: Mapping[str, object]
    lost: str | None
    dialect: Dialect
    expected: Fate
    misfit: Mapping[str, object]
    judge: Mapping[str, object]
    models: tuple[str, ...] | None


def behaviours(folder: Path = FOLDER) -> tuple[Behaviour, ...]:
    """Every behaviour of ``folder``, by name."""
    return tuple(read(path) for path in sorted(folder.glob("*.yaml")))


def read(path: Path) -> Behaviour:
    """The behaviour of one file.

    Raises:
        TypeError: it has a key that does not exist, or lacks one.
    """
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    expected = dict(found.pop("expected", {}))
    outcomes = expected.pop("outcomes", None)
    if outcomes is not None:
        expected["outcomes"] = tuple(outcomes) if isinstance(outcomes, list) else (outcomes,) * 3
    models = found.pop("models", None)
    return Behaviour(
        name=path.stem,
        settings=found.pop("settings", {}),
        lost=found.pop("lost", None),
        dialect=_dialect(**found.pop("server", {})),
        expected=Fate(**expected),
        misfit=found.pop("misfit", {}),
        judge=found.pop("judge", {"max_tokens": 300}),
        models=None if models is None else tuple(models),
        **found,
    )


def _dialect(
    *,
    refuses: list[Mapping[str, Any]] | None = None,
    put: Mapping[str, object] | None = None,
    drop: list[str] | None = None,
    instead: Mapping[str, Any] | None = None,
    **more: Any,
) -> Dialect:
    return Dialect(
        refuses=tuple(
            Refusal(one["path"], tuple(one["values"]) if "values" in one else None, one["status"], one["body"])
            for one in refuses or []
        ),
        answer=Edits(put or {}, tuple(drop or ())),
        instead=None if instead is None else Instead(**instead),
        **more,
    )


def _holder(value: Any, path: str) -> tuple[Any, str | int]:
    """What holds the last step of a path, and that step."""
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        value = value[step]
    return value, last


def _filled(value: object, content: str) -> object:
    if isinstance(value, str):
        return value.replace(CONTENT, content)
    if isinstance(value, list):
        return [_filled(one, content) for one in value]
    if isinstance(value, dict):
        return {key: _filled(one, content) for key, one in value.items()}
    return value
