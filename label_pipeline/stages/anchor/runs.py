"""One anchor run: what is asked, what the replies say about the judge, and the row that is kept of it."""

import json
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.catalogue import ANCHOR_ITEMS, ANCHOR_RUNS
from label_pipeline.core.codes.drift import RunKind
from label_pipeline.core.codes.outcomes import REFUSALS, UNANSWERED, UNREADABLE
from label_pipeline.core.drift.detectors import flipped, grade_codes
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judge import JudgeVersion, pair_grades
from label_pipeline.core.judging.spent import Spent
from label_pipeline.core.scale import Scale, nmse
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.anchor.evidence import AnchorRun


def snapshot(pairs: pl.DataFrame, *, judge_version: str, baseline_epoch: int, now: datetime) -> pl.DataFrame:
    """ANCHOR_ITEMS rows: the anchor's texts and gold as they are when a baseline begins.

    Args:
        pairs: rows of sql/seed/graded_pairs.sql of one collection.
        judge_version: the judge the baseline is of.
        baseline_epoch: epoch of its first run.
        now: current time.
    """
    kept = [column.name for column in ANCHOR_ITEMS.columns if column.name in pairs.columns]
    return ANCHOR_ITEMS.conform(
        pairs.select(kept).with_columns(
            judge_version=pl.lit(judge_version), baseline_epoch=pl.lit(baseline_epoch, dtype=pl.Int64),
            snapshot_at=pl.lit(now),
        )
    )  # fmt: skip


def measure(
    items: pl.DataFrame, judgements: pl.DataFrame, judge: JudgeVersion, *, epoch: int, ran_at: datetime
) -> AnchorRun:
    """What one run says, aligned with ``items``.

    Args:
        items: ANCHOR_ITEMS rows of one collection.
        judgements: JUDGEMENTS rows of that run about any of them.
        judge: gives the calibrator.
        epoch: the run's epoch.
        ran_at: when it ended.

    Raises:
        NotApplicableError: there are no items.
    """
    if items.is_empty():
        raise NotApplicableError(
            f"the anchor run of epoch {epoch} has no pairs to be about: an anchor needs human-graded pairs of anchor "
            "queries, and a baseline that is newer than its judge; run gold_labels and seed_splits, then anchor_run"
        )
    replies = judgements.filter(~pl.col("outcome").is_in(UNANSWERED))
    grades = pair_grades(replies).select(*PAIR_KEY, "raw_grade", "expected_grade", answered=pl.lit(True))
    lost = judgements.group_by(PAIR_KEY).agg(
        pl.col("outcome").is_in(UNREADABLE).sum().alias("lost_malformed"),
        pl.col("outcome").is_in(REFUSALS).sum().alias("lost_refused"),
    )
    found = items.select(PAIR_KEY)
    for about_pairs in (grades, lost):
        found = found.join(about_pairs, on=list(PAIR_KEY), how="left", nulls_equal=True, maintain_order="left")
    expected = _floats(found["expected_grade"])
    outcomes = judgements["outcome"]
    answered = found["answered"].fill_null(False).to_numpy()
    return AnchorRun(
        epoch=epoch,
        ran_at=ran_at,
        raw=_floats(found["raw_grade"]),
        calibrated=judge.calibrate(str(items["collection"][0]), expected),
        malformed=found["lost_malformed"].fill_null(0).cast(pl.Int64).to_numpy(),
        refused=found["lost_refused"].fill_null(0).cast(pl.Int64).to_numpy(),
        replies=judgements.height,
        models=frozenset(judgements["model_reported"].drop_nulls()),
        fingerprints=frozenset(judgements["fingerprint"].drop_nulls()),
        failed=int(outcomes.is_in(UNANSWERED).sum()),
        answered=None if answered.all() else answered,
    )


def run_row(
    run: AnchorRun,
    items: pl.DataFrame,
    cost: Spent,
    scale: Scale,
    *,
    run_id: str,
    judge_version: str,
    collection: str,
    kind: RunKind,
    baseline: Sequence[AnchorRun] = (),
    baseline_epoch: int | None,
    reason: str | None = None,
) -> pl.DataFrame:
    """The ANCHOR_RUNS row of ``run``.

    Args:
        run: what it said.
        items: what was asked about, aligned with it; ``gold_mean``.
        cost: what it cost.
        scale: the grade scale.
        run_id: the Dagster run.
        judge_version: the judge.
        collection: the collection.
        kind: baseline, watch or canary.
        baseline: the runs it is compared with, aligned with ``items``; none for a run of the baseline itself.
        baseline_epoch: names that baseline.
        reason: canary: why it stopped the amplification.
    """
    gold, answered = items["gold_mean"].to_numpy(), run.replied
    graded = ~np.isnan(run.raw)
    bias = float(np.mean((run.calibrated - gold)[graded])) / scale.span if graded.any() else None
    row: dict[str, object] = {
        "run_id": run_id,
        "judge_version": judge_version,
        "collection": collection,
        "epoch": run.epoch,
        "baseline_epoch": baseline_epoch,
        "kind": kind,
        "n_pairs": items.height,
        "graded": int(graded.sum()),
        "malformed": int(run.malformed.sum()),
        "refused": int(run.refused.sum()),
        "failed": run.failed,
        "loss": nmse(float(scale.loss(run.calibrated, gold)[answered].mean())) if answered.any() else None,
        "bias": bias,
        "flip_share": flip_share(run, baseline, scale),
        "models": json.dumps(sorted(run.models)),
        "fingerprints": json.dumps(sorted(run.fingerprints)),
        **cost._asdict(),
        "reason": reason,
        "ran_at": run.ran_at,
    }
    return ANCHOR_RUNS.conform(pl.DataFrame([row], schema_overrides=ANCHOR_RUNS.schema))


def flip_share(run: AnchorRun, baseline: Sequence[AnchorRun], scale: Scale) -> float | None:
    """Share of answered pairs whose grade is not the baseline's commonest; None without two runs to compare with."""
    answered = run.replied
    if len(baseline) < 2 or not answered.any():
        return None
    return float(flipped(grade_codes(np.stack([other.raw[answered] for other in (*baseline, run)]), scale))[-1].mean())


def _floats(series: pl.Series) -> NDArray[np.float64]:
    return series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
