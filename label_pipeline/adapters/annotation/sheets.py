"""One CSV sheet per person: rows to grade in any spreadsheet program, and the filled sheets as annotations."""

import csv
import hashlib
import io
from collections.abc import Sequence

from label_pipeline.adapters.files.tabular import parse_csv
from label_pipeline.core.annotation import Annotation, Sheet
from label_pipeline.core.errors import InputError

COLUMNS = (
    "task_id", "query", "title", "facts", "document", "grade", "rationale",
    "annotator_id", "doc_version", "rubric_version",
)  # fmt: skip
NEEDED = ("task_id", "grade", "annotator_id")

_AS_TEXT = "#"
"""Leads a version, which is hexadecimal: a spreadsheet would save 7012345678901e12 as another number."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKS = (",", ";", "\t")


def sheet_csv(sheets: Sequence[Sheet], annotator: str) -> str:
    """The sheet of one person: the columns ``grade`` and ``rationale`` are empty, to be filled.

    A text that a spreadsheet would run as a formula is led by an apostrophe; texts are not read back. The file begins
    with a byte order mark, without which Excel misreads UTF-8.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for sheet in sheets:
        if annotator in sheet.annotators:
            texts = (_safe(text) for text in (sheet.query, sheet.title, sheet.facts, sheet.document))
            versions = (f"{_AS_TEXT}{version}" for version in (sheet.doc_version, sheet.rubric_version))
            writer.writerow([sheet.task_id, *texts, "", "", annotator, *versions])
    return "\ufeff" + out.getvalue()


def read_sheet(text: str, source: str) -> tuple[list[Annotation], int]:
    """The answers of a filled sheet, and how many of its rows nobody filled in yet.

    Comma, semicolon or tab, as the spreadsheet program saved it. ``skip`` as a grade is a skipped task.

    Raises:
        InputError: a column is missing, or the file is no CSV.
    """
    header = text.lstrip("\ufeff").split("\n", 1)[0]
    mark = max(_MARKS, key=header.count)
    records = parse_csv(text.lstrip("\ufeff"), mark, source)
    missing = [name for name in NEEDED if name not in records.columns.columns]
    if missing:
        raise InputError(
            f"{source} has no column {', '.join(missing)}; it has {', '.join(records.columns.columns)}: "
            "fill in the sheet that `seed export --tool csv` wrote, its columns as they are"
        )
    rows = records.columns.iter_rows(named=True)
    found = [
        _answer({name: (value or "").strip() for name, value in row.items()}, line, problem, source)
        for row, line, problem in zip(rows, records.lines, records.problems, strict=True)
    ]
    filled = [answer for answer in found if answer.answer is not None or answer.problem]
    return filled, len(found) - len(filled)


def _answer(row: dict[str, str], line: int, problem: str | None, source: str) -> Annotation:
    answer = row.get("grade") or None
    who, task = row.get("annotator_id", ""), row.get("task_id", "")
    content = "\x1f".join([task, who, answer or "", row.get("rationale", "")])
    return Annotation(
        task_id=task,
        annotator=who,
        answer=answer,
        skipped=(answer or "").casefold() in ("skip", "skipped"),
        rationale=row.get("rationale") or None,
        doc_version=row.get("doc_version", "").removeprefix(_AS_TEXT) or None,
        rubric_version=row.get("rubric_version", "").removeprefix(_AS_TEXT) or None,
        source=source,
        place=f"line {line}",
        key="sheet-" + hashlib.sha256(content.encode()).hexdigest()[:16],
        problem=problem,
    )


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
