"""Which judge may label which collection now: the current standing of every collection.

A verdict is current for its judge version, collection, rubric, policy and age. A suspension ends only with a verdict
from a later epoch. Keep out: making verdicts (decision.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl


@dataclass(frozen=True)
class Standing:
    """Who may label one collection.

    Attributes:
        collection: its name.
        judge_version: the judge that may label, or the newest one that may not; None when there is none.
        verdict_id: its verdict.
        state: open, closed, insufficient, suspended, stale or missing.
        reasons: why it may not label; empty exactly when ``open``.
        expires_at: when an open standing ends.
    """

    collection: str
    judge_version: str | None
    verdict_id: str | None
    state: str
    reasons: tuple[str, ...]
    expires_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether anyone may label."""
        return not self.reasons


def standings(
    verdicts: pl.DataFrame, collections: Sequence[str], *, policy_hash: str, rubric_version: str, now: datetime
) -> dict[str, Standing]:
    """The standing of every collection in ``collections``: the newest judge whose verdict is open and current.

    Args:
        verdicts: VERDICTS rows, decisions and suspensions.
        collections: every collection that asks.
        policy_hash: the policy in force.
        rubric_version: the rubric in force.
        now: current time (UTC).
    """
    ordered = verdicts.sort("decided_at", "verdict_id", descending=True)
    found = {}
    for name in collections:
        rows = list(ordered.filter(pl.col("collection") == name).iter_rows(named=True))
        found[name] = _standing(name, rows, policy_hash, rubric_version, now)
    return found


def _standing(
    collection: str, rows: list[dict[str, object]], policy_hash: str, rubric_version: str, now: datetime
) -> Standing:
    """``rows`` newest first."""
    newest: Standing | None = None
    seen: set[object] = set()
    for row in rows:
        if row["kind"] != "decision" or row["judge_version"] in seen:
            continue  # an older decision on a judge that was decided again
        seen.add(row["judge_version"])
        state, reasons = _objections(row, rows, policy_hash, rubric_version, now)
        expires = row["expires_at"] if isinstance(row["expires_at"], datetime) else None
        found = Standing(collection, str(row["judge_version"]), str(row["verdict_id"]), state, reasons, expires)
        if found.open:
            return found
        newest = newest or found
    missing = f"collection {collection} has no verdict; materialise gate_verdict (job recalibrate)"
    return newest or Standing(collection, None, None, "missing", (missing,))


def _objections(
    row: Mapping[str, object],
    rows: Sequence[Mapping[str, object]],
    policy_hash: str,
    rubric_version: str,
    now: datetime,
) -> tuple[str, tuple[str, ...]]:
    """State and reasons against one decision; no reasons = it stands."""
    judge, verdict = row["judge_version"], row["verdict_id"]
    for other in rows:
        same = other["kind"] == "suspension" and other["judge_version"] == judge
        if same and _number(other["epoch"]) >= _number(row["epoch"]):
            return "suspended", (f"verdict {verdict} of judge {judge} is suspended: {other['failures']}; recalibrate",)
    if not row["open"]:
        return str(row["state"]), (f"verdict {verdict} of judge {judge} is {row['state']}: {row['failures']}",)
    stale = []
    if row["policy_hash"] != policy_hash:
        stale.append(
            f"verdict {verdict} was given under policy {row['policy']} ({row['policy_hash']}), not the current one"
        )
    if row["rubric_version"] != rubric_version:
        stale.append(
            f"verdict {verdict} was given for rubric {row['rubric_version']}, the rubric is now {rubric_version}"
        )
    if isinstance(row["expires_at"], datetime) and row["expires_at"] <= now:
        stale.append(f"verdict {verdict} expired on {row['expires_at']:%Y-%m-%d %H:%M} UTC")
    return ("stale", (*stale, "run job recalibrate")) if stale else ("open", ())


def _number(value: object) -> int:
    return int(value) if isinstance(value, int) else -1
