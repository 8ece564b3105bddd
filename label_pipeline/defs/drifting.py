"""From stored anchor runs to a verdict, and from a verdict to what follows: suspend and recall, or confirm.

The steps of `drift_verdict`, collection by collection. Every consequence is written once however often it is asked for,
so a run that was killed half-way is finished by the next. Keep out: the decision (stages/anchor).
"""

from datetime import datetime

import numpy as np
import polars as pl

from label_pipeline.core import drift
from label_pipeline.core.catalogue import DRIFT_VERDICTS
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.defs.anchoring import Anchor, measured
from label_pipeline.defs.project import Project
from label_pipeline.defs.recalling import carry_out, find_recall
from label_pipeline.stages import anchor, gate


def decide(project: Project, found: Anchor, evidence: anchor.AnchorEvidence) -> pl.DataFrame:
    """The DRIFT_VERDICTS row of one anchor, stored; no row before its first run."""
    if found.runs.is_empty() or found.baseline_epoch is None:
        return DRIFT_VERDICTS.empty()
    limits = anchor.DriftThresholds(delta=project.settings.anchor.tolerance / 100)
    row = anchor.drift_row(
        anchor.decide_drift(evidence, limits),
        judge_version=found.judge.judge_version,
        epoch=int(found.runs["epoch"].max() or 0),  # type: ignore[arg-type]  # polars types a maximum as anything
        baseline_epoch=found.baseline_epoch,
        n_runs=found.runs.height,
        now=project.clock(),
    )
    store, name = project.store("anchor"), str(row["drift_id"][0])
    store.append("drift_verdicts", row, f"drift:{name}")
    return store.read("drift_verdicts").filter(pl.col("drift_id") == name).head(1)


def evidence_of(project: Project, found: Anchor) -> anchor.AnchorEvidence:
    """What is known about one certified judge since its baseline began."""
    gold = project.store("anchor").read("gold")
    mine = gold.filter(pl.col("collection") == found.collection)
    panels = mine.join(found.items, on=list(PAIR_KEY), how="semi", nulls_equal=True)["gold_variance"].drop_nulls()
    baseline, watch, canary = measured(project, found, "baseline", "watch", "canary")
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
        regraded=_regraded(found.items, mine),
        human_mse=2 * float(panels.mean()) if panels.len() else None,  # type: ignore[arg-type]  # of floats
        population=_population(project, found, baseline),
    )


def expected_loss(evidence: anchor.AnchorEvidence) -> tuple[float, float]:
    """NMSE between which 95 % of the runs of the same judge lie; nan before two runs of its baseline."""
    if len(evidence.baseline) < 2:
        return float("nan"), float("nan")
    grades = np.stack([run.calibrated for run in evidence.baseline])
    base = drift.baseline(drift.item_losses(grades, evidence.gold, evidence.scale))
    middle, width = float(base.mean.mean()), 1.96 * float(np.sqrt(base.noise * (1 + 1 / base.runs)))
    return 100 * (middle - width), 100 * (middle + width)


def _regraded(items: pl.DataFrame, gold: pl.DataFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Earlier and new panel means of the pairs whose human grades changed since the snapshot."""
    now = gold.select(*PAIR_KEY, pl.col("gold_mean").alias("new"), pl.col("n_grades").alias("grades"))
    both = items.join(now, on=list(PAIR_KEY), how="inner", nulls_equal=True)
    changed = both.filter((pl.col("new") != pl.col("gold_mean")) | (pl.col("grades") != pl.col("n_grades")))
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
    """Does what the newest drift verdict of every collection and judge asks for, where it was not done yet."""
    rows = project.store("anchor").read("drift_verdicts").sort("epoch", "decided_at")
    for row in rows.unique(["judge_version", "collection"], keep="last", maintain_order=True).iter_rows(named=True):
        if row["suspends"]:
            _recall(project, row)
            _suspend(project, row)
        elif row["healthy"] and row["state"] != "baseline":
            _confirm(project, row)


def _suspend(project: Project, row: dict[str, object]) -> None:
    """A row in verdicts: nothing labels the collection until a judge is certified in a later epoch."""
    store, epoch = project.store("gate"), int(str(row["epoch"]))
    decisions = store.read("verdicts").filter(
        pl.col("kind") == "decision",
        pl.col("collection") == row["collection"],
        pl.col("judge_version") == row["judge_version"],
        pl.col("epoch") <= epoch,
    )
    if decisions.is_empty():
        return
    newest = decisions.sort("epoch", "decided_at").row(-1, named=True)
    reason = f"drift ({row['cause']}): {row['action']}"
    suspended = gate.suspension(newest, reason, epoch, project.clock())
    store.append("verdicts", suspended, f"suspension:{row['drift_id']}")


def _recall(project: Project, row: dict[str, object]) -> None:
    """Recalls what the judge labelled since the last run before the change."""
    since, until = row["change_point"], row["decided_at"]
    if isinstance(since, datetime) and isinstance(until, datetime):
        found = find_recall(
            project, judge_version=str(row["judge_version"]), since=since, until=until,
            collection=str(row["collection"]),
        )  # fmt: skip
        carry_out(project, found, name=str(row["drift_id"]))


def _confirm(project: Project, row: dict[str, object]) -> None:
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
