"""The rubric: one structured definition of every grade, rendered to the judge's prompt.

Lives here: the record, its parsing from plain data (a YAML file read elsewhere), its hash and its text for the judge.
Keep out: reading files, prompts (core/judging/prompt.py) and the scale's arithmetic (core/scale.py).
"""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from label_pipeline.core.errors import PromptError
from label_pipeline.core.scale import Scale

RUBRIC_FIELDS = ("name", "version", "task", "scale", "grades", "edge_cases")
GRADE_FIELDS = ("grade", "title", "definition", "examples")


@dataclass(frozen=True)
class GradeDefinition:
    """The meaning of one grade, as the rubric states it.

    Attributes:
        grade: a grade of the rubric's scale.
        title: one or two words.
        definition: when a document earns it.
        examples: free text, one example each.
    """

    grade: int
    title: str
    definition: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rubric:
    """Everything judge and annotators are told about grading.

    Attributes:
        name: the rubric's name; a label, in no hash.
        version: its author's version label; raise it when the meaning of a grade changes.
        task: what is graded, in sentences.
        scale: the grades that exist.
        grades: one definition per grade, ascending.
        edge_cases: rules for the cases graders disagree on.
    """

    name: str
    version: str
    task: str
    scale: Scale
    grades: tuple[GradeDefinition, ...]
    edge_cases: tuple[str, ...] = ()

    @property
    def version_hash(self) -> str:
        """First 12 hex digits of the sha256 over version label and content, whatever the order of the file's keys."""
        content = {
            "version": self.version,
            "task": self.task,
            "scale": [self.scale.lo, self.scale.hi],
            "grades": [[g.grade, g.title, g.definition, list(g.examples)] for g in self.grades],
            "edge_cases": list(self.edge_cases),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def render(self) -> str:
        """The text a judge is shown: task, grades ascending, edge cases. The same rubric gives the same bytes."""
        lines = [self.task, "", f"Grades: whole numbers from {self.scale.lo} to {self.scale.hi}."]
        for grade in self.grades:
            lines.append(f"{grade.grade} = {grade.title}: {grade.definition}")
            lines.extend(f"    Example: {example}" for example in grade.examples)
        if self.edge_cases:
            lines += ["", "Edge cases:", *(f"- {rule}" for rule in self.edge_cases)]
        return "\n".join(lines)


def parse_rubric(data: Mapping[str, object], source: str) -> Rubric:
    """Builds a rubric from the plain data of its file.

    Args:
        data: ``name``, ``version``, ``task``, ``scale: {lo, hi}``, ``grades`` (a list of ``grade``, ``title``,
            ``definition`` and optional ``examples``), optional ``edge_cases``.
        source: where the data comes from, for messages.

    Raises:
        PromptError: names the field: unknown, missing or of the wrong type, or a grade of the scale that is not
            defined exactly once.
    """
    _refuse_unknown(data, RUBRIC_FIELDS, source)
    scale = _scale(data.get("scale"), source)
    grades = [_grade(item, f"{source}: grades[{i}]") for i, item in enumerate(_items(data, "grades", source))]
    for grade in scale.grades:
        count = sum(definition.grade == grade for definition in grades)
        if count != 1:
            raise PromptError(
                f"{source}: grades defines grade {grade} {count} times; every grade of the scale "
                f"{scale.lo} to {scale.hi} needs exactly one definition"
            )
    outside = [definition.grade for definition in grades if not scale.contains(definition.grade)]
    if outside:
        raise PromptError(f"{source}: grades defines {outside}, outside scale {scale.lo} to {scale.hi}; remove them")
    version = data.get("version")
    return Rubric(
        name=_text(data, "name", source),
        # An unquoted `version: 2` in YAML is a number; it is a label all the same.
        version=str(version) if type(version) in (int, float) else _text(data, "version", source),
        task=_text(data, "task", source),
        scale=scale,
        grades=tuple(sorted(grades, key=lambda definition: definition.grade)),
        edge_cases=_texts(data, "edge_cases", source),
    )


def _grade(item: object, source: str) -> GradeDefinition:
    if not isinstance(item, Mapping):
        raise PromptError(f"{source} is {_kind(item)}; expected the fields {list(GRADE_FIELDS)}")
    _refuse_unknown(item, GRADE_FIELDS, source)
    return GradeDefinition(
        grade=_whole_number(item.get("grade"), f"{source}: grade"),
        title=_text(item, "title", source),
        definition=_text(item, "definition", source),
        examples=_texts(item, "examples", source),
    )


def _scale(value: object, source: str) -> Scale:
    if not isinstance(value, Mapping):
        raise PromptError(f"{source}: scale is {_kind(value)}; expected `scale: {{lo: 0, hi: 3}}`")
    _refuse_unknown(value, ("lo", "hi"), f"{source}: scale")
    lo = _whole_number(value.get("lo"), f"{source}: scale.lo")
    hi = _whole_number(value.get("hi"), f"{source}: scale.hi")
    try:
        return Scale(lo, hi)
    except ValueError as error:
        raise PromptError(f"{source}: scale: {error}") from error


def _refuse_unknown(data: Mapping[str, object], known: Sequence[str], source: str) -> None:
    for field in data:
        if field not in known:
            nearest = difflib.get_close_matches(str(field), known, n=1)
            hint = f"did you mean {nearest[0]}? " if nearest else ""
            raise PromptError(f"{source}: unknown field {field}; {hint}the fields are {list(known)}")


def _items(data: Mapping[str, object], field: str, source: str) -> Sequence[object]:
    value = data.get(field)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise PromptError(f"{source}: {field} is {_kind(value)}; expected a list")
    return value


def _texts(data: Mapping[str, object], field: str, source: str) -> tuple[str, ...]:
    if data.get(field) is None:
        return ()
    items = dict(enumerate(_items(data, field, source)))
    return tuple(_text({f"{field}[{i}]": item}, f"{field}[{i}]", source) for i, item in items.items())


def _text(data: Mapping[str, object], field: str, source: str) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value.strip():
        # YAML reads an unquoted `title: No` as false.
        raise PromptError(
            f"{source}: {field} is {_kind(value)}; expected text (quote it if YAML may read it otherwise)"
        )
    return value.strip()


def _whole_number(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PromptError(f"{field} is {_kind(value)}; expected a whole number")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "missing"
    return f"{type(value).__name__} {value!r}" if isinstance(value, bool | int | float | str) else type(value).__name__
