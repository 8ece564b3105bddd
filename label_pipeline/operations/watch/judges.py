"""What the sensors see of judges: which label, what their replies reported, drift verdicts, canaries, verdicts since.

Reads tables and asks an endpoint for its model list; sends no chat request.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from label_pipeline.core.codes.drift import CANARY_RUN
from label_pipeline.core.codes.verdicts import DECISION, SUSPENSION
from label_pipeline.core.errors import JudgeError, ProviderRejectedError, SettingsError, StorageError
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.project import Project
from label_pipeline.stages.watch import CanaryStopped, DriftSeen, Recorded, WantedRun, WatchedJudge, one_a_reply

LIST_WITHIN_S = 15.0
"""Seconds an endpoint has for its model list; a tick of several silent ones must end within Dagster's 60."""

_NEWEST_FIRST = ("epoch", "decided_at", "verdict_id")


def watched(project: Project) -> list[WatchedJudge]:
    """The judges whose verdict is in force or was suspended since; of every collection the newest."""
    store = project.store("gate")
    verdicts = store.read("verdicts")
    opened = verdicts.filter(pl.col("kind") == DECISION, pl.col("open")).sort(_NEWEST_FIRST, descending=True)
    newest: dict[str, dict[str, Any]] = {}
    for row in opened.iter_rows(named=True):
        newest.setdefault(row["collection"], row)
    standings = current_standings(project, "gate", sorted(newest))
    found: dict[tuple[str, int], WatchedJudge] = {}
    for name, standing in standings.items():
        row = newest[name]
        if standing.open and standing.verdict_id != row["verdict_id"]:
            row = verdicts.filter(pl.col("verdict_id") == standing.verdict_id).row(0, named=True)
        elif not standing.open and not _suspended_since(verdicts, name, int(row["epoch"])):
            continue  # stale, or overtaken by another policy: nobody labels, and no provider is to blame
        named = str(row["judge_version"]), int(row["epoch"])
        judge = found.get(named) or _judge(project, *named)
        if standing.open:
            judge = replace(judge, open_verdicts={**judge.open_verdicts, name: str(row["verdict_id"])})
        else:
            judge = replace(judge, suspended=(*judge.suspended, name))
        found[named] = replace(judge, decided=max(judge.decided, *_decided(verdicts, [name]).values()))
    return list(found.values())


def _judge(project: Project, judge_version: str, epoch: int) -> WatchedJudge:
    judge, _ = project.judge(judge_version)
    [member] = json.loads(judge.members)
    return WatchedJudge(
        judge_version, epoch, member["endpoint"], member["model"], judge.member_hash, judge.model_served, {}
    )


def _suspended_since(verdicts: pl.DataFrame, collection: str, epoch: int) -> bool:
    mine = pl.col("collection") == collection, pl.col("kind") == SUSPENSION, pl.col("epoch") >= epoch
    return verdicts.filter(*mine).height > 0


def _decided(verdicts: pl.DataFrame, collections: Sequence[str]) -> dict[str, int]:
    """Collection: epoch of the newest decision, of whichever judge; -1 before any."""
    mine = verdicts.filter(pl.col("kind") == DECISION).group_by("collection").agg(pl.col("epoch").max())
    return dict.fromkeys(collections, -1) | {
        str(name): int(epoch) for name, epoch in mine.iter_rows() if name in collections
    }


def answered(project: Project, wanted: WantedRun) -> bool:
    """Whether the gate has decided on all that ``wanted`` is about, on replies later than what it is for."""
    if wanted.since is None:
        return False
    decided = _decided(project.store("gate").read("verdicts"), wanted.collections)
    return bool(decided) and all(epoch > wanted.since for epoch in decided.values())


def waiting(project: Project) -> str:
    """Why a recalibration for another reason comes first, as a sentence; empty where none does.

    A suspension nobody has answered, and a judge whose newest replies are of another model, which is about to be
    suspended: the recalibration that answers it asks about new pairs too, and one look must do for both.
    """
    judges, verdicts = watched(project), project.store("gate").read("verdicts")
    suspended = verdicts.filter(pl.col("kind") == SUSPENSION).group_by("collection").agg(pl.col("epoch").max())
    ended = dict(suspended.iter_rows())
    for judge in judges:
        decided = _decided(verdicts, judge.suspended)
        if open_ones := [name for name in judge.suspended if decided[name] <= ended[name]]:
            return f"{', '.join(open_ones)} is suspended, and the recalibration that answers it asks about these too"
        if judge.open_verdicts and set(recorded(project, judge).newest) - {judge.model_served}:
            return f"judge {judge.judge_version} answers as another model; sensor judge_model_changed comes first"
    return ""


