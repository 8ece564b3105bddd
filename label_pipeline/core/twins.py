"""Queries of one text that sit in different splits: they do not move, and neither is tested on what the other taught.

A split is remembered for good, so the holdout's twin is left out of the gate's figures, and the twin that was trained
on out of the ranker's test; a query nobody dealt, which shares its text with a test query, teaches nothing.
"""

import polars as pl

from label_pipeline.core.query_text import with_text_key
from label_pipeline.core.splits import HOLDOUT, LEARNING_SPLITS, TEST_SPLITS
from label_pipeline.core.tables import QUERY_KEY


def learnt_twins(splits: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """The test queries (QUERY_KEY) whose text is a train or dev query's too, in any collection of their task."""
    keyed = with_text_key(splits.select(*QUERY_KEY, "split", "text_key"), queries).drop_nulls("text_key")
    learnt = keyed.filter(pl.col("split").is_in(LEARNING_SPLITS)).select("task", "text_key").unique()
    tested = keyed.filter(pl.col("split").is_in(TEST_SPLITS))
    return tested.join(learnt, on=["task", "text_key"], how="semi").select(QUERY_KEY)


def splits_by_text(splits: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """SPLITS as texts have them: what a ranker may learn from and be tested on.

    Test queries with a twin in train or dev are no test queries here, and queries without a split whose text is a test
    query's are.

    Args:
        splits: SPLITS rows.
        queries: QUERIES rows.
    """
    kept = splits.join(learnt_twins(splits, queries), on=list(QUERY_KEY), how="anti", maintain_order="left")
    keyed = with_text_key(kept.select(*QUERY_KEY, "split", "text_key"), queries).drop_nulls("text_key")
    tested = keyed.filter(pl.col("split").is_in(TEST_SPLITS)).select("task", "text_key").unique()
    free = queries.select(QUERY_KEY).join(splits, on=list(QUERY_KEY), how="anti")
    hidden = with_text_key(free, queries).join(tested, on=["task", "text_key"], how="semi").select(QUERY_KEY)
    if hidden.is_empty():
        return kept
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in splits.schema.items() if name not in QUERY_KEY]
    rows = hidden.with_columns(absent).with_columns(split=pl.lit(HOLDOUT, dtype=pl.String)).select(splits.columns)
    return pl.concat([kept, rows])
