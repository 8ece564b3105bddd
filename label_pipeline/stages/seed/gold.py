"""Gold grades and the split of every query: wiring of core/gold.py and core/splits.py to the declared tables."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping

import polars as pl

from label_pipeline.core.catalogue import GOLD, SPLITS
from label_pipeline.core.gold import panel_gold
from label_pipeline.core.query_text import near_key, with_text_key
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
    gold: pl.DataFrame,
    remembered: pl.DataFrame,
    shares: Shares,
    now: dt.datetime,
    salt: str = SALT,
    queries: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Gives every query with gold a split, within its task and collection, and moves none that has one.

    Only retiring a holdout moves queries (stages/gate/renewal.py); what it noted is kept.

    Args:
        gold: GOLD.
        remembered: SPLITS as stored; queries that are gone keep their row, or they could move when they come back.
        shares: intended shares.
        now: stamp of the queries assigned this time.
        salt: of the hash order; fixed for a project's life.
        queries: QUERIES; where given, queries of one task that say nearly the same (``near_key``), whatever their
            collection, are dealt together. What was dealt apart before does not move; a new one follows the one dealt
            first.

    Returns:
        SPLITS, sorted by query.
    """
    known_texts = _texts(pl.concat([gold.select(QUERY_KEY), remembered.select(QUERY_KEY)]).unique(), queries)
    near = _near(queries)
    of_text = _dealt_texts(remembered, known_texts, near)
    groups = pl.concat([gold.select("task", "collection"), remembered.select("task", "collection")]).unique()
    assigned: list[tuple[str, str, str, str]] = []
    for task, collection in groups.sort("task", "collection").iter_rows():
        here = (pl.col("task") == task) & (pl.col("collection") == collection)
        known = dict(remembered.filter(here).select("query_id", "split").iter_rows())
        present = sorted(set(gold.filter(here)["query_id"]))
        # one query deals for all that are near it here; the others, and those dealt elsewhere, follow
        text = {query: known_texts.get((task, collection, query), f"{collection}/{query}") for query in present}
        alike = {query: near.get((task, collection, query), text[query]) for query in present}
        follows = {query: found for query in present if (found := of_text.get((task, text[query]))
                   or of_text.get((task, alike[query])))}  # fmt: skip
        leaders: dict[str, str] = {}
        for query in present:
            if query not in known and query not in follows:
                leaders.setdefault(alike[query], query)
        sizes = Counter(leaders[alike[query]] for query in present if query not in known and query not in follows)
        dealing = [query for query in present if query in known or query in follows or query in sizes]
        splits = assign_splits(dealing, {**follows, **known}, shares, salt, sizes)
        for query in leaders.values():
            of_text[task, text[query]] = of_text[task, alike[query]] = splits[query]
        splits |= {query: of_text[task, alike[query]] for query in present if query not in splits}
        assigned += [(task, collection, query, split) for query, split in splits.items()]
    rows = (
        pl.DataFrame(assigned, schema=[*QUERY_KEY, "split"], orient="row")
        if assigned
        else SPLITS.empty().select(*QUERY_KEY, "split")
    )
    stamped = rows.join(
        remembered.select(*QUERY_KEY, "dealt_at", "retired", "text_key"), on=QUERY_KEY, how="left"
    ).with_columns(pl.col("dealt_at").fill_null(pl.lit(now, dtype=SPLITS.schema["dealt_at"])))
    keys = [known_texts.get(key) for key in stamped.select(QUERY_KEY).iter_rows()]
    named = stamped.with_columns(pl.coalesce(pl.Series(keys, dtype=pl.String), "text_key").alias("text_key"))
    return SPLITS.conform(named.sort(QUERY_KEY))


def _texts(keys: pl.DataFrame, queries: pl.DataFrame | None) -> dict[tuple[str, str, str], str]:
    """Query key: its text key, of the queries whose text is loaded."""
    if queries is None:
        return {}
    keyed, columns = with_text_key(keys, queries).drop_nulls("text_key"), (*QUERY_KEY, "text_key")
    return {(task, collection, query): key for task, collection, query, key in keyed.select(*columns).iter_rows()}


def _near(queries: pl.DataFrame | None) -> dict[tuple[str, str, str], str]:
    """Query key: what it shares with queries that say nearly the same."""
    if queries is None:
        return {}
    rows = queries.select(*QUERY_KEY, "query").iter_rows()
    return {(task, collection, query): f"near:{near_key(text)}" for task, collection, query, text in rows}


def _dealt_texts(
    remembered: pl.DataFrame, texts: Mapping[tuple[str, str, str], str], near: Mapping[tuple[str, str, str], str]
) -> dict[tuple[str, str], str]:
    """Task and text key, or what is shared with near ones: the split of the query of that text that was dealt first."""
    found: dict[tuple[str, str], str] = {}
    columns = [*QUERY_KEY, "split", "text_key"]
    for task, collection, query, split, stored in remembered.sort("dealt_at", *QUERY_KEY).select(columns).iter_rows():
        key = texts.get((task, collection, query), stored)
        for known in (key, near.get((task, collection, query))):
            if known is not None:
                found.setdefault((task, known), split)
    return found
