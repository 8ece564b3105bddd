"""Frames of pairs as the records a judge is asked about."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.ports import PairText
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


def confusion(gold_mean: NDArray[np.float64], raw: NDArray[np.float64], grades: tuple[int, ...]) -> NDArray[np.int64]:
    """(K, K) counts: rows rounded human gold, columns rounded judge grade, grades ascending; nan grades left out."""
    matrix = np.zeros((len(grades), len(grades)), dtype=np.int64)
    read = ~np.isnan(raw)
    rows = np.floor(gold_mean[read] + 0.5).astype(np.int64) - grades[0]
    columns = np.floor(raw[read] + 0.5).astype(np.int64) - grades[0]
    np.add.at(matrix, (rows, columns), 1)
    return matrix
