"""The row a drift decision leaves behind."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from label_pipeline.core.catalogue import DRIFT_VERDICTS
from label_pipeline.stages.anchor.decision import DriftVerdict
from label_pipeline.stages.anchor.signals import Signal


def drift_row(
    verdict: DriftVerdict,
    *,
    judge_version: str,
    epoch: int,
    baseline_epoch: int,
    n_runs: int,
    now: datetime,
    previous: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The DRIFT_VERDICTS row of ``verdict``; deciding again on what has not changed finds the same ``drift_id``.

    What equals the verdict before it, figures included, is that verdict, in whatever words it is told: a sentence that
    a newer version words anew is no news, and asks for no run. Anything else is a new one, though it equals an older
    one: healthy, warning, healthy are three verdicts.

    Args:
        verdict: the decision.
        judge_version: the judge it is about.
        epoch: epoch of the newest run it rests on.
        baseline_epoch: names the baseline.
        n_runs: baseline and watch runs.
        now: current time.
        previous: DRIFT_VERDICTS row of the newest verdict on the same judge and collection; empty or None before any.
    """
    row: dict[str, object] = {
        "judge_version": judge_version,
        "collection": verdict.collection,
        "epoch": epoch,
        "baseline_epoch": baseline_epoch,
        "n_runs": n_runs,
        "state": verdict.state,
        "cause": verdict.cause,
        "action": verdict.action,
        "signals": json.dumps([_stored(signal) for signal in verdict.signals]),
        "suspends": verdict.suspends,
        "run_again": verdict.run_again,
        "healthy": verdict.healthy,
        "change_point": verdict.change_point,
    }
    before = {} if previous is None or previous.is_empty() else previous.row(0, named=True)
    told = json.dumps([*row.values(), before.get("drift_id")], default=str)
    same = bool(before) and _facts(before) == _facts(row)
    row["drift_id"] = before["drift_id"] if same else hashlib.sha256(told.encode()).hexdigest()[:16]
    row["decided_at"] = now
    return DRIFT_VERDICTS.conform(pl.DataFrame([row], schema_overrides=DRIFT_VERDICTS.schema))


def _stored(signal: Signal) -> dict[str, object]:
    return {"code": signal.code, "name": signal.name, **signal._asdict()}


def _facts(row: Mapping[str, object]) -> dict[str, object]:
    """What of a DRIFT_VERDICTS row is no wording: of signals the figures, for older rows have no codes."""
    signals = [(found["figure"], found["threshold"], found["fired"]) for found in json.loads(str(row["signals"]))]
    words = {"drift_id", "decided_at", "action", "signals"}
    return {"signals": signals, **{name: value for name, value in row.items() if name not in words}}
