"""Which judge may label which collection now: the current standing of every collection.

A verdict is current for its judge version, collection, rubric, policy and age. A suspension holds for the collection,
an older judge's verdict included, until a verdict from a later epoch.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from label_pipeline.core.codes.verdicts import DECISION, INSUFFICIENT, OPEN, SUSPENDED, SUSPENSION

NEW_EPOCH = "run job recalibrate with `fresh: true` (label-pipeline run --fresh)"
"""In one epoch the same judge on the same holdout finds its stored verdict again: a mere repetition is no help."""


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
        """Whether a judge may label this collection now."""
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
    ordered = verdicts.sort("epoch", "decided_at", "verdict_id", descending=True)  # a clock may have been set back
    found = {}
    for name in collections:
        rows = list(ordered.filter(pl.col("collection") == name).iter_rows(named=True))
        found[name] = _standing(name, rows, policy_hash, rubric_version, now)
    return found


def _standing(
    collection: str, rows: list[dict[str, object]], policy_hash: str, rubric_version: str, now: datetime
) -> Standing:
    """The standing that follows from ``rows``, newest first.

    A judge is represented by its newest decision or, in the same epoch, by the newest one given under what is in force:
    a policy that was edited and put back finds the verdict it had (ledger.py). A look that was not taken (foresee.py)
    says nothing of the judge: the newest one that was taken may stand beside it.
    """
    decisions = [row for row in rows if row["kind"] == DECISION]
    chosen = _represented(decisions, policy_hash, rubric_version)
    taken = _represented([row for row in decisions if not _foreseen(row)], policy_hash, rubric_version)
    found = []
    for row in decisions:
        judge = row["judge_version"]
        if chosen[judge] is row or (_foreseen(chosen[judge]) and taken.get(judge) is row):
            state, reasons = _objections(row, rows, policy_hash, rubric_version, now)
            expires = row["expires_at"] if isinstance(row["expires_at"], datetime) else None
            names = str(row["judge_version"]), str(row["verdict_id"])
            found.append(Standing(collection, *names, state, reasons, expires))
    if not found:
        missing = f"collection {collection} has no verdict; materialise gate_verdict (job recalibrate)"
        return Standing(collection, None, None, "missing", (missing,))
    return next((standing for standing in found if standing.open), found[0])


def _represented(
    decisions: Sequence[dict[str, object]], policy_hash: str, rubric_version: str
) -> dict[object, dict[str, object]]:
    """Judge version: the decision that represents it, of ``decisions``, newest first."""
    chosen: dict[object, dict[str, object]] = {}
    for row in decisions:
        held = chosen.setdefault(row["judge_version"], row)
        wanted = (held["epoch"], policy_hash, rubric_version)
        if _given_under(row) == wanted and _given_under(held) != wanted:
            chosen[row["judge_version"]] = row
    return chosen


def _foreseen(row: Mapping[str, object]) -> bool:
    return row["state"] == INSUFFICIENT and row["look"] is None


def _objections(
    row: Mapping[str, object],
    rows: Sequence[Mapping[str, object]],
    policy_hash: str,
    rubric_version: str,
    now: datetime,
) -> tuple[str, tuple[str, ...]]:
    """State and reasons against one decision; no reasons = it stands."""
    named = f"verdict {row['verdict_id']} of judge {row['judge_version']}"
    for other in rows:
        # of whichever judge: after drift nothing labels until a judge is certified on replies of a later epoch
        if other["kind"] == SUSPENSION and _number(other["epoch"]) >= _number(row["epoch"]):
            return SUSPENDED, (f"{named} is suspended: {_sentences(other)}; {NEW_EPOCH}",)
    if not row["open"]:
        return str(row["state"]), (f"{named} is {row['state']}: {_sentences(row)}",)
    stale = []
    if row["policy_hash"] != policy_hash:
        policy = f"{row['policy']} ({row['policy_hash']})"
        stale.append(f"{named} was given under policy {policy}, not the current one; run job recalibrate")
    if row["rubric_version"] != rubric_version:
        stale.append(
            f"{named} was given for rubric {row['rubric_version']}, the rubric is now {rubric_version}; "
            "run job recalibrate"
        )
    expires = row["expires_at"]
    if not isinstance(expires, datetime):
        stale.append(f"{named} says not until when it stands; {NEW_EPOCH}")
    elif expires <= now:
        stale.append(f"{named} expired on {expires:%Y-%m-%d %H:%M} UTC; {NEW_EPOCH}")
    return ("stale", tuple(stale)) if stale else (OPEN, ())


def _given_under(row: Mapping[str, object]) -> tuple[object, object, object]:
    return row["epoch"], row["policy_hash"], row["rubric_version"]


def _sentences(row: Mapping[str, object]) -> str:
    return "; ".join(json.loads(str(row["failures"])))


def _number(value: object) -> int:
    return int(value) if isinstance(value, int) else -1
