"""A BEIR or MTEB folder: corpus, queries and one file of judgements a split, under our column names.

The layout is that of https://github.com/beir-cellar/beir: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/SPLIT.tsv``,
each also packed or as Parquet, and as folders of shards, as Hugging Face keeps them.

Keep out: how the files are parsed (they are JSON lines, TSV or Parquet as others are).
"""

import glob
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from label_pipeline.adapters.files.packing import files_of, inner_name
from label_pipeline.adapters.files.spec import FORMAT_OF_ENDING, InputSpec
from label_pipeline.adapters.files.tabular import Records
from label_pipeline.adapters.s3 import Objects

_FILES = {"queries": "queries", "documents": "corpus"}
_IDS = ("_id", "id")
_JUDGED = {"query_id": ("query-id",), "doc_id": ("corpus-id",), "grade": ("score",)}
_THEIRS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "queries": {"query_id": _IDS, "query": ("text",)},
    "documents": {"doc_id": _IDS},
    "human_labels": _JUDGED,
    "evaluation": _JUDGED,
}
"""Of each table, our column and what it is called there, the first that is there."""


def beir_files(
    folder: str | Path, table: str, splits: Sequence[str] | None = None, objects: Objects | None = None
) -> list[str | Path]:
    """The files of such a folder that feed a table; one that is not there is returned all the same: reading it tells.

    Of ``corpus.jsonl`` and ``corpus.jsonl.gz`` the first is taken: they are one file, once packed.

    Args:
        folder: local, or an ``s3://`` address.
        table: queries, documents, human_labels or evaluation.
        splits: whose judgements, ``train`` for ``qrels/train.tsv``; None is every file of qrels.
        objects: S3, where the address is there.
    """
    inside = str(folder).rstrip("/") if "://" in str(folder) else glob.escape(str(folder))
    name = _FILES.get(table)
    if name is not None:
        return _once(_shards(folder, name, objects) or files_of(f"{inside}/{name}.*", objects))
    judged = _once(_shards(folder, "qrels", objects))
    if splits is None:
        return judged or [_plain(folder, "test")]
    found: list[str | Path] = []
    for split in splits:
        found.extend([one for one in judged if _is_of(split, one)] or [_plain(folder, split)])
    return found


def as_ours(records: Records, spec: InputSpec) -> Records:
    """The records of one of its files under our names; a document that is only a title has the title for its text.

    Half of some corpora is titles alone, and they are judged as they stand. What ``columns:`` maps keeps its own name.
    """
    frame = records.columns
    taken = {*spec.columns.values(), *frame.columns}
    names = {}
    for ours, theirs in _THEIRS[spec.table].items():
        name = next((one for one in theirs if one in frame.columns and one not in spec.columns.values()), None)
        if name is not None and ours not in taken:
            names[name] = ours
    frame = frame.rename(names)
    if spec.table == "documents" and "title" in frame.columns and not {"title", "text"} & {*spec.columns}:
        text = pl.col("text").cast(pl.String) if "text" in frame.columns else pl.lit(None, dtype=pl.String)
        title = pl.col("title").cast(pl.String)
        alone = text.str.strip_chars().fill_null("") == ""
        frame = frame.with_columns(
            pl.when(alone).then(title).otherwise(text).alias("text"), pl.when(~alone).then(title).alias("title")
        )
    return records._replace(columns=frame)


def _shards(folder: str | Path, name: str, objects: Objects | None) -> list[str | Path]:
    """The data files of a folder in it; none where there is no such folder."""
    given = f"{str(folder).rstrip('/')}/{name}/"
    return [one for one in files_of(given, objects) if str(one) != given and _is_table(one)]


def _plain(folder: str | Path, split: str) -> str | Path:
    return f"{str(folder).rstrip('/')}/qrels/{split}.tsv"


def _is_table(path: str | Path) -> bool:
    return inner_name(path).suffix.lower() in FORMAT_OF_ENDING


def _once(paths: Sequence[str | Path]) -> list[str | Path]:
    """Those that hold a table, one of each name; all of them where none does, for an error to name."""
    first: dict[str, str | Path] = {}
    for path in filter(_is_table, paths):
        first.setdefault(inner_name(path).stem, path)
    return [*first.values()] or [*paths]


def _is_of(split: str, path: str | Path) -> bool:
    return re.fullmatch(rf"{re.escape(split)}(-\d+-of-\d+)?", inner_name(path).stem) is not None
