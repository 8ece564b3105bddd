"""What follows from a drift verdict: suspend and recall, or confirm.

A verdict that suspends closes the gate before it recalls, and what is still missing of that is looked for, and done, at
the start of every label day, anchor run and drift verdict: a run killed half-way is finished by whichever comes next.
Call everything here while holding the spending lock. Keep out: deciding (drifting.py), which labels (stages/anchor).
"""

from datetime import datetime
from typing import Any

import polars as pl

from label_pipeline.core.codes.drift import BASELINE
from label_pipeline.core.codes.verdicts import DECISION, SUSPENSION
from label_pipeline.defs.project import Project
from label_pipeline.defs.recalling import carry_out, find_recall, name_of
from label_pipeline.stages import anchor, gate


def enforce(project: Project) -> None:
    """Does what every drift verdict asks for, where it was not done yet: suspend and recall, or confirm."""
    rows = finish_enforcing(project)
    for row in rows.unique(["judge_version", "collection"], keep="last", maintain_order=True).iter_rows(named=True):
        if row["healthy"] and row["state"] != BASELINE:
            _confirm(project, row)


def finish_enforcing(project: Project) -> pl.DataFrame:
    """Suspends and recalls what any drift verdict condemned, though a later run was healthy, and nothing twice.

    Call it before anything is asked or labelled. Returns every DRIFT_VERDICTS row, oldest first.
    """
    rows = project.store("anchor").read("drift_verdicts").sort("epoch", "decided_at")
    for row in rows.filter("suspends").iter_rows(named=True):
        _recall(project, row, until=_suspend(project, row))
    return rows


def _suspend(project: Project, row: dict[str, Any]) -> datetime:
    """Until when the condemned verdict let the judge label: suspended here, where nobody has done it."""
    store, epoch = project.store("gate"), int(row["epoch"])
    mine = store.read("verdicts").filter(
        pl.col("collection") == row["collection"], pl.col("judge_version") == row["judge_version"]
    )  # fmt: skip
    # whoever wrote it: sensor anchor_drifted suspends too, where it comes first
    suspended = mine.filter(pl.col("kind") == SUSPENSION, pl.col("epoch") == epoch)
    decisions = mine.filter(pl.col("kind") == DECISION, pl.col("epoch") <= epoch).sort("epoch", "decided_at")
    if suspended.is_empty() and decisions.height:
        reason = f"drift ({row['cause']}): {row['action']}"
        suspended = gate.suspension(decisions.row(-1, named=True), reason, epoch, project.clock())
        store.append("verdicts", suspended, f"suspension:{row['drift_id']}")
    again = mine.filter(pl.col("kind") == DECISION, pl.col("open"), pl.col("epoch") > epoch)["decided_at"]
    until: datetime = max([row["decided_at"], *suspended["decided_at"]])
    return min(until, *again) if again.len() else until  # what it labelled under a later verdict is not condemned


def _recall(project: Project, row: dict[str, Any], until: datetime) -> None:
    """Recalls what the judge labelled since the last run before the change, and until it was suspended."""
    if row["change_point"] is None:
        return
    found = find_recall(
        project, judge_version=row["judge_version"], since=row["change_point"], until=until,
        collection=row["collection"],
    )  # fmt: skip
    carry_out(project, found, name=f"{row['drift_id']}:{name_of(found)}")


def _confirm(project: Project, row: dict[str, Any]) -> None:
    """Confirms what the judge labelled before the run began that found it healthy."""
    store = project.store("amplify")
    opened = store.read("epochs").filter(pl.col("epoch") == row["epoch"])["opened_at"]
    if opened.is_empty():
        return
    rows = anchor.confirmed(
        store.read("labels"), judge_version=str(row["judge_version"]), collection=str(row["collection"]),
        before=opened[0], now=project.clock(),
    )  # fmt: skip
    if not rows.is_empty():
        store.append("labels", rows, f"confirmed:{row['drift_id']}")
