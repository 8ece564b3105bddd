"""The rows a decision leaves behind, and the count of looks at the holdout.

Same judge version, epoch, holdout and policy = the same look: the stored verdict is returned and no alpha is spent.
Keep out: the decision (decision.py), which rows still stand (standing.py).
"""

import hashlib
import json
from datetime import datetime, timedelta

import polars as pl

from label_pipeline.core.catalogue import HOLDOUT_LOOKS, VERDICTS
from label_pipeline.stages.gate.decision import Verdict
from label_pipeline.stages.gate.evidence import Evidence


def verdict_id(judge_version: str, collection: str, epoch: int, holdout_hash: str, policy_hash: str) -> str:
    """Names one look: the same five things are the same look."""
    parts = json.dumps([judge_version, collection, epoch, holdout_hash, policy_hash])
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def next_look(looks: pl.DataFrame, collection: str) -> int:
    """Number of the next look at ``collection``'s holdout. Every earlier look counts, whatever judge or policy."""
    return looks.filter(pl.col("collection") == collection).height + 1


def edited_policy(looks: pl.DataFrame, collection: str, policy_hash: str) -> bool:
    """Whether an earlier look was taken under other thresholds."""
    return looks.filter(pl.col("collection") == collection, pl.col("policy_hash") != policy_hash).height > 0


def rows(
    verdict: Verdict,
    evidence: Evidence,
    *,
    judge_version: str,
    rubric_version: str,
    epoch: int,
    now: datetime,
    valid_days: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One VERDICTS row and the HOLDOUT_LOOKS row that paid for it."""
    shared: dict[str, object] = {
        "verdict_id": verdict_id(
            judge_version, verdict.collection, epoch, evidence.holdout_hash, verdict.policy.policy_hash
        ),
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
        "kind": "decision",
        "state": verdict.state,
        "failures": json.dumps(verdict.failures),
        "criteria": json.dumps([criterion._asdict() for criterion in verdict.criteria]),
        "policy": verdict.policy.name,
        "rubric_version": rubric_version,
        "n_queries": verdict.n_queries,
        "n_pairs": verdict.n_pairs,
        "decided_at": now,
        "expires_at": now + timedelta(days=valid_days),
    }
    look = shared | {"looked_at": now}
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
        "kind": "suspension",
        "state": "suspended",
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
