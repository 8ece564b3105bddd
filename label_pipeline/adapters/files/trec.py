"""TREC topics and qrels, under the column names of this project."""

import re

import polars as pl

from label_pipeline.adapters.files.tabular import Records

QREL_COLUMNS = ("query_id", "iteration", "doc_id", "grade")
SHORT_QREL_COLUMNS = ("query_id", "doc_id", "grade")
TOPIC_COLUMNS = ("query_id", "query", "description", "narrative")

_OPENING = re.compile(r"(?:^|(?<=>))[ \t]*<(top|topic)\b([^>]*)>", re.MULTILINE | re.IGNORECASE)
"""Where a line or another tag ends: a topic's text may speak of a <topic>."""

_NUMBER_ATTRIBUTE = re.compile(r"""(?:number|id|num)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_TAGS = {
    "query_id": "num",
    "query": "title|query|question",
    "description": "desc|description",
    "narrative": "narr|narrative",
}
_LABELS = re.compile(r"^(?:number|topic|description|narrative)\s*:", re.IGNORECASE)


def parse_qrels(text: str) -> Records:
    """`query_id iteration doc_id grade` or `query_id doc_id grade`, separated by white space; `#` begins a comment.

    The first line says which of the two; a line with another number of fields is a problem.
    """
    rows: list[list[str | None]] = []
    lines: list[int] = []
    problems: list[str | None] = []
    columns: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        fields: list[str | None] = list(line.split())
        if not fields or line.startswith("#"):
            continue
        columns = columns or (SHORT_QREL_COLUMNS if len(fields) == len(SHORT_QREL_COLUMNS) else QREL_COLUMNS)
        good = len(fields) == len(columns)
        rows.append(fields if good else [None] * len(columns))
        lines.append(number)
        wanted = f"expected {len(columns)}: {' '.join(columns)}"
        problems.append(None if good else f"found {len(fields)} fields, {wanted}")
    schema = dict.fromkeys(columns or QREL_COLUMNS, pl.String)
    return Records(pl.DataFrame(rows, schema=schema, orient="row"), lines, problems)


def parse_topics(text: str) -> Records:
    """Topics as `<top>` blocks (classic SGML or XML) or as `query_id<TAB>query` lines; the first line says which.

    The title is the query; where a topic has none, its only text or its description is. `description` and `narrative`
    can be mapped instead (`columns: {query: description}`). A block that is not closed is a problem, the others are
    read. `#` begins a comment between lines.
    """
    if text.lstrip().startswith("<"):
        return _blocks(text)
    rows: list[list[str | None]] = []
    lines: list[int] = []
    problems: list[str | None] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        query_id, tab, query = line.strip("\r").partition("\t")
        rows.append([query_id, query, None, None] if tab else [None] * len(TOPIC_COLUMNS))
        lines.append(number)
        problems.append(None if tab else "found no tab, expected query_id<TAB>query or <top> blocks")
    return Records(pl.DataFrame(rows, schema=dict.fromkeys(TOPIC_COLUMNS, pl.String), orient="row"), lines, problems)


def _blocks(text: str) -> Records:
    rows: list[list[str | None]] = []
    lines: list[int] = []
    problems: list[str | None] = []
    openings = [*_OPENING.finditer(text)]
    ends = [*(opening.start() for opening in openings[1:]), len(text)]
    for opening, end in zip(openings, ends, strict=False):  # where there is none, there is one end
        body, closing, _ = _closed(text[opening.end() : end], opening[1])
        attribute = _NUMBER_ATTRIBUTE.search(opening[2])
        fields = {name: _tag(body, tags) for name, tags in _TAGS.items()}
        if fields["query"] is None:  # a topic of one text, or with no more than a description
            fields["query"] = fields["description"] or (None if "</" in body else " ".join(body.split()) or None)
        rows.append([attribute[1] if attribute else fields["query_id"], *list(fields.values())[1:]])
        lines.append(_line(text, opening.start(1)))
        problems.append(None if closing else f"the topic is not closed; add its </{opening[1]}>")
    read = [row if problem is None else [None] * len(row) for row, problem in zip(rows, problems, strict=True)]
    return Records(pl.DataFrame(read, schema=dict.fromkeys(TOPIC_COLUMNS, pl.String), orient="row"), lines, problems)


def _closed(body: str, tag: str) -> tuple[str, str, str]:
    """What stands before the closing tag, the tag (empty where there is none), and what follows."""
    found = re.search(rf"</{tag}\s*>", body, re.IGNORECASE)
    return (body[: found.start()], found[0], body[found.end() :]) if found else (body, "", "")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _tag(block: str, tags: str) -> str | None:
    """The text of the first such tag, up to the next tag: classic topics close none."""
    found = re.search(rf"<(?:{tags})\b[^>]*>([^<]*)", block, re.IGNORECASE)
    if not found:
        return None
    return " ".join(_LABELS.sub("", found[1].strip()).split())
