"""Label Studio: the labelling configuration of a rubric, tasks as it imports them, its JSON export as annotations.

Tested against Label Studio 1.23. Keep out: talking to its server (its own page imports and exports files).
"""

import json
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from label_pipeline.core.annotation import Annotation, Sheet, choices
from label_pipeline.core.errors import InputError
from label_pipeline.core.rubric import Rubric

GRADE, RATIONALE = "grade", "rationale"


def label_config(rubric: Rubric) -> str:
    """The labelling interface as XML: query, document, one choice of a grade, a box for the reason.

    Every grade has its definition as a hint and, below ten, its own digit as hotkey. The guide is a page of its own.
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value=rubric.task)
    ElementTree.SubElement(view, "Header", value="Query", size="5")
    ElementTree.SubElement(view, "Text", name="query", value="$query")
    ElementTree.SubElement(view, "Header", value="Document", size="5")
    ElementTree.SubElement(view, "Text", name="title", value="$title")
    ElementTree.SubElement(view, "Text", name="facts", value="$facts")
    ElementTree.SubElement(view, "Text", name="document", value="$document")
    control = ElementTree.SubElement(
        view, "Choices", name=GRADE, toName="document", choice="single-radio", required="true",
        requiredMessage="Choose a grade, or `cannot judge`.", showInline="false",
    )  # fmt: skip
    hints = [definition.definition for definition in rubric.grades] + ["You lack the context or the language for it."]
    keys = [str(definition.grade) for definition in rubric.grades] + ["x"]
    for text, hint, key in zip(choices(rubric), hints, keys, strict=True):
        choice = ElementTree.SubElement(control, "Choice", value=text, hint=hint)
        if len(key) == 1:
            choice.set("hotkey", key)
    ElementTree.SubElement(view, "Header", value="Why? One sentence.", size="5")
    ElementTree.SubElement(
        view, "TextArea", name=RATIONALE, toName="document", maxSubmissions="1", editable="true", rows="2"
    )
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def tasks_json(sheets: Sequence[Sheet]) -> str:
    """The tasks as Label Studio imports them: one object per pair, the texts and everything an answer must carry back.

    ``annotators`` is a list to filter the Data Manager by, whose free edition assigns nobody: ``|ann|anna|``, so that
    a filter for ``|ann|`` shows nothing of Anna's.
    """
    tasks = [
        {
            "data": {
                "task_id": sheet.task_id, "query": sheet.query, "title": sheet.title, "facts": sheet.facts,
                "document": sheet.document, "query_id": sheet.query_id, "doc_id": sheet.doc_id,
                "annotators": f"|{'|'.join(sheet.annotators)}|", "doc_version": sheet.doc_version,
                "rubric_version": sheet.rubric_version,
            }
        }
        for sheet in sheets
    ]  # fmt: skip
    return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def read_users(text: str, source: str) -> dict[str, str]:
    """Label Studio's number of a person to the e-mail address, from the reply of its ``/api/users``.

    Raises:
        InputError: not such a reply.
    """
    found = _parsed(text, source)
    rows = found.get("results", found) if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        raise InputError(f"{source} is no list of users with an `id`; save the reply of Label Studio's /api/users")
    return {str(row["id"]): str(row.get("email") or row.get("username") or row["id"]) for row in rows}


def read_export(text: str, source: str, users: Mapping[str, str] | None = None) -> list[Annotation]:
    """Every annotation of a JSON export, skipped ones too.

    Args:
        text: the file.
        source: its name.
        users: number to login (``read_users``); a number that is not there stays a number.

    Raises:
        InputError: another kind of export. CSV and JSON-MIN leave skipped tasks out.
    """
    tasks = _parsed(text, source)
    if not isinstance(tasks, list):
        raise InputError(f"{source} holds a JSON {type(tasks).__name__}, expected Label Studio's list of tasks")
    if any(not isinstance(task, dict) or not isinstance(task.get("annotations"), list) for task in tasks):
        raise InputError(
            f"{source}: a task has no list `annotations`; export the project as JSON (JSON-MIN and CSV leave skipped "
            "tasks and who skipped them out)"
        )
    return [
        _annotation(answer, task.get("data"), source, users or {}) for task in tasks for answer in task["annotations"]
    ]


def _annotation(answer: object, data: object, source: str, users: Mapping[str, str]) -> Annotation:
    if not isinstance(answer, dict) or not isinstance(data, dict):
        return Annotation("", "", None, source=source, problem="the annotation or its task's data is no JSON object")
    who = answer.get("completed_by")
    who = who.get("email") or who.get("id") if isinstance(who, dict) else who
    regions = answer.get("result")
    regions = regions if isinstance(regions, list) else []
    picked = [value for region in regions for value in _values(region, GRADE, "choices")]
    typed = [value for region in regions for value in _values(region, RATIONALE, "text")]
    seconds = answer.get("lead_time")
    problem = f"{len(picked)} grades are chosen ({', '.join(picked)}); expected one" if len(picked) > 1 else None
    return Annotation(
        task_id=_text(data.get("task_id")) or "",
        annotator="" if who is None else users.get(str(who), _text(who) or ""),
        answer=picked[0] if picked else None,
        skipped=bool(answer.get("was_cancelled")),
        rationale=" ".join(typed).strip() or None,
        seconds=float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None,
        graded_at=_text(answer.get("updated_at") or answer.get("created_at")),
        doc_version=_text(data.get("doc_version")),
        rubric_version=_text(data.get("rubric_version")),
        source=source,
        place=f"annotation {answer.get('id')}",
        key=_text(answer.get("unique_id")) or f"{source}:{answer.get('id')}",
        problem=problem,
    )


def _values(region: object, name: str, kind: str) -> list[str]:
    """What a control named ``name`` holds: chosen texts, or what was typed."""
    if not isinstance(region, dict) or region.get("from_name") != name or not isinstance(region.get("value"), dict):
        return []
    found = region["value"].get(kind)
    values = found if isinstance(found, list) else [found] if found else []
    return [_text(value) or "" for value in values]


def _text(value: object) -> str | None:
    """A JSON value as text, None where it is empty; half a surrogate pair, which no file can hold, is ``?``."""
    return None if value is None else str(value).encode("utf-8", "replace").decode() or None


def _parsed(text: str, source: str) -> object:
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        raise InputError(f"{source} is not JSON ({error.msg} in line {error.lineno}); export it again") from error
    except RecursionError as error:
        raise InputError(f"{source} is no export: its JSON is nested too deeply; export it again") from error
