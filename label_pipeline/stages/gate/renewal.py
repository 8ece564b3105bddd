"""Retire a holdout: its queries join dev, new ones fill its place, and looks are counted anew.

Looks belong to one generation of the holdout. Retiring moves exactly the holdout queries that a gate has looked at, so
the next generation shares no query with any earlier one, and its alpha is its own. The anchor is never renewed: the
re-certification lane, which also looks at it, re-uses its few queries over generations.
"""

import polars as pl

from label_pipeline.core.catalogue import SPLITS
from label_pipeline.core.splits import DEV, HOLDOUT, Shares, assign_splits
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.stages.gate.policy import Policy


def generation(splits: pl.DataFrame, collection: str) -> int:
    """Which holdout ``collection`` has now: 1 before any was retired.

    Args:
        splits: SPLITS.
        collection: the collection.
    """
    retired = splits.filter(pl.col("collection") == collection)["retired"].drop_nulls()
    return 1 + max((int(value) for value in retired), default=0)


def retire(splits: pl.DataFrame, looked_at: pl.DataFrame, collection: str) -> pl.DataFrame:
    """SPLITS with the holdout queries of ``collection`` in ``looked_at`` moved to dev; the same frame when none is.

    Args:
        splits: SPLITS.
        looked_at: queries (QUERY_KEY) a gate has asked a judge about. A holdout query nobody looked at stays.
        collection: the collection.
    """
    seen = looked_at.select(QUERY_KEY).unique().with_columns(pl.lit(True).alias("seen"))
    moving = (pl.col("collection") == collection) & (pl.col("split") == HOLDOUT) & pl.col("seen").fill_null(False)
    moved = splits.join(seen, on=QUERY_KEY, how="left", maintain_order="left").with_columns(
        pl.when(moving).then(pl.lit(generation(splits, collection))).otherwise("retired").alias("retired"),
        pl.when(moving).then(pl.lit(DEV)).otherwise("split").alias("split"),
    )
    return SPLITS.conform(moved.drop("seen"))


def queries_needed(splits: pl.DataFrame, collection: str, shares: Shares, policy: Policy) -> int:
    """New seed queries of ``policy.min_pairs`` graded pairs that a renewed holdout needs, from now on.

    New queries go to the split furthest below its share, so after a retirement nearly all of them fill the holdout.
    What is counted is the smallest number that brings it to ``policy.min_queries``; where the holdout was retired
    already, queries assigned to it since are not asked for again.

    Args:
        splits: SPLITS, before or after the retirement.
        collection: the collection.
        shares: intended shares.
        policy: says how many queries a decision needs.
    """
    here = splits.filter(pl.col("collection") == collection)
    holdout = here.filter(pl.col("split") == HOLDOUT)
    after = here if generation(splits, collection) > 1 and holdout.height < policy.min_queries else (
        retire(here, holdout, collection)
    )  # fmt: skip
    return _until_held(after, shares, policy.min_queries)


def queries_to_add(splits: pl.DataFrame, collection: str, shares: Shares, more: int) -> int:
    """New seed queries until the present holdout of ``collection`` has ``more`` queries more: they go to every split.

    "Grade 17 more queries" was obeyed at 53, at 70 and at 79 queries, for only about half of them reach the holdout.
    """
    here = splits.filter(pl.col("collection") == collection)
    return _until_held(here, shares, here.filter(pl.col("split") == HOLDOUT).height + more)


def _until_held(splits: pl.DataFrame, shares: Shares, wanted: int) -> int:
    """The smallest number of new queries that brings the holdout of ``splits`` to ``wanted``; 0 where it gets none."""
    if shares.holdout <= 0:
        return 0
    known = {
        f"{task}\x1f{query}": split for task, query, split in splits.select("task", "query_id", "split").iter_rows()
    }
    held = sum(split == HOLDOUT for split in known.values())
    new: list[str] = []
    while held < wanted:
        new += [f"new {len(new) + number}" for number in range(wanted - held)]
        assigned = assign_splits([*known, *new], known, shares)
        held = sum(split == HOLDOUT for split in assigned.values())
    return len(new)
