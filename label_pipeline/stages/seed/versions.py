"""The version of a document's text: the hash of what a grader saw; and a text that git gave other line ends.

Grades and paid labels hang on the version, so it is never made blind to line ends: what changed is named instead.
"""

import hashlib

import polars as pl

from label_pipeline.core.pairs import shown_text


def doc_version(text: str, title: str | None = None) -> str:
    """First 16 hex digits of the sha256 of the text a grader saw."""
    return hashlib.sha256(shown_text(text, title).encode()).hexdigest()[:16]


def with_rewritten(rows: pl.DataFrame, documents: pl.DataFrame, seen: str, flag: str) -> pl.DataFrame:
    """Adds ``flag``: the version ``seen`` is that of today's text but for its line ends (all LF, or all CRLF).

    Args:
        rows: with ``doc_id``, ``doc_version`` (today's; null where unknown) and ``seen``.
        documents: ``doc_id``, ``text`` and ``title``, one row an id.
        seen: name of the column of the other version.
        flag: name of the column that is added.
    """
    differs = (pl.col(seen) != pl.col("doc_version")).fill_null(False)
    asked = documents.filter(pl.col("doc_id").is_in(rows.filter(differs)["doc_id"].drop_nulls().unique().implode()))
    versions = [
        (doc, version)
        for doc, text, title in asked.select("doc_id", "text", "title").iter_rows()
        for version in _other_line_ends(text, title)
    ]
    known = pl.DataFrame(versions, schema={"doc_id": pl.String, seen: pl.String}, orient="row")
    joined = rows.join(
        known.with_columns(pl.lit(True).alias(flag)), on=["doc_id", seen], how="left", maintain_order="left"
    )
    return joined.with_columns(pl.col(flag).fill_null(False) & differs)


def _other_line_ends(text: str, title: str | None) -> frozenset[str]:
    plain, head = (None if part is None else part.replace("\r\n", "\n") for part in (text, title))
    versions = {doc_version(plain or "", head)}
    versions.add(doc_version((plain or "").replace("\n", "\r\n"), None if head is None else head.replace("\n", "\r\n")))
    return frozenset(versions)
