"""The row a drift decision leaves behind.

Keep out: the decision (decision.py), what follows from it (defs/drifting.py).
"""

import hashlib
import json
from datetime import datetime

import polars as pl

from label_pipeline.core.catalogue import DRIFT_VERDICTS
from label_pipeline.stages.anchor.decision import DriftVerdict


def drift_row(
    verdict: DriftVerdict, *, judge_version: str, epoch: int, baseline_epoch: int, n_runs: int, now: datetime
) -> pl.DataFrame:
    """The DRIFT_VERDICTS row of ``verdict``; the same runs and the same answer have the same ``drift_id``.

    Args:
        verdict: the decision.
        judge_version: the judge it is about.
        epoch: epoch of the newest run it rests on.
        baseline_epoch: names the baseline.
        n_runs: baseline and watch runs.
        now: current time.
    """
    same = json.dumps([judge_version, verdict.collection, epoch, n_runs, verdict.state, verdict.cause])
    row: dict[str, object] = {
        "drift_id": hashlib.sha256(same.encode()).hexdigest()[:16],
        "judge_version": judge_version,
        "collection": verdict.collection,
        "epoch": epoch,
        "baseline_epoch": baseline_epoch,
        "n_runs": n_runs,
        "state": verdict.state,
        "cause": verdict.cause,
        "action": verdict.action,
        "signals": json.dumps([signal._asdict() for signal in verdict.signals]),
        "suspends": verdict.suspends,
        "run_again": verdict.run_again,
        "healthy": verdict.healthy,
        "change_point": verdict.change_point,
        "decided_at": now,
    }
    return DRIFT_VERDICTS.conform(pl.DataFrame([row], schema_overrides=DRIFT_VERDICTS.schema))
