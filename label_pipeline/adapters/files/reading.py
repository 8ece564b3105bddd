"""``read_rows``: one file, read in its format, its columns renamed to ours."""

import difflib
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from label_pipeline.adapters.files.beir import as_ours
from label_pipeline.adapters.files.dialect import dialect_of, format_of
from label_pipeline.adapters.files.json_records import parse_json, parse_jsonl
from label_pipeline.adapters.files.letor import parse_letor
from label_pipeline.adapters.files.nested import Nesting, steps_of
from label_pipeline.adapters.files.opening import decode, read_bytes
from label_pipeline.adapters.files.packing import unpacked
from label_pipeline.adapters.files.spec import FEATURE_PREFIX, InputSpec, RawRows
from label_pipeline.adapters.files.tabular import Records, as_text, parse_csv, parse_parquet
from label_pipeline.adapters.files.trec import parse_qrels, parse_topics
from label_pipeline.adapters.files.wide import melted
from label_pipeline.core.errors import InputError

_SHOWN, _NAME_CHARS = 20, 60
"""Columns an error lists, and characters of each."""


def read_rows(spec: InputSpec) -> RawRows:
    """Reads one file for one table.

    Args:
        spec: the file and how to read it.

    Returns:
        Every record, text as it stands in the file; a record that cannot be read has a ``problem``. Where the file says
        no task or collection, the spec's stand in.

    Raises:
        InputError: the file is missing, empty (also: only a header), in another encoding, broken, of unknown format, or
            lacks a column; the message says what to do.
    """
    records = _parse(spec)
    source, fields = spec.source, spec.fields
    if spec.melt and records.lines:
        records = melted(records, spec.melt, source)
    if not records.lines:
        optional = spec.table in ("evaluation", "candidates")
        remedy = f", or no `inputs.{spec.table}` in the settings while there is none" if optional else ""
        raise InputError(
            f"{source} holds no rows for {spec.table}, at most a header; expected at least one row{remedy}"
        )
    picked = pick_columns(spec, records.columns.columns)
    columns = [as_text(records.columns[name], source).alias(ours) for ours, name in picked.items()]
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in fields.names if name not in picked]
    defaults = [
        pl.when(pl.col(name).str.strip_chars() == "").then(None).otherwise(pl.col(name)).fill_null(default).alias(name)
        for name, default in (("task", spec.task), ("collection", spec.collection), ("annotator_id", spec.annotator))
        if name in fields.names and default is not None
    ]
    frame = (
        pl.DataFrame(columns)
        .with_columns(absent)
        .with_columns(
            *defaults,
            pl.Series("line", records.lines, dtype=pl.Int64),
            pl.Series("problem", records.problems, dtype=pl.String),
        )
    )
    read = {part for name in picked.values() for part in (name, steps_of(name)[0])}
    unread = tuple(name for name in records.columns.columns if name not in read)
    return RawRows(spec.table, source, frame, spec.grades, unread, spec.date_order)


def pick_columns(spec: InputSpec, names: Sequence[str]) -> dict[str, str]:
    """Our column name to the file's, for every column of the table the file has.

    Raises:
        InputError: for a mapping of a column we do not have or the file does not have, or a missing required column.
    """
    fields = spec.fields
    for ours in spec.columns:
        if ours not in fields.names and not (fields.features and ours.startswith(FEATURE_PREFIX)):
            raise InputError(
                f"{spec.source}: `columns:` maps {ours!r}, which {spec.table} does not have; expected one of "
                f"{', '.join(fields.names)}{_did_you_mean(ours, fields.names)}"
            )
    picked: dict[str, str] = {}
    for ours in fields.names:
        name = spec.columns.get(ours, ours)
        unasked = bool(spec.columns) and ours in ("task", "collection") and ours not in spec.columns
        if name in names and not unasked:
            picked[ours] = name
        elif ours in fields.required or ours in spec.columns:
            raise InputError(_missing(spec, ours, name, names))
    if fields.features:
        mapped = {ours: name for ours, name in spec.columns.items() if ours.startswith(FEATURE_PREFIX)}
        for ours, name in mapped.items():
            if name not in names:
                raise InputError(_missing(spec, ours, name, names))
        picked |= {name: name for name in names if name.startswith(FEATURE_PREFIX)} | mapped
    return picked


def _missing(spec: InputSpec, ours: str, name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.lower(), [other.lower() for other in names], n=1, cutoff=0.5)
    nearest = next((other for other in names if near and other.lower() == near[0]), None)
    hint = f"`columns: {{{ours}: {nearest or 'the_column_in_your_file'}}}`"
    separator = next((mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]), None)
    if separator:
        hint += f", or set `delimiter: {separator!r}`: the header is one column and holds that mark"
    if spec.names is None and not set(names) & set(spec.fields.names):
        hint += f"; if this is its first row and not a header, set `names: [{', '.join(spec.fields.required)}]`"
    return (
        f"{spec.source}: no column {name!r} for {spec.table}; the file has {_listed(names)}"
        f"{f' (nearest: {nearest})' if nearest else ''}; map it with {hint}"
    )


def _listed(names: Sequence[str]) -> str:
    """The first of them: a JSON object may have a key for every id."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:_NAME_CHARS] for name in names[:_SHOWN]) + more


def _did_you_mean(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def _parse(spec: InputSpec) -> Records:
    if spec.format == "beir":
        return as_ours(_parse(replace(spec, format=None)), spec)
    data = unpacked(read_bytes(spec.path, spec.objects), spec.path)
    file_format, source = format_of(spec, data), spec.source
    if spec.explode is not None and file_format not in ("json", "jsonl"):
        raise InputError(f"{source} is read as {file_format}, and `explode:` is for JSON; leave it out")
    if file_format == "parquet":
        return parse_parquet(data, source)
    text = decode(data, spec.encoding, source)
    if file_format == "csv":
        delimiter, quotes = dialect_of(spec, text)
        return parse_csv(text, delimiter, source, names=spec.names, quoted=quotes == "csv")
    if file_format in ("json", "jsonl"):
        nesting = Nesting((*spec.columns.values(), *spec.melt), spec.explode)
        return (parse_json if file_format == "json" else parse_jsonl)(text, source, nesting)
    if file_format == "letor":
        return parse_letor(text)
    return parse_qrels(text) if file_format == "trec_qrels" else parse_topics(text)
