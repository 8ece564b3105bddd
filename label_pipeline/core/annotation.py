"""One person's answer to one task, as any grading tool gives it back, before anybody judged it."""

import re
from dataclasses import dataclass

from label_pipeline.core.rubric import Rubric
from label_pipeline.core.scale import Scale

CANNOT_JUDGE = "cannot judge"
"""The answer of who lacks context or language; it is kept, and it is no grade."""

_GRADE = re.compile(r"(-?\d+)(?:[.,]0+)?(?:\s*=.*)?", re.DOTALL)


@dataclass(frozen=True)
class Annotation:
    """One person's answer about one pair.

    Attributes:
        task_id: the pair's id as exported; empty where the record has none.
        annotator: who, as the tool names people: a login, a number, a name.
        answer: what was chosen or typed; None where nothing was.
        skipped: the person skipped or cancelled the task.
        rationale: the person's reason; None without one.
        seconds: spent on the task; None where the tool does not say.
        graded_at: UTC, ISO 8601; None where the tool does not say.
        doc_version: of the text that was shown.
        rubric_version: of the guide it was graded by.
        source: file name.
        place: where in the file, e.g. ``annotation 12``.
        key: the answer's own id: the same answer in a later export has it too.
        problem: why the record cannot be read; None for a readable one.
    """

    task_id: str
    annotator: str
    answer: str | None
    skipped: bool = False
    rationale: str | None = None
    seconds: float | None = None
    graded_at: str | None = None
    doc_version: str | None = None
    rubric_version: str | None = None
    source: str = ""
    place: str = ""
    key: str = ""
    problem: str | None = None


@dataclass(frozen=True)
class Sheet:
    """One task as people see it: the pair's texts and what an answer must carry back.

    Attributes:
        task_id: the pair's id in every tool.
        query_id: of the pair.
        doc_id: of the pair.
        query: text.
        title: the document's, empty without one.
        document: its text.
        facts: source and date as one line, empty where unknown.
        doc_version: of this text.
        rubric_version: of the guide.
        annotators: who it is for.
    """

    task_id: str
    query_id: str
    doc_id: str
    query: str
    title: str
    document: str
    facts: str
    doc_version: str
    rubric_version: str
    annotators: tuple[str, ...]


def choices(rubric: Rubric) -> tuple[str, ...]:
    """What a tool offers: every grade with its title, best last, then ``cannot judge``."""
    return (*(f"{grade.grade} = {grade.title}" for grade in rubric.grades), CANNOT_JUDGE)


def read_grade(answer: str, scale: Scale) -> int | None:
    """The grade of an answer, None for ``cannot judge``; accepts ``2``, ``2.0`` and ``2 = highly relevant``.

    Raises:
        ValueError: anything else, or a grade outside the scale.
    """
    text = answer.strip()
    if text.casefold().replace("_", " ") == CANNOT_JUDGE:
        return None
    found = _GRADE.fullmatch(text)
    if not found or not scale.contains(int(found[1])):
        raise ValueError(
            f"answer {text[:60]!r} is no grade; expected a whole number {scale.lo} to {scale.hi} or {CANNOT_JUDGE!r}"
        )
    return int(found[1])
