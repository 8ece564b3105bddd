"""What the sensors see: the judges that label, what their replies reported, drift verdicts, input files, graded pairs.

Reads tables and asks an endpoint for its model list; sends no chat request. Keep out: what follows from it
(core/watching), what it may cost (allowing.py), Dagster (sensors.py).
"""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl

from label_pipeline.adapters.files.stamps import content_hash, stamp
from label_pipeline.core.errors import JudgeError, SettingsError, StorageError
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.core.watching import DriftSeen, FileSeen, Recorded, Suspend, WatchedJudge
from label_pipeline.defs.project import Project
from label_pipeline.defs.standing import current_standings
from label_pipeline.stages import gate

LIST_WITHIN_S = 15.0
"""Seconds an endpoint has for its model list; a tick of several silent ones must end within Dagster's 60."""

WATCHED_FILES = ("queries", "human_labels", "evaluation")
"""Inputs that say what humans graded; a document alone is nothing to calibrate on."""

_NEWEST_FIRST = ("epoch", "decided_at", "verdict_id")


def watched(project: Project) -> list[WatchedJudge]:
    """The judges with an open verdict, standing or suspended since; of every collection the newest."""
    store = project.store("gate")
    verdicts = store.read("verdicts")
    opened = verdicts.filter(pl.col("kind") == "decision", pl.col("open")).sort(_NEWEST_FIRST, descending=True)
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
            judge = replace(judge, standing={**judge.standing, name: str(row["verdict_id"])})
        else:
            judge = replace(judge, suspended=(*judge.suspended, name))
        found[named] = judge
    return list(found.values())


def _judge(project: Project, judge_version: str, epoch: int) -> WatchedJudge:
    row = project.store("gate").query("calibrate/judge_by_version", {"judge_version": judge_version})
    [member] = json.loads(row["members"][0])
    return WatchedJudge(
        judge_version, epoch, member["endpoint"], member["model"], member["member_hash"], row["model_served"][0], {}
    )


def _suspended_since(verdicts: pl.DataFrame, collection: str, epoch: int) -> bool:
    mine = pl.col("collection") == collection, pl.col("kind") == "suspension", pl.col("epoch") >= epoch
    return verdicts.filter(*mine).height > 0


def answered(project: Project, collections: Sequence[str]) -> bool:
    """Whether the gate has decided on every one of ``collections`` since its verdict was suspended."""
    verdicts = project.store("gate").read("verdicts").filter(pl.col("collection").is_in(list(collections)))
    newest = verdicts.group_by("collection").agg(
        pl.col("epoch").filter(pl.col("kind") == "suspension").max().alias("suspended"),
        pl.col("epoch").filter(pl.col("kind") == "decision").max().alias("decided"),
    )
    return newest.height == len(collections) and bool((newest["decided"] > newest["suspended"]).fill_null(False).all())


def recorded(project: Project, judge: WatchedJudge) -> Recorded:
    """What the replies of ``judge`` reported since its calibration."""
    store = project.store("anchor")
    rows = store.query("anchor/reported", {"member_hash": judge.member_hash, "epoch": judge.epoch})
    newest = rows.filter(pl.col("in_newest_run")).group_by("model_reported").agg(pl.col("first_epoch").min())
    runs = store.read("anchor_runs").filter(
        pl.col("judge_version") == judge.judge_version, pl.col("epoch") >= judge.epoch, pl.col("kind") != "canary"
    )
    known = {name for told in runs["fingerprints"] for name in json.loads(told)}
    known |= set(rows.filter("certified")["fingerprint"])
    mine = rows.filter(pl.col("model_reported") == judge.model_served)["fingerprint"].drop_nulls()
    new = [name for name in mine.unique(maintain_order=True) if name not in known]
    return Recorded(dict(newest.iter_rows()), tuple(new))


def drift_seen(project: Project, judges: Sequence[WatchedJudge]) -> list[DriftSeen]:
    """The newest drift verdict of every watched judge and collection, where there is one since it was certified."""
    rows = project.store("anchor").read("drift_verdicts").sort("epoch", "decided_at")
    found = []
    for judge in judges:
        others = set(recorded(project, judge).newest) - {judge.model_served}
        for name in sorted({*judge.standing, *judge.suspended}):
            mine = rows.filter(
                pl.col("judge_version") == judge.judge_version, pl.col("collection") == name,
                pl.col("epoch") >= judge.epoch,
            )  # fmt: skip
            for row in mine.tail(1).iter_rows(named=True):
                told = {key: row[key] for key in ("epoch", "state", "cause", "action", "suspends", "run_again")}
                found.append(DriftSeen(row["drift_id"], judge, name, **told, other_model=bool(others)))
    return found


