"""Which format and dialect a file has: by its ending, else by its first line, never by searching the text.

Keep out: reading the records (tabular.py, json_records.py, trec.py, letor.py).
"""

import csv
import io
from collections.abc import Mapping
from typing import Literal, NamedTuple

from label_pipeline.adapters.files.letor import is_letor
from label_pipeline.adapters.files.packing import inner_name
from label_pipeline.adapters.files.spec import FORMAT_OF_ENDING, Format, InputSpec
from label_pipeline.core.errors import InputError

GRADED = ("human_labels", "evaluation")
_MARKS = (",", "\t", ";", "|")
_EXCEL = (".xlsx", ".xls", ".ods")
_ENOUGH = 1 << 20
"""Bytes looked at for a first line."""


class CsvStyle(NamedTuple):
    """How a CSV file is written.

    ``delimiter`` is one character; ``quotes`` says whether they enclose a field (``csv``) or are text.
    """

    delimiter: str
    quotes: Literal["csv", "text"]


def format_of(spec: InputSpec, data: bytes) -> Format:
    """The settings' format, or that of the ending, or of the first line.

    Raises:
        InputError: a spreadsheet.
    """
    ending = inner_name(spec.path).suffix.lower()
    if ending in _EXCEL and spec.format is None:
        raise InputError(f"{spec.source} is a spreadsheet; save it as `CSV UTF-8`, a sheet a file")
    found = spec.format or FORMAT_OF_ENDING.get(ending) or ("parquet" if data.startswith(b"PAR1") else None)
    return found or _by_first_line(spec, _first_line(data[:_ENOUGH].decode("utf-8-sig", "replace")))


def _by_first_line(spec: InputSpec, line: str) -> Format:
    opening: Mapping[str, Format] = {"<": "trec_topics", "[": "json", "{": "jsonl"}
    if line[:1] in opening:
        return opening[line[:1]]
    if spec.names is None and spec.table in (*GRADED, "candidates") and is_letor(line):
        return "letor"
    fields = line.split()
    if spec.names is None and spec.table in GRADED and len(fields) in (3, 4) and _is_number(fields[-1]):
        return "trec_qrels"
    if spec.names is None and spec.table == "queries" and line.count("\t") == 1 and not _is_header(spec, line):
        return "trec_topics"
    return "csv"


def _first_line(text: str) -> str:
    """The first line that holds something and is no comment."""
    return next((line.strip() for line in io.StringIO(text) if line.strip() and not line.startswith("#")), "")


def _is_header(spec: InputSpec, line: str) -> bool:
    return bool({name.strip() for name in line.split("\t")} & {*spec.fields.names, *spec.columns.values()})


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()


def dialect_of(spec: InputSpec, text: str) -> CsvStyle:
    """Delimiter and quotes of a CSV file.

    Where the settings name no delimiter: a tab for .tsv, else the comma, where the first line has one; else its
    commonest of tab, semicolon (as spreadsheets of many countries save CSV) and bar.

    Raises:
        InputError: the delimiter of the settings is not one character.
    """
    if spec.delimiter is not None:
        delimiter = spec.delimiter.replace("\\t", "\t")  # as YAML reads '\t' in single quotes
        if len(delimiter) != 1:
            raise InputError(
                f"{spec.source}: `delimiter: {spec.delimiter!r}` is not one character; use e.g. ',', ';' or a tab"
            )
    elif inner_name(spec.path).suffix.lower() == ".tsv":
        delimiter = "\t"
    else:
        header = text.partition("\n")[0]
        delimiter = "," if "," in header else max(_MARKS, key=header.count)
    if spec.quotes is not None:
        return CsvStyle(delimiter, spec.quotes)
    return CsvStyle(delimiter, "text" if delimiter == "\t" and not _quoted_by_a_program(text) else "csv")


def _quoted_by_a_program(text: str) -> bool:
    """Whether every line of a TSV with a quote is what a CSV writer makes of its fields, as pandas and polars save.

    A quote that a person typed is text: a search for "cheap flights", 5" disks.
    """
    lines = [line for line in text.splitlines() if '"' in line]
    return bool(lines) and (_as_written(lines, csv.QUOTE_MINIMAL) or _as_written(lines, csv.QUOTE_ALL))


def _as_written(lines: list[str], quoting: Literal[0, 1]) -> bool:
    for line in lines:
        try:
            fields = next(csv.reader([line], delimiter="\t", strict=True))
        except csv.Error:
            return False
        out = io.StringIO()
        csv.writer(out, delimiter="\t", quoting=quoting, lineterminator="").writerow(fields)
        if out.getvalue() != line:
            return False
    return True
