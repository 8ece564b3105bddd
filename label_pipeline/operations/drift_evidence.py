"""What is known about a certified judge since its baseline began, as one drift decision looks at it."""

from math import ceil

import numpy as np
import polars as pl

from label_pipeline.core.codes.drift import BASELINE_RUN, CANARY_RUN, WATCH_RUN
from label_pipeline.core.drift import loss
from label_pipeline.core.pairs import cluster_codes
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY
from label_pipeline.operations.anchor_certificate import certificate_of
from label_pipeline.operations.anchor_reference import Anchor, measured
from label_pipeline.operations.project import Project
from label_pipeline.settings.cadence import longest_pause_days
from label_pipeline.stages import anchor


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
        query_index=cluster_codes(found.items),
        baseline=baseline,
        watch=watch,
        canary=canary,
        accepted_model=found.judge.model_served,
        rubric_changed=found.judge.rubric_version != project.rubric_version,
        regraded=regraded(found.items, mine),
        human_mse=2 * float(panels.mean()) if panels.len() else None,  # type: ignore[arg-type]  # of floats
        population=_population(project, found, baseline),
        certificate=certificate_of(project, found),
        cadence=_cadence(project, found),
    )


def _cadence(project: Project, found: Anchor) -> anchor.Cadence | None:
    """The pauses of the schedule, and what a label day's cap buys at what the anchor's own pairs cost.

    None where the schedule's pauses cannot be counted.
    """
    settings = project.settings
    pause = longest_pause_days(settings.anchor.cron)
    if pause is None:
        return None
    paid, pairs = float(found.runs["cost_usd"].sum()), int(found.runs["n_pairs"].sum())
    return anchor.Cadence(
        pause_days=round(pause, 2),
        label_days=ceil(pause * settings.amplifications_per_year / 366),
        labels_a_day=int(settings.amplify.cap_usd * pairs / paid) if paid > 0 else None,
    )


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


def expected_loss(evidence: anchor.AnchorEvidence) -> tuple[float, float]:
    """NMSE between which 95 % of the runs of the same judge lie; nan before two runs of its baseline."""
    if len(evidence.baseline) < 2:
        return float("nan"), float("nan")
    grades = np.stack([run.calibrated for run in evidence.baseline])
    base = loss.baseline(evidence.scale.loss(grades, evidence.gold))
    middle, width = float(base.mean.mean()), 1.96 * float(np.sqrt(base.noise * (1 + 1 / base.runs)))
    return 100 * (middle - width), 100 * (middle + width)
