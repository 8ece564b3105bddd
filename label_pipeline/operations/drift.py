"""Is it still the same judge? The verdict's row, and what follows: suspend and recall, or confirm.

A verdict that suspends closes the gate before it recalls, and what is still missing of that is looked for, and done, at
the start of every label day, anchor run and drift verdict: a run killed half-way is finished by whichever comes next.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from label_pipeline.core.codes.drift import BASELINE
from label_pipeline.core.codes.verdicts import DECISION, SUSPENSION
from label_pipeline.operations.anchor_reference import Anchor, anchors, drift_thresholds
from label_pipeline.operations.drift_evidence import evidence_of
from label_pipeline.operations.gate import suspend
from label_pipeline.operations.project import Project
from label_pipeline.operations.recall import carry_out, find_recall, name_of
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending
from label_pipeline.stages import anchor


@dataclass(frozen=True)
class DriftDecided:
    """What one materialisation of the drift verdict found.

    Attributes:
        known: every watched judge with the evidence about it.
        without: collection: why it is not watched.
        newest: the newest drift verdict of every collection (sql/anchor/newest_drift_verdicts.sql), also of one that
            is not watched any more.
    """

    known: list[tuple[Anchor, anchor.AnchorEvidence]]
    without: dict[str, str]
    newest: pl.DataFrame

    @property
    def ill(self) -> pl.DataFrame:
        """The newest verdicts that are not healthy; a baseline under way counts as healthy."""
        return self.newest.filter(~pl.col("healthy") & (pl.col("state") != BASELINE))

    @property
    def sentence(self) -> str:
        """What people are told: the bad news, else all of it."""
        rows = self.newest if self.ill.is_empty() else self.ill
        told = [f"[{row['collection']}] {row['state']}: {row['action']}" for row in rows.iter_rows(named=True)]
        return "; ".join(told) or "no certified judge was watched yet"


def decide_drift(run: Run, project: Project) -> DriftDecided:
    """Decides on every watched judge, and does what the verdicts ask for."""
    with spending(project, run.log):
        finish_enforcing(project)
        watched, without = anchors(project)
        known = [(found, evidence_of(project, found)) for found in watched]
        for found, evidence in known:
            decide(project, found, evidence)
        enforce(project)
        return DriftDecided(known, without, project.store("anchor").query("anchor/newest_drift_verdicts"))


def decide(project: Project, found: Anchor, evidence: anchor.AnchorEvidence) -> None:
    """Stores the DRIFT_VERDICTS row of one anchor, once; none before its first run."""
    if found.runs.is_empty() or found.baseline_epoch is None:
        return
    store, judge_version = project.store("anchor"), found.judge.judge_version
    mine = (pl.col("judge_version") == judge_version) & (pl.col("collection") == found.collection)
    row = anchor.drift_row(
        anchor.decide_drift(evidence, drift_thresholds(project)),
        judge_version=judge_version,
        epoch=int(found.runs["epoch"].max() or 0),  # type: ignore[arg-type]  # polars types a maximum as anything
        baseline_epoch=found.baseline_epoch,
        n_runs=found.runs.height,
        now=project.clock(),
        previous=store.read("drift_verdicts").filter(mine).sort("epoch", "decided_at").tail(1),
    )
    store.append("drift_verdicts", row, f"drift:{row['drift_id'][0]}")


def enforce(project: Project) -> None:
    """Does what every drift verdict asks for, where it was not done yet: suspend and recall, or confirm."""
    rows = finish_enforcing(project)
    for row in rows.unique(["judge_version", "collection"], keep="last", maintain_order=True).iter_rows(named=True):
        if row["healthy"] and row["state"] != BASELINE:
            _confirm(project, row)


def finish_enforcing(project: Project) -> pl.DataFrame:
    """Does what earlier drift verdicts asked for and was not done yet, also after a healthy run; nothing twice.

    Call it before anything is asked or labelled. Returns every DRIFT_VERDICTS row, oldest first.
    """
    rows = project.store("anchor").read("drift_verdicts").sort("epoch", "decided_at")
    for row in rows.filter("suspends").iter_rows(named=True):
        _recall(project, row, until=_suspend(project, row))
    return rows


def _suspend(project: Project, row: dict[str, Any]) -> datetime:
    """Until when the condemned verdict let the judge label: suspended here, where nobody has done it."""
    epoch = int(row["epoch"])
    mine = project.store("gate").read("verdicts").filter(
        pl.col("collection") == row["collection"], pl.col("judge_version") == row["judge_version"]
    )  # fmt: skip
    # whoever wrote it: sensor anchor_drifted suspends too, where it comes first
    suspended = mine.filter(pl.col("kind") == SUSPENSION, pl.col("epoch") == epoch)
    decisions = mine.filter(pl.col("kind") == DECISION, pl.col("epoch") <= epoch).sort("epoch", "decided_at")
    if suspended.is_empty() and decisions.height:
        reason = f"drift ({row['cause']}): {row['action']}"
        suspended = suspend(project, decisions.row(-1, named=True)["verdict_id"], reason, epoch)
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
