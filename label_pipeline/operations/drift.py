"""Is it still the same judge? The evidence, the verdict's row, and what follows: suspend and recall, or confirm.

A verdict that suspends closes the gate before it recalls, and what is still missing of that is looked for, and done, at
the start of every label day, anchor run and drift verdict: a run killed half-way is finished by whichever comes next.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from label_pipeline.core.codes.drift import BASELINE, BASELINE_RUN, CANARY_RUN, WATCH_RUN
from label_pipeline.core.codes.verdicts import DECISION, SUSPENSION
from label_pipeline.core.drift import loss
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY
from label_pipeline.operations.anchor_certificate import certificate_of
from label_pipeline.operations.anchor_reference import Anchor, anchors, measured
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
    limits = anchor.DriftThresholds(delta=project.settings.anchor.tolerance / 100)
    row = anchor.drift_row(
        anchor.decide_drift(evidence, limits),
        judge_version=judge_version,
        epoch=int(found.runs["epoch"].max() or 0),  # type: ignore[arg-type]  # polars types a maximum as anything
        baseline_epoch=found.baseline_epoch,
        n_runs=found.runs.height,
        now=project.clock(),
        previous=store.read("drift_verdicts").filter(mine).sort("epoch", "decided_at").tail(1),
    )
    store.append("drift_verdicts", row, f"drift:{row['drift_id'][0]}")


def evidence_of(project: Project, found: Anchor) -> anchor.AnchorEvidence:
    """What is known about one certified judge since its baseline began."""
    gold = project.store("anchor").read("gold")
    mine = gold.filter(pl.col("collection") == found.collection)
    panels = mine.join(found.items, on=list(PAIR_KEY), how="semi", nulls_equal=True)["gold_variance"].drop_nulls()
    baseline, watch, canary = measured(project, found, BASELINE_RUN, WATCH_RUN, CANARY_RUN)
    return anchor.AnchorEvidence(
        collection=found.collection,
        scale=project.settings.grade_scale,
        gold=found.items["gold_mean"].to_numpy(),
        query_index=query_codes(found.items),
        baseline=baseline,
        watch=watch,
        canary=canary,
        accepted_model=found.judge.model_served,
        rubric_changed=found.judge.rubric_version != project.rubric_version,
        regraded=regraded(found.items, mine),
        human_mse=2 * float(panels.mean()) if panels.len() else None,  # type: ignore[arg-type]  # of floats
        population=_population(project, found, baseline),
        certificate=certificate_of(project, found),
    )


def expected_loss(evidence: anchor.AnchorEvidence) -> tuple[float, float]:
    """NMSE between which 95 % of the runs of the same judge lie; nan before two runs of its baseline."""
    if len(evidence.baseline) < 2:
        return float("nan"), float("nan")
    grades = np.stack([run.calibrated for run in evidence.baseline])
    base = loss.baseline(evidence.scale.loss(grades, evidence.gold))
    middle, width = float(base.mean.mean()), 1.96 * float(np.sqrt(base.noise * (1 + 1 / base.runs)))
    return 100 * (middle - width), 100 * (middle + width)


def regraded(items: pl.DataFrame, gold: pl.DataFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Earlier and new panel means of the pairs that people graded again since the snapshot; None where nobody did.

    All pairs of every query in which any grade changed: a pair graded again alike looks untouched, and to leave those
    out would find every honest second grading far off.
    """
    now = gold.select(*PAIR_KEY, pl.col("gold_mean").alias("new"), pl.col("n_grades").alias("grades"))
    both = items.join(now, on=list(PAIR_KEY), how="inner", nulls_equal=True)
    touched = (pl.col("new") != pl.col("gold_mean")) | (pl.col("grades") != pl.col("n_grades"))
    changed = both.filter(touched.any().over(QUERY_KEY))
    return None if changed.is_empty() else (changed["gold_mean"].to_numpy(), changed["new"].to_numpy())


def _population(project: Project, found: Anchor, baseline: tuple[anchor.AnchorRun, ...]) -> anchor.Population | None:
    """The anchor against what the judge labelled; None before it labelled anything."""
    stream = project.store("anchor").query("anchor/stream_pairs", {"judge_version": found.judge.judge_version})
    stream = stream.filter(pl.col("collection") == found.collection)
    if stream.is_empty() or not baseline:
        return None
    seed = found.items.with_columns(raw_grade=pl.Series(baseline[-1].raw, dtype=pl.Float64).fill_nan(None))
    columns = ["task", "collection", "query_id", "raw_grade", "query", "document", "title", "source"]
    rng = np.random.default_rng(found.baseline_epoch)
    return anchor.compare(seed.select(columns), stream.select(columns), project.settings.grade_scale, rng)


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
