"""What the newest drift verdicts, or a canary that stopped a night, ask for: anchor run, recalibration, a person."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from label_pipeline.core.codes.drift import CAPABILITY, JUDGE_CHANGED, LENIENCY
from label_pipeline.core.codes.verdicts import FULL, RECERTIFY
from label_pipeline.stages.watch.requests import ANCHOR, RECALIBRATE, Finding, Suspend, WantedRun
from label_pipeline.stages.watch.served_model import WatchedJudge

ANSWERED_BY_RECALIBRATION: Mapping[str, bool] = {
    JUDGE_CHANGED: True,
    LENIENCY: False,
    CAPABILITY: False,
}
"""Cause: whether it came from outside, so that the re-certification lane is for it. Every other cause (repeatability,
population, rubric, humans, a silent change whose figures hold) is for people: asking the judges again answers none."""


@dataclass(frozen=True)
class DriftSeen:
    """The newest drift verdict of a watched judge in one collection, not older than the judge's own verdict.

    Attributes:
        drift_id: names it.
        judge: the judge it is about.
        collection: its collection.
        epoch: epoch of the newest anchor run it rests on.
        state: healthy, warning, drifted, ...
        cause: row of the cause table.
        action: what to do, a sentence.
        suspends: nothing may label until a judge is certified again.
        run_again: one more anchor run is wanted now.
        other_model: its replies report another model id: ``model_changed`` asks for the recalibration.
    """

    drift_id: str
    judge: WatchedJudge
    collection: str
    epoch: int
    state: str
    cause: str
    action: str
    suspends: bool
    run_again: bool
    other_model: bool = False


@dataclass(frozen=True)
class CanaryStopped:
    """The newest canary of a watched judge in one collection stopped an amplification, and no anchor run came since.

    Attributes:
        judge: the judge it is about.
        collection: its collection.
        epoch: epoch of the canary.
        reason: why it stopped, a sentence.
    """

    judge: WatchedJudge
    collection: str
    epoch: int
    reason: str


def drifted(seen: Sequence[DriftSeen], cursor: str | None, stopped: Sequence[CanaryStopped] = ()) -> Finding:
    """What the newest drift verdicts and canaries ask for; each is asked for once, by its ``drift_id`` or epoch.

    Args:
        seen: one entry per judge and collection.
        stopped: likewise; an anchor run finds out what the canary only suspects.
        cursor: of the last look: the newest verdict of every collection, so that only news is told.
    """
    known: Mapping[str, str] = json.loads(cursor) if cursor else {}
    wanted: list[WantedRun] = []
    suspend: list[Suspend] = []
    notes: list[str] = []
    for found in seen:
        told = f"[{found.collection}] {found.state}, cause {found.cause}: {found.action}"
        if known.get(found.collection) != found.drift_id:
            notes.append(told)
        verdict = found.judge.open_verdicts.get(found.collection)
        if found.suspends:
            suspend += [Suspend(verdict, told, found.epoch)] if verdict is not None else []
            wanted += _recalibration(found, told)
        elif found.run_again and verdict is not None:
            wanted.append(
                WantedRun(
                    ANCHOR, f"anchor_drifted:{found.drift_id}", found.judge.key, told, collections=(found.collection,)
                )
            )
    wanted += [
        WantedRun(
            ANCHOR, f"anchor_drifted:canary:{one.epoch}", one.judge.key, f"[{one.collection}] {one.reason}",
            collections=(one.collection,),
        )
        for one in stopped
        if one.collection in one.judge.open_verdicts
    ]  # fmt: skip
    written = json.dumps({found.collection: found.drift_id for found in seen}, sort_keys=True)
    return Finding(tuple(wanted), tuple(suspend), written, tuple(notes) or ("no drift verdict since the last look",))


def _recalibration(found: DriftSeen, told: str) -> list[WantedRun]:
    outside = ANSWERED_BY_RECALIBRATION.get(found.cause)
    if outside is None or found.other_model:
        return []
    lane = RECERTIFY if outside else FULL
    key = f"anchor_drifted:{found.drift_id}"
    return [WantedRun(RECALIBRATE, key, found.judge.key, told, True, lane, (found.collection,), since=found.epoch)]
