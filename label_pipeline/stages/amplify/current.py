"""Which row of a label counts now, or counted at a moment: labels are facts, and later rows tell their fate.

The same rule as in sql/amplify/ and sql/rank/, over rows that are in hand.
"""

import polars as pl

from label_pipeline.core.codes.labels import PROVISIONAL, STATUSES
from label_pipeline.core.tables import PAIR_KEY


def newest(labels: pl.DataFrame) -> pl.DataFrame:
    """The newest LABELS row of every pair and judge, with ``given_at``: when the judge gave it last."""
    by = [*PAIR_KEY, "judge_version"]
    provisional = pl.col("status") == PROVISIONAL
    given = pl.col("labelled_at").filter(provisional).max().over(by)
    rank = pl.col("status").replace_strict(STATUSES, range(len(STATUSES)), return_dtype=pl.Int64)
    return (
        labels.with_columns(given_at=pl.coalesce(given, "labelled_at"), _rank=rank)
        .sort("labelled_at", "_rank", "verdict_id", descending=[True, True, False])
        .unique(by, keep="first", maintain_order=True)
        .drop("_rank")
    )


def current(labels: pl.DataFrame) -> pl.DataFrame:
    """The row of the judge that labelled each pair last under each rubric, with ``given_at``.

    Those whose status is ``USABLE`` are what sql/rank/training_labels.sql trains on.
    """
    ordered = newest(labels).sort("given_at", "judge_version", descending=[True, False])
    return ordered.unique([*PAIR_KEY, "rubric_version"], keep="first", maintain_order=True)
