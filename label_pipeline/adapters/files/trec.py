"""TREC topics and qrels, under the column names of this project."""

import re

import polars as pl

from label_pipeline.adapters.files.tabular import Records
from label_pipeline.core.errors import InputError

QREL_COLUMNS = ("query_id", "iteration", "doc_id", "grade")
TOPIC_COLUMNS = ("query_id", "query", "description", "narrative")

_TOPIC = re.compile(r"<(top|topic)\b([^>]*)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_OPENING = re.compile(r"<(?:top|topic)\b", re.IGNORECASE)
_NUMBER_ATTRIBUTE = re.compile(r"""(?:number|id|num)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_TAGS = {"query_id": "num", "query": "title|query", "description": "desc|description", "narrative": "narr|narrative"}
_LABELS = re.compile(r"^(?:number|topic|description|narrative)\s*:", re.IGNORECASE)


def parse_qrels(text: str) -> Records:
    """`query_id iteration doc_id grade`, separated by white space; another number of fields is a problem."""
    rows: list[list[str | None]] = []
    lines: list[int] = []
    problems: list[str | None] = []
    for number, line in enumerate(text.split("\n"), start=1):
        fields: list[str | None] = list(line.split())
        if not fields:
            continue
        good = len(fields) == len(QREL_COLUMNS)
        rows.append(fields if good else [None] * len(QREL_COLUMNS))
        lines.append(number)
        problems.append(None if good else f"found {len(fields)} fields, expected 4: query_id iteration doc_id grade")
    return Records(pl.DataFrame(rows, schema=dict.fromkeys(QREL_COLUMNS, pl.String), orient="row"), lines, problems)


def parse_topics(text: str, source: str) -> Records:
    """Topics as `<top>` blocks (classic SGML or XML) or as `query_id<TAB>query` lines.

    The title is the query; `description` and `narrative` can be mapped instead (`columns: {query: description}`).

    Raises:
        InputError: when a block is opened and never closed.
    """
    if _OPENING.search(text):
        return _blocks(text, source)
    rows: list[list[str | None]] = []
    lines: list[int] = []
    problems: list[str | None] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        query_id, tab, query = line.strip("\r").partition("\t")
        rows.append([query_id, query, None, None] if tab else [None] * len(TOPIC_COLUMNS))
        lines.append(number)
        problems.append(None if tab else "found no tab, expected query_id<TAB>query or <top> blocks")
    return Records(pl.DataFrame(rows, schema=dict.fromkeys(TOPIC_COLUMNS, pl.String), orient="row"), lines, problems)


def _blocks(text: str, source: str) -> Records:
    rows: list[list[str | None]] = []
    lines: list[int] = []
    for block in _TOPIC.finditer(text):
        if _OPENING.search(block[3]):
            raise _unclosed(text, block.start(), source)
        attribute = _NUMBER_ATTRIBUTE.search(block[2])
        fields = {name: _tag(block[3], tags) for name, tags in _TAGS.items()}
        rows.append([attribute[1] if attribute else fields["query_id"], *list(fields.values())[1:]])
        lines.append(_line(text, block.start()))
    last = _OPENING.search(text, max((block.end() for block in _TOPIC.finditer(text)), default=0))
    if last:
        raise _unclosed(text, last.start(), source)
    return Records(
        pl.DataFrame(rows, schema=dict.fromkeys(TOPIC_COLUMNS, pl.String), orient="row"), lines, [None] * len(rows)
    )


def _unclosed(text: str, position: int, source: str) -> InputError:
    return InputError(f"{source}: the topic that starts on line {_line(text, position)} is not closed; add its </top>")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _tag(block: str, tags: str) -> str | None:
    """The text of the first such tag, up to the next tag: classic topics close none."""
    found = re.search(rf"<(?:{tags})\b[^>]*>([^<]*)", block, re.IGNORECASE)
    if not found:
        return None
    return " ".join(_LABELS.sub("", found[1].strip()).split())
