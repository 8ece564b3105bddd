"""Grades and candidates meet the queries and documents they are of: the accepted ones, and those only named."""

import polars as pl

from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.stages.seed.quarantine import Rule
from label_pipeline.stages.seed.spelling import difference, with_near
from label_pipeline.stages.seed.values import shown


def with_named(rows: pl.DataFrame, queries: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Adds ``query_named`` and ``document_named``: whether the files have such a row, accepted or not.

    ``query_near`` and ``document_near`` are ids of the files that may be the row's own in another spelling.

    Args:
        rows: working rows.
        queries: working rows of the queries.
        documents: of the documents.
    """
    for key, name, files in (((*QUERY_KEY,), "query_named", queries), (("doc_id",), "document_named", documents)):
        there = files.select(key).drop_nulls().unique().with_columns(pl.lit(True).alias(name))
        rows = rows.join(there, on=key, how="left", maintain_order="left").with_columns(pl.col(name).fill_null(False))
    rows = with_near(rows, "query_id", queries["query_id"], "query_near")
    return with_near(rows, "doc_id", documents["doc_id"], "document_near")


def with_known(rows: pl.DataFrame, queries: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Adds ``query_known``, ``document_known``, ``doc_version`` and ``customer_text`` from the accepted tables."""
    known_queries = queries.select(*QUERY_KEY, pl.lit(True).alias("query_known"))
    known_documents = documents.select("doc_id", "doc_version", "boundary")
    return (
        rows.join(known_queries, on=QUERY_KEY, how="left", maintain_order="left")
        .join(known_documents, on="doc_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("query_known").fill_null(False),
            pl.col("doc_version").is_not_null().alias("document_known"),
            (pl.col("boundary") == CUSTOMER).fill_null(False).alias("customer_text"),
        )
        .drop("boundary")
    )


def known_rules() -> list[Rule]:
    """Query and document are among the accepted ones."""
    return [
        Rule(
            "its query is not in the queries",
            ~pl.col("query_known"),
            pl.format(
                "query_id {} (task {}, collection {}) is not among the accepted queries; add it to the queries file, "
                "or correct the id",
                shown("query_id"),
                shown("task"),
                shown("collection"),
            ),
        ),
        Rule(
            "its document is not in the documents",
            ~pl.col("document_known"),
            pl.format(
                "doc_id {} is not among the accepted documents; add it to the documents file, or correct the id",
                shown("doc_id"),
            ),
        ),
    ]


def rejected_rules() -> list[Rule]:
    """Rows of a query or document that the files have and that was rejected, or have in another spelling.

    The one thing to mend is named.
    """
    spelled = [
        Rule(
            f"the {noun} has another spelling of its id",
            ~pl.col(f"{noun}_named") & pl.col(f"{noun}_near").is_not_null(),
            pl.format(
                f"{key} {{}} is not among the {files}, '{{}}' is: {{}}; if they are one, spell the id alike in both "
                "files (as text, not as a number)",
                shown(key), pl.col(f"{noun}_near"), difference(pl.col(key), pl.col(f"{noun}_near")),
            ),
        )
        for noun, key, files in (("query", "query_id", "queries"), ("document", "doc_id", "documents"))
    ]  # fmt: skip
    return spelled + [
        Rule(
            f"its {noun} is set aside itself",
            ~pl.col(f"{noun}_known") & pl.col(f"{noun}_named"),
            pl.format(f"its {noun} {{}} is set aside itself; mend the {noun}, and this row counts", shown(key)),
        )
        for noun, key in (("query", "query_id"), ("document", "doc_id"))
    ]