def recorded(project: Project, judge: WatchedJudge) -> Recorded:
    """What the replies of ``judge`` reported since its calibration."""
    store = project.store("anchor")
    asked = {"member_hash": judge.member_hash}
    rows = store.query("anchor/reported", {**asked, "epoch": judge.epoch}, where={"judgements": asked})
    newest = rows.filter(pl.col("in_newest_run")).group_by("model_reported").agg(pl.col("first_epoch").min())
    runs = store.read("anchor_runs").filter(
        pl.col("judge_version") == judge.judge_version, pl.col("epoch") >= judge.epoch, pl.col("kind") != CANARY_RUN
    )
    heard = rows["last_at"].max()
    said = Recorded(
        dict(newest.iter_rows()), epoch=min(rows["newest_epoch"].drop_nulls().to_list(), default=-1),
        heard_at=heard.isoformat() if isinstance(heard, datetime) else "",
    )  # fmt: skip
    told = [json.loads(names) for names in runs["fingerprints"]]
    if any(one_a_reply(len(names), graded) for names, graded in zip(told, runs["graded"], strict=True)):
        return said
    known = {name for names in told for name in names}
    known |= set(rows.filter("certified")["fingerprint"])
    mine = rows.filter(pl.col("model_reported") == judge.model_served)["fingerprint"].drop_nulls()
    return replace(said, fingerprints=tuple(name for name in mine.unique(maintain_order=True) if name not in known))


def drift_seen(project: Project, judges: Sequence[WatchedJudge]) -> list[DriftSeen]:
    """The newest drift verdict of every watched judge and collection, where there is one since it was certified."""
    rows = project.store("anchor").read("drift_verdicts").sort("epoch", "decided_at")
    found = []
    for judge in judges:
        others = set(recorded(project, judge).newest) - {judge.model_served}
        for name in sorted({*judge.open_verdicts, *judge.suspended}):
            mine = rows.filter(
                pl.col("judge_version") == judge.judge_version, pl.col("collection") == name,
                pl.col("epoch") >= judge.epoch,
            )  # fmt: skip
            for row in mine.tail(1).iter_rows(named=True):
                told = {key: row[key] for key in ("epoch", "state", "cause", "action", "suspends", "run_again")}
                found.append(DriftSeen(row["drift_id"], judge, name, **told, other_model=bool(others)))
    return found


def canaries_stopped(project: Project, judges: Sequence[WatchedJudge]) -> list[CanaryStopped]:
    """Canaries that stopped an amplification of a watched judge and that no anchor run has looked into since.

    Not where another model answers: that is for ``model_changed``, and an anchor run would tell nothing new.
    """
    runs = project.store("anchor").read("anchor_runs").sort("epoch")
    found = []
    for judge in judges:
        if set(recorded(project, judge).newest) - {judge.model_served}:
            continue
        for name in judge.open_verdicts:
            mine = runs.filter(
                pl.col("judge_version") == judge.judge_version, pl.col("collection") == name,
                pl.col("epoch") > judge.epoch,
            )  # fmt: skip
            for row in mine.tail(1).filter(pl.col("kind") == CANARY_RUN).drop_nulls("reason").iter_rows(named=True):
                found.append(CanaryStopped(judge, name, int(row["epoch"]), row["reason"]))
    return found


class ModelLists(NamedTuple):
    """What endpoints list.

    Attributes:
        listed: endpoint: the model ids it lists; None where it gave no list.
        notes: why not, as sentences.
        blind: whether one of them could not be reached at all; one that has no list says so, and is no trouble.
    """

    listed: dict[str, frozenset[str] | None]
    notes: list[str]
    blind: bool


def model_lists(project: Project, endpoints: Sequence[str]) -> ModelLists:
    """Asks every endpoint for its model list."""
    return asyncio.run(_model_lists(project, endpoints))


async def _model_lists(project: Project, endpoints: Sequence[str]) -> ModelLists:
    found: dict[str, frozenset[str] | None] = dict.fromkeys(endpoints)
    notes: list[str] = []
    unreached: list[str] = []

    async def ask(endpoint: str) -> None:
        if not project.settings.endpoints[endpoint].model_list:
            notes.append(
                f"endpoint {endpoint} has no model list: whether it still serves a model is seen in replies only"
            )
            return
        try:
            client = project.client(endpoint)
        except (SettingsError, StorageError) as error:
            notes.append(str(error))
            unreached.append(endpoint)
            return
        try:
            found[endpoint] = frozenset(await asyncio.wait_for(client.models(), LIST_WITHIN_S))
        except (JudgeError, TimeoutError) as error:
            said = str(error) or f"no answer within {LIST_WITHIN_S:.0f} s"
            notes.append(f"endpoint {endpoint} gave no model list, which is no change: {said}")
            if not isinstance(error, ProviderRejectedError):
                unreached.append(endpoint)
        finally:
            await client.close()

    await asyncio.gather(*map(ask, (name for name in endpoints if name in project.settings.endpoints)))
    return ModelLists(found, notes, bool(unreached))


def opened(project: Project, names: Sequence[str]) -> list[str]:
    """Which of the collections ``names`` somebody may label now."""
    return [name for name, standing in current_standings(project, "gate", names).items() if standing.open]
