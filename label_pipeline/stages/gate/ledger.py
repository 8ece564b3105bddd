"""The rows a decision leaves behind, and the count of looks at the holdout.

Same judge version, epoch, holdout, policy and lane = the same look: the stored verdict is returned and no alpha is
spent. Each lane has its own budget, counted anew when the holdout is retired (renewal.py); a row from before there were
lanes or generations is a full gate's look at the first holdout.
"""

import hashlib
import json
from datetime import datetime, timedelta

import polars as pl

from label_pipeline.core.catalogue import HOLDOUT_LOOKS, VERDICTS
from label_pipeline.core.codes.verdicts import DECISION, FULL, SUSPENDED, SUSPENSION, Lane
from label_pipeline.stages.gate.decision import Verdict
from label_pipeline.stages.gate.evidence import Evidence


def verdict_id(
    judge_version: str, collection: str, epoch: int, holdout_hash: str, policy_hash: str, lane: Lane = FULL
) -> str:
    """Names one look: the same six things are the same look."""
    parts = [judge_version, collection, epoch, holdout_hash, policy_hash]
    parts += [] if lane == FULL else [lane]  # a full look is named as it was before there were lanes
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def next_look(looks: pl.DataFrame, collection: str, lane: Lane = FULL, generation: int = 1, elsewhere: int = 0) -> int:
    """Number of the next look of ``lane`` at ``collection``'s holdout of ``generation``.

    Every earlier look there counts, whatever judge or policy, and so do those at its queries under another name
    (``looks_elsewhere``).
    """
    return _taken(looks, collection, lane, generation).height + elsewhere + 1


def looks_left(
    looks: pl.DataFrame, collection: str, lane: Lane, allowed: int, generation: int = 1, elsewhere: int = 0
) -> int:
    """How many of the ``allowed`` looks of ``lane`` at the holdout of ``generation`` are left."""
    return max(0, allowed - elsewhere - _taken(looks, collection, lane, generation).height)


def edited_policy(
    looks: pl.DataFrame, collection: str, policy_hash: str, lane: Lane = FULL, generation: int = 1
) -> bool:
    """Whether an earlier look of ``lane`` at this holdout was taken under other thresholds."""
    return _taken(looks, collection, lane, generation).filter(pl.col("policy_hash") != policy_hash).height > 0


def _taken(looks: pl.DataFrame, collection: str, lane: Lane, generation: int) -> pl.DataFrame:
    return looks.filter(
        pl.col("collection") == collection,
        pl.col("lane").fill_null(FULL) == lane,
        pl.col("generation").fill_null(1) == generation,
    )


def rows(
    verdict: Verdict,
    evidence: Evidence,
    *,
    judge_version: str,
    rubric_version: str,
    epoch: int,
    now: datetime,
    valid_days: int,
    generation: int = 1,
    no_later_than: datetime | None = None,
    served_by: str | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One VERDICTS row and the HOLDOUT_LOOKS row that paid for it.

    Args:
        verdict: the decision.
        evidence: what was looked at.
        judge_version: the judge.
        rubric_version: rubric of judge and humans.
        epoch: its calibration epoch.
        now: current time (UTC).
        valid_days: days the verdict stands.
        generation: of the holdout looked at.
        no_later_than: the verdict stands no longer than this (UTC); None has no such limit.
        served_by: the hosts that answered for it.
    """
    expires_at = now + timedelta(days=valid_days)
    shared: dict[str, object] = {
        "verdict_id": verdict_id(
            judge_version, verdict.collection, epoch, evidence.holdout_hash, verdict.policy.policy_hash, verdict.lane
        ),
        "lane": verdict.lane,
        "collection": verdict.collection,
        "judge_version": judge_version,
        "epoch": epoch,
        "holdout_hash": evidence.holdout_hash,
        "policy_hash": verdict.policy.policy_hash,
        "look": verdict.look,
        "alpha": verdict.alpha,
        "open": verdict.open,
    }
    decision = shared | {
        "kind": DECISION,
        "state": verdict.state,
        "failures": json.dumps(verdict.failures),
        "criteria": json.dumps([criterion._asdict() for criterion in verdict.criteria]),
        "policy": verdict.policy.name,
        "rubric_version": rubric_version,
        "n_queries": verdict.n_queries,
        "n_pairs": verdict.n_pairs,
        "served_by": served_by,
        "decided_at": now,
        "expires_at": expires_at if no_later_than is None else min(expires_at, no_later_than),
    }
    look = shared | {"generation": generation, "looked_at": now}
    return (
        VERDICTS.conform(pl.DataFrame([decision], infer_schema_length=None)),
        HOLDOUT_LOOKS.conform(pl.DataFrame([look])),
    )


def suspension(decision: dict[str, object], reason: str, epoch: int, now: datetime) -> pl.DataFrame:
    """The VERDICTS row that suspends ``decision`` until a verdict from an epoch after ``epoch``.

    Args:
        decision: the VERDICTS row to suspend, as a dict.
        reason: a sentence: what changed and since when.
        epoch: current epoch of the collection.
        now: current time (UTC).
    """
    name = json.dumps(["suspension", decision["verdict_id"], epoch, reason])
    row = decision | {
        "verdict_id": hashlib.sha256(name.encode()).hexdigest()[:16],
        "kind": SUSPENSION,
        "state": SUSPENDED,
        "open": False,
        "failures": json.dumps([reason]),
        "criteria": "[]",
        "epoch": epoch,
        "look": None,
        "alpha": None,
        "decided_at": now,
        "expires_at": None,
    }
    return VERDICTS.conform(pl.DataFrame([row], schema_overrides=VERDICTS.schema))
