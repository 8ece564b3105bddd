"""Gold grades and the split of every query: wiring of core/gold.py and core/splits.py to the declared tables."""

import datetime as dt

import polars as pl

from label_pipeline.core.catalogue import GOLD, SPLITS
from label_pipeline.core.gold import panel_gold
from label_pipeline.core.splits import SALT, Shares, assign_splits
from label_pipeline.core.tables import QUERY_KEY


def gold_labels(human_labels: pl.DataFrame) -> pl.DataFrame:
    """One gold row per pair: panel mean, variance and count, with the pair's own features and incumbent score.

    Args:
        human_labels: HUMAN_LABELS.

    Returns:
        GOLD, sorted by pair.
    """
    return GOLD.conform(panel_gold(human_labels))


def seed_splits(
    gold: pl.DataFrame, remembered: pl.DataFrame, shares: Shares, now: dt.datetime, salt: str = SALT
) -> pl.DataFrame:
    """Gives every query with gold a split, within its task and collection, and moves none that has one.

    Only retiring a holdout moves queries (stages/gate/renewal.py); what it noted is kept.

    Args:
        gold: GOLD.
        remembered: SPLITS as stored; queries that are gone keep their row, or they could move when they come back.
        shares: intended shares.
        now: stamp of the queries assigned this time.
        salt: of the hash order; fixed for a project's life.

    Returns:
        SPLITS, sorted by query.
    """
    groups = pl.concat([gold.select("task", "collection"), remembered.select("task", "collection")]).unique()
    assigned: list[tuple[str, str, str, str]] = []
    for task, collection in groups.sort("task", "collection").iter_rows():
        here = (pl.col("task") == task) & (pl.col("collection") == collection)
        known = dict(remembered.filter(here).select("query_id", "split").iter_rows())
        splits = assign_splits(gold.filter(here)["query_id"], known, shares, salt)
        assigned += [(task, collection, query, split) for query, split in splits.items()]
    rows = (
        pl.DataFrame(assigned, schema=[*QUERY_KEY, "split"], orient="row")
        if assigned
        else SPLITS.empty().select(*QUERY_KEY, "split")
    )
    stamped = rows.join(remembered.select(*QUERY_KEY, "dealt_at", "retired"), on=QUERY_KEY, how="left").with_columns(
        pl.col("dealt_at").fill_null(pl.lit(now, dtype=SPLITS.schema["dealt_at"]))
    )
    return SPLITS.conform(stamped.sort(QUERY_KEY))
