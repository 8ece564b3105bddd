"""A fixed number of pairs per query from a large human file, chosen by hash: nobody picks, and anybody gets the same.

Keep out: which rows are valid (grades.py); only those compete for a place.
"""

import hashlib

import polars as pl

from label_pipeline.stages.seed.quarantine import ALIVE, NOT_SAMPLED, set_aside

SALT = "label_pipeline.pairs.1"
"""Default salt of the hash order of pairs."""

_PAIR = ("task", "collection", "query_id", "doc_id", "context_id")


def beyond_sample(rows: pl.DataFrame, pairs_per_query: int, salt: str = SALT) -> pl.DataFrame:
    """Sets aside the rows of every pair beyond the first ``pairs_per_query`` of its query in hash order.

    All annotators of a pair stay or go together. The hash ignores the document's text, so an edited document keeps its
    place.

    Raises:
        ValueError: when ``pairs_per_query`` is below 1.
    """
    if pairs_per_query < 1:
        raise ValueError(f"pairs_per_query must be 1 or more, got {pairs_per_query}")
    pairs = rows.filter(ALIVE).select(_PAIR).unique(maintain_order=True)
    order = [
        hashlib.sha256("\x1f".join([salt, *("" if part is None else str(part) for part in pair)]).encode()).hexdigest()
        for pair in pairs.iter_rows()
    ]
    chosen = (
        pairs.with_columns(pl.Series("_order", order, dtype=pl.String))
        .with_columns((pl.col("_order").rank("ordinal").over("task", "collection", "query_id")).alias("_rank"))
        .filter(pl.col("_rank") <= pairs_per_query)
        .select(*_PAIR, pl.lit(True).alias("_chosen"))
    )
    marked = rows.join(chosen, on=_PAIR, how="left", nulls_equal=True, maintain_order="left")
    return set_aside(marked, pl.col("_chosen").is_null(), NOT_SAMPLED).drop("_chosen")
