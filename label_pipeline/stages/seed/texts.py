"""Queries and documents: one accepted text per id, and the hash of the text a grader saw."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from label_pipeline.core.catalogue import DOCUMENTS, QUERIES
from label_pipeline.core.codes.inputs import CUSTOMER, INTERNAL
from label_pipeline.core.pairs import shown_text
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.stages.seed.quarantine import ALIVE, Rule, reject, set_aside, with_repeats
from label_pipeline.stages.seed.values import RawInput, day, id_rules, shown, stack


@dataclass(frozen=True)
class Limits:
    """How long a text may be, in characters; a longer one is quarantined, never cut.

    Attributes:
        document_chars: title and body together; 100,000 is about 25,000 tokens, above what most judges accept.
        query_chars: query text.
    """

    document_chars: int = 100_000
    query_chars: int = 10_000


class Accepted(NamedTuple):
    """One table and the working rows it came from, with the fate of each."""

    table: pl.DataFrame
    rows: pl.DataFrame


def doc_version(text: str, title: str | None = None) -> str:
    """First 16 hex digits of the sha256 of the text a grader saw."""
    return hashlib.sha256(shown_text(text, title).encode()).hexdigest()[:16]


def accept_documents(inputs: Iterable[RawInput], limits: Limits) -> Accepted:
    """One row per document id.

    Rows of one id that say the same are merged. Where they differ all are rejected: which of the texts a person
    graded cannot be known. A document any row of which is marked customer text is customer text.
    """
    rows = stack(inputs, "documents")
    versions = [
        None if text is None else doc_version(text, title) for text, title in rows.select("text", "title").iter_rows()
    ]
    boundary = pl.col("boundary").str.strip_chars().str.to_lowercase()
    marked = (boundary.is_not_null() & (boundary != INTERNAL)).fill_null(False)
    rows = rows.with_columns(
        pl.Series("doc_version", versions, dtype=pl.String),
        (pl.col("text").str.len_chars() + (pl.col("title").str.len_chars() + 2).fill_null(0)).alias("text_chars"),
        day("created_on").alias("created_day"),
        boundary.alias("boundary_read"),
        pl.when(marked.any().over("doc_id")).then(pl.lit(CUSTOMER)).alias("boundary_kept"),
    )
    rows = reject(rows, _document_rules(limits))
    rows = with_repeats(rows, ("doc_id",), ("doc_version", "source", "language", "created_day"))
    rows = reject(rows, [_contradiction("document", "doc_id")])
    rows = set_aside(rows, pl.col("is_repeat"), "merged")
    kept = rows.filter(ALIVE).with_columns(
        pl.col("created_day").alias("created_on"), pl.col("boundary_kept").alias("boundary")
    )
    return Accepted(DOCUMENTS.conform(kept.select(list(DOCUMENTS.schema))), rows)


def _document_rules(limits: Limits) -> list[Rule]:
    return [
        *id_rules(["doc_id"]),
        Rule(pl.col("text").is_null(), pl.lit("empty text; expected the document's body: fill it in, or drop the row")),
        Rule(
            pl.col("text_chars") > limits.document_chars,
            pl.format(
                f"{{}} characters of title and text, the limit is {limits.document_chars}; split the document into "
                "passages, or raise `max_document_chars` if the judge's context allows it",
                pl.col("text_chars"),
            ),
        ),
        Rule(
            pl.col("boundary_read").is_not_null() & ~pl.col("boundary_read").is_in([CUSTOMER, INTERNAL]),
            pl.format(
                "boundary {} is unknown; expected `customer`, or nothing or `internal` for text that may leave: "
                "correct it (text in doubt is not used)",
                shown("boundary"),
            ),
        ),
        Rule(
            pl.col("created_on").is_not_null() & pl.col("created_day").is_null(),
            pl.format(
                "created_on {} is no date; expected YYYY-MM-DD: correct it, or leave it empty", shown("created_on")
            ),
        ),
    ]


def accept_queries(inputs: Iterable[RawInput], limits: Limits) -> Accepted:
    """One row per (task, collection, query id); repeats are merged, contradicting texts all rejected."""
    rows = stack(inputs, "queries").with_columns(pl.col("query").str.len_chars().alias("query_chars"))
    rules = [
        *id_rules(["query_id"], ("task", "collection")),
        Rule(pl.col("query").is_null(), pl.lit("empty query; expected its text: fill it in, or drop the row")),
        Rule(
            pl.col("query_chars") > limits.query_chars,
            pl.format(
                f"the query has {{}} characters, the limit is {limits.query_chars}; check the export: a query is what "
                "a user typed",
                pl.col("query_chars"),
            ),
        ),
    ]
    rows = with_repeats(reject(rows, rules), QUERY_KEY, ("query", "language"))
    rows = set_aside(reject(rows, [_contradiction("query", "query_id")]), pl.col("is_repeat"), "merged")
    return Accepted(QUERIES.conform(rows.filter(ALIVE).select(list(QUERIES.schema))), rows)


def _contradiction(noun: str, key: str) -> Rule:
    return Rule(
        pl.col("contradicts"),
        pl.format(
            f"{noun} {{}} appears with different contents (first on {{}}); expected one text and one description an "
            "id, as a grade belongs to the text its grader saw: keep the right row, or give the others their own ids",
            shown(key),
            pl.col("first_at"),
        ),
    )
