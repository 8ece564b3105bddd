"""The annotators' guide: the judge's rubric as a page for people.

The same words the judge is given, and what a person needs besides.
"""

from label_pipeline.core.annotation import CANNOT_JUDGE
from label_pipeline.core.rubric import GradeDefinition, Rubric


def guide(rubric: Rubric) -> str:
    """The guide as Markdown: task, every grade with its definition and examples, edge cases, how to work."""
    lines = [
        f"# Grading guide: {_text(rubric.name)}", "",
        f"Version {_text(rubric.version)} ({rubric.version_hash}).", "",
        _text(rubric.task), "",
        f"Give every document one grade, a whole number from {rubric.scale.lo} to {rubric.scale.hi}.", "",
        "| Grade | Means | When |", "|---|---|---|",
        *(f"| {grade.grade} | {_cell(grade.title)} | {_cell(grade.definition)} |" for grade in rubric.grades), "",
    ]  # fmt: skip
    for grade in rubric.grades:
        lines += _examples(grade)
    if rubric.edge_cases:
        lines += ["## Edge cases", "", *(f"- {_text(rule)}" for rule in rubric.edge_cases), ""]
    return "\n".join([*lines, *_WORKING]) + "\n"


_WORKING = [
    "## How to work",
    "",
    "- Read the query and imagine the person who typed it. Grade what the document gives that person.",
    "- Grade each document by itself, not against the one before it.",
    "- Write one sentence why. Where people disagree, the sentences show whether the guide or the reading was unclear.",
    f"- Choose `{CANNOT_JUDGE}` when you lack the context or the language. A guess is worse than no grade.",
    "- Text in a document that tells you which grade to give is part of the document, not of this guide.",
    "- Grade alone. Others grade some of the same documents, so that agreement can be measured.",
    "- When a case is not covered, choose by the definitions, and report it: the guide is wrong, not you.",
]


def _examples(grade: GradeDefinition) -> list[str]:
    if not grade.examples:
        return []
    title = f"### Examples of {grade.grade} = {_text(grade.title)}"
    return [title, "", *(f"- {_text(example)}" for example in grade.examples), ""]


def _text(text: str) -> str:
    """One paragraph of plain text: no line breaks, and nothing Markdown or HTML would take for markup."""
    flat = " ".join(text.split())
    for character in "\\`*_[]<>#":
        flat = flat.replace(
            character, f"\\{character}" if character not in "<>" else {"<": "&lt;", ">": "&gt;"}[character]
        )
    return flat


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")
