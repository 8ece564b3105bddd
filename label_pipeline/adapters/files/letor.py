"""Lines of LETOR, SVMrank and the learning-to-rank plugins: ``2 qid:10 1:0.3 2:0.5 # doc-1``.

The form: https://www.cs.cornell.edu/people/tj/svm_light/svm_rank.html, where a feature that a line leaves out is 0.
"""

import re

import polars as pl

from label_pipeline.adapters.files.spec import FEATURE_PREFIX
from label_pipeline.adapters.files.tabular import Records

_LINE = re.compile(r"\s*(?P<grade>\S+)\s+qid:(?P<query_id>\S+)(?P<features>[^#]*)(?:#(?P<comment>.*))?")
_NAMED = re.compile(r"\bdocid\s*=\s*(\S+)", re.IGNORECASE)
"""As LETOR 3 and 4 name a document: ``#docid = GX008-86-4444840 inc = 1 prob = 0.08``."""

_FORM = "`grade qid:query feature:value ... # document`"


def is_letor(line: str) -> bool:
    """Whether a file's first line is one of these."""
    return re.match(r"[-+.\d]+\s+qid:\S", line) is not None


def parse_letor(text: str) -> Records:
    """Records of such a file: query_id, doc_id, grade and ``feature_*``; a line of another form is a problem.

    The document is what the comment calls ``docid``, else its first word. Lines that begin with ``#`` are comments.
    """
    rows: list[dict[str, str | None]] = []
    lines: list[int] = []
    problems: list[str | None] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        row, problem = _record(line)
        rows.append(row)
        lines.append(number)
        problems.append(problem)
    names = dict.fromkeys(("query_id", "doc_id", "grade", *(name for row in rows for name in row)))
    columns = {name: pl.Series([row.get(name, _absent(name, row)) for row in rows], dtype=pl.String) for name in names}
    return Records(pl.DataFrame(columns), lines, problems)


def _absent(name: str, row: dict[str, str | None]) -> str | None:
    return "0" if row and name.startswith(FEATURE_PREFIX) else None


def _record(line: str) -> tuple[dict[str, str | None], str | None]:
    found = _LINE.fullmatch(line)
    if found is None:
        return {}, f"is no line of LETOR; expected {_FORM}"
    features = [part.partition(":") for part in found["features"].split()]
    names = [name for name, _, _ in features]
    if any(not name or not value for name, _, value in features) or len(set(names)) < len(names):
        return {}, f"has a feature without a value, or one twice; expected {_FORM}, each feature once"
    comment = found["comment"] or ""
    named = _NAMED.search(comment)
    doc_id = named[1] if named else next(iter(comment.split()), None)
    if doc_id is None:
        return {}, f"names no document; expected it at the end of the line: {_FORM}"
    row: dict[str, str | None] = {"query_id": found["query_id"], "doc_id": doc_id, "grade": found["grade"]}
    return row | {f"{FEATURE_PREFIX}{name}": value for name, _, value in features}, None
