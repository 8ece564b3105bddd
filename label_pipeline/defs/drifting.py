"""From stored anchor runs to a verdict: the evidence, and the row of the decision.

The steps of `drift_verdict`, collection by collection. Keep out: the decision (stages/anchor), what follows from it
(enforcing.py).
"""

import numpy as np
import polars as pl

from label_pipeline.core import drift
from label_pipeline.core.codes.drift import BASELINE_RUN, CANARY_RUN, WATCH_RUN
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.defs.anchoring import Anchor, measured
from label_pipeline.defs.project import Project
from label_pipeline.stages import anchor


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
