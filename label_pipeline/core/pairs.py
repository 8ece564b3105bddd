"""Frames of pairs as the records a judge is asked about."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.ports import PairText
from label_pipeline.core.query_text import near_key
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY


def pair_texts(pairs: pl.DataFrame) -> tuple[PairText, ...]:
    """Rows with pair key, ``query``, ``document`` and ``customer`` as records, in order."""
    return tuple(PairText(*row) for row in pairs.select(*PAIR_KEY, "query", "document", "customer").iter_rows())


def shown_text(text: str, title: str | None = None) -> str:
    """A document as a grader is shown it: title, blank line, text; the text alone untitled."""
    return f"{title}\n\n{text}" if title else text


def shown_documents(documents: pl.DataFrame) -> pl.DataFrame:
    """DOCUMENTS rows in hand as a judge is shown them: ``doc_id``, ``doc_version``, ``document``, ``customer``.

    The rule of ``shown_text``, and of sql/views/document_texts.sql for what is in tables.
    """
    title, text = pl.col("title"), pl.col("text")
    return documents.select(
        "doc_id",
        "doc_version",
        pl.when(title.fill_null("") == "").then(text).otherwise(title + "\n\n" + text).alias("document"),
        (pl.col("boundary") == CUSTOMER).fill_null(False).alias("customer"),
    )


def query_codes(pairs: pl.DataFrame) -> NDArray[np.int64]:
    """(n,) 0-based number of each row's query, dense and independent of row order."""
    ranks: NDArray[np.int64] = (
        pairs.select(pl.struct(QUERY_KEY).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    )
    return ranks


def cluster_codes(pairs: pl.DataFrame) -> NDArray[np.int64]:
    """(n,) 0-based number of the cluster of each row: queries that say nearly the same (``near_key``) are one.

    Ten rewordings of one need say little more than one of them does. A query whose text (``query``) is not in the frame
    is a cluster of its own.
    """
    if "query" not in pairs.columns:
        return query_codes(pairs)
    said = pairs.select("query_id", "query").iter_rows()
    keys = [f"id {name}" if text is None else f"text {near_key(text)}" for name, text in said]
    near = pl.Series("near", keys, dtype=pl.String)
    named = pairs.select("task", "collection").with_columns(near)
    codes: NDArray[np.int64] = named.select(pl.struct(pl.all()).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    return codes


def deepest_queries(pairs: pl.DataFrame) -> NDArray[np.int64]:
    """(clusters,) pairs of the query with the most pairs in each of ``cluster_codes``."""
    counted = pairs.select(*QUERY_KEY).with_columns(pl.Series("cluster", cluster_codes(pairs)))
    by_query = counted.group_by(*QUERY_KEY, "cluster").len()
    deepest: NDArray[np.int64] = (
        by_query.group_by("cluster").agg(pl.col("len").max().cast(pl.Int64)).sort("cluster")["len"].to_numpy()
    )
    return deepest


def confusion(gold_mean: NDArray[np.float64], raw: NDArray[np.float64], grades: tuple[int, ...]) -> NDArray[np.int64]:
    """(K, K) counts: rows rounded human gold, columns rounded judge grade, grades ascending; nan grades left out."""
    matrix = np.zeros((len(grades), len(grades)), dtype=np.int64)
    read = ~np.isnan(raw)
    rows = np.floor(gold_mean[read] + 0.5).astype(np.int64) - grades[0]
    columns = np.floor(raw[read] + 0.5).astype(np.int64) - grades[0]
    np.add.at(matrix, (rows, columns), 1)
    return matrix