def model_lists(project: Project, endpoints: Sequence[str]) -> tuple[dict[str, frozenset[str] | None], list[str]]:
    """Endpoint: the model ids it lists, None where it did not answer; and why not, as sentences."""
    return asyncio.run(_model_lists(project, endpoints))


async def _model_lists(
    project: Project, endpoints: Sequence[str]
) -> tuple[dict[str, frozenset[str] | None], list[str]]:
    found: dict[str, frozenset[str] | None] = dict.fromkeys(endpoints)
    notes: list[str] = []

    async def ask(endpoint: str) -> None:
        try:
            client = project.client(endpoint)
        except (SettingsError, StorageError) as error:
            notes.append(str(error))
            return
        try:
            found[endpoint] = frozenset(await asyncio.wait_for(client.models(), LIST_WITHIN_S))
        except (JudgeError, TimeoutError) as error:
            said = str(error) or f"no answer within {LIST_WITHIN_S:.0f} s"
            notes.append(f"endpoint {endpoint} gave no model list, which is no change: {said}")
        finally:
            await client.close()

    await asyncio.gather(*map(ask, (name for name in endpoints if name in project.settings.endpoints)))
    return found, notes


def input_files(project: Project, loaded_at: datetime | None) -> tuple[list[FileSeen], frozenset[str]]:
    """The seed's input files that exist, and those written since ``loaded_at``."""
    found, written = [], set()
    for table in WATCHED_FILES:
        for spec in project.input_specs(table):
            path, seen = str(spec.path), stamp(spec.path, spec.objects)
            if seen is None:
                continue
            found.append(FileSeen(path, seen.mark, partial(content_hash, path, spec.objects)))
            if loaded_at is not None and seen.written_at > loaded_at:
                written.add(path)
    return found, frozenset(written)


def unasked(project: Project) -> tuple[dict[str, int], str, int] | None:
    """Graded pairs the newest calibration and its gate have not asked about.

    Returns:
        Stage: how many; a hash of exactly these; the epoch. None where no candidate was ever chosen, or the chosen one
        left the settings.
    """
    store = project.store("gate")
    chosen = store.query("calibrate/newest_calibration").filter(pl.col("chosen"))
    if chosen.is_empty():
        return None
    member = next((m for m in project.members if m.member_hash == chosen["member_hash"][0]), None)
    if member is None:
        return None
    epoch = int(chosen["epoch"][0])
    pairs = store.query("gate/unasked_pairs", {"member_hash": member.member_hash, "epoch": epoch})
    if not member.inside:
        pairs = pairs.filter(~pl.col("customer"))
    decided = store.read("verdicts").filter(pl.col("kind") == "decision", pl.col("epoch") == epoch)
    if decided.is_empty():  # the gate has not asked about anything yet
        pairs = pairs.filter(pl.col("stage") != "gate")
    counts = {str(stage): int(count) for stage, count in pairs["stage"].value_counts().iter_rows()}
    named = hashlib.sha256(repr(pairs.select(*PAIR_KEY, "stage").rows()).encode()).hexdigest()[:16]
    return counts, named, epoch


def collections(project: Project) -> list[str]:
    """Every collection with human grades."""
    return project.store("gate").read("gold")["collection"].unique().sort().to_list()


def objections(project: Project) -> dict[str, str]:
    """Collection: why nobody may label it; empty as long as any collection with human grades may be labelled."""
    standings = current_standings(project, "gate", collections(project))
    open_ones = [name for name, standing in standings.items() if standing.open]
    return {} if open_ones else {name: " ".join(standing.reasons) for name, standing in standings.items()}


def suspend(project: Project, found: Suspend) -> None:
    """Writes the suspension of one open verdict, once."""
    store = project.store("gate")
    decision = store.read("verdicts").filter(pl.col("verdict_id") == found.verdict_id).row(0, named=True)
    newest = int(store.query("calibrate/newest_epoch")["epoch"][0])
    row = gate.suspension(decision, found.reason, newest if found.epoch is None else found.epoch, project.clock())
    store.append("verdicts", row, f"suspension:{row['verdict_id'][0]}")
