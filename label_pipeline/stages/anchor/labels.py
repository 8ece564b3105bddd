"""Later rows of labels: confirmed by a healthy anchor run, or recalled because the judge was not itself.

A label's newest row of its judge decides (sql/amplify, sql/rank); nothing is ever changed or removed.
"""

from datetime import datetime

import polars as pl

from label_pipeline.core.catalogue import LABELS
from label_pipeline.core.codes.labels import CONFIRMED, PROVISIONAL, RECALLED, USABLE, Status
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.amplify.current import newest


def confirmed(
    labels: pl.DataFrame, *, judge_version: str, collection: str, before: datetime, now: datetime
) -> pl.DataFrame:
    """LABELS rows that confirm every provisional label ``judge_version`` gave in ``collection`` until ``before``."""
    mine = (pl.col("judge_version") == judge_version) & (pl.col("collection") == collection)
    waiting = newest(labels.filter(mine)).filter(pl.col("status") == PROVISIONAL, pl.col("given_at") <= before)
    return _later(waiting, CONFIRMED, now)


def usable(
    labels: pl.DataFrame,
    *,
    judge_version: str,
    since: datetime,
    until: datetime | None = None,
    collection: str | None = None,
) -> pl.DataFrame:
    """The usable labels a judge gave from ``since`` to before ``until``: newest rows with ``given_at``.

    Args:
        labels: every LABELS row.
        judge_version: whose labels.
        since: first moment of the window.
        until: first moment after the window; None = no end.
        collection: only these; None = all.
    """
    mine = pl.col("judge_version") == judge_version
    if collection is not None:
        mine &= pl.col("collection") == collection
    inside = pl.col("given_at") >= since
    if until is not None:
        inside &= pl.col("given_at") < until
    return newest(labels.filter(mine)).filter(pl.col("status").is_in(USABLE), inside)


def recalled(taken: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """LABELS rows that recall the labels of ``usable``."""
    return _later(taken, RECALLED, now)


def _later(rows: pl.DataFrame, status: Status, now: datetime) -> pl.DataFrame:
    """The same labels under ``status`` from ``now`` on, though a clock was set back since they were given."""
    moment = pl.max_horizontal(pl.lit(now, dtype=LABELS.schema["labelled_at"]), pl.col("labelled_at"))
    later = rows.with_columns(moment.alias("labelled_at"), pl.lit(status).alias("status"))
    return LABELS.conform(later.drop("given_at").sort(PAIR_KEY, nulls_last=True))
