"""Looks that were taken at these very queries under another collection's name.

A holdout is its texts: a collection that is renamed, split or put together has been looked at as often as its queries
have. Keep out: looks under the collection's own name (ledger.py).
"""

from collections import Counter

import polars as pl

from label_pipeline.core.codes.verdicts import FULL, Lane
from label_pipeline.core.splits import HOLDOUT
from label_pipeline.stages.gate.renewal import generation

Held = tuple[str, int]
"""A collection, and which of its holdouts."""


def looks_elsewhere(looks: pl.DataFrame, splits: pl.DataFrame, collection: str, lane: Lane = FULL) -> int:
    """How many looks of ``lane`` at other collections showed the holdout of ``collection``.

    Of each query the looks at all holdouts that hold its text, of the same task; of these the upper median, so that a
    shared query or two spends nothing and a new name gives nothing back. A query whose text is not known is in no other
    holdout.

    Args:
        looks: HOLDOUT_LOOKS.
        splits: SPLITS.
        collection: whose holdout, the present one.
        lane: the lane.
    """
    others = looks.filter(pl.col("collection") != collection, pl.col("lane").fill_null(FULL) == lane)
    if others.is_empty():
        return 0
    counted = Counter(others.select("collection", pl.col("generation").fill_null(1)).iter_rows())
    holders: dict[tuple[str, str], set[Held]] = {}
    for name in others["collection"].unique():
        for held, rows in _holdouts(splits, str(name)).items():
            for text in rows.select("task", "text_key").drop_nulls("text_key").iter_rows():
                holders.setdefault(text, set()).add(held)
    mine = _holdouts(splits, collection).get((collection, generation(splits, collection)), splits.clear())
    shown = sorted(
        sum(counted[held] for held in holders.get(text, ())) for text in mine.select("task", "text_key").iter_rows()
    )
    return shown[len(shown) // 2] if shown else 0


def _holdouts(splits: pl.DataFrame, collection: str) -> dict[Held, pl.DataFrame]:
    """The queries of every holdout ``collection`` has had: the retired ones, and the present one."""
    here = splits.filter(pl.col("collection") == collection)
    retired = here.drop_nulls("retired").partition_by("retired", as_dict=True)
    found = {(collection, int(number)): rows for (number,), rows in retired.items()}
    return found | {(collection, generation(splits, collection)): here.filter(pl.col("split") == HOLDOUT)}
