"""Carry out one collection's work of a day in chunks: ask, store labels, book them; then look at the verdict again.

A chunk is so many pairs of whole queries under one name, the hash of its pairs. Its judgements, labels and books are
appended in that order, each once, so that a run that ends for whatever reason leaves every finished chunk labelled and
booked. Keep out: which collections and days, and what they may cost (amplify.py, amplify_caps.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from label_pipeline.core.codes.labels import CAP, GATE, MODEL, TEXT, Refuser
from label_pipeline.core.codes.purposes import CALIBRATE
from label_pipeline.core.codes.purposes import GATE as PURPOSE_GATE
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Plan
from label_pipeline.core.judging.spent import NOTHING, Spent, spent
from label_pipeline.operations.amplify_caps import Room
from label_pipeline.operations.anchor_reference import anchor_of
from label_pipeline.operations.canary import Canary
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.judging import ask_and_store
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.stages import amplify

Refusal = tuple[Refuser, str]
"""What keeps a collection's pairs from a label, and why, a sentence."""


@dataclass(frozen=True)
class Task:
    """One collection's work of a day, and who does it; no judge and no order where nobody may."""

    work: amplify.Work
    facts: pl.DataFrame = field(default_factory=pl.DataFrame)
    judge: JudgeVersion | None = None
    calibrated_in: int = 0
    order: JudgingOrder | None = None
    plan: Plan = field(default_factory=Plan)
    canary: Canary | None = None

    @property
    def whole_plan(self) -> Plan:
        """What the day sends for this collection, its canary included."""
        return self.plan + (self.canary.plan if self.canary else Plan())


class _About(NamedTuple):
    """What labels of one judge and collection say beside the grade: read once, not once a chunk."""

    seed: pl.DataFrame
    anchored: bool


def _about(project: Project, task: Task, judge: JudgeVersion) -> _About:
    collection = task.work.collection
    anchored = not anchor_of(project, collection, judge.judge_version).missing
    return _About(_seed_covered(project, judge, task.calibrated_in, collection), anchored)


def fulfil(run: Run, project: Project, task: Task, day: date, refusal: Refusal | None, left: Room) -> pl.DataFrame:
    """The LABEL_RUNS rows of one collection's work, stored already; every pair ends up in exactly one column of one.

    Raises:
        ServedModelError: another model answered; what the judge itself had answered is labelled, and all is booked.
    """
    if task.judge is None or task.order is None or refusal is not None:
        barred_by = refusal if task.work.standing.open else (GATE, amplify.reasons([task.work.standing]))
        return _book(run, project, task.work, None, NOTHING, day, barred_by)
    about = _about(project, task, task.judge)
    waiting = amplify.chunked(task.work, project.settings.amplify.chunk_pairs)
    rows: list[pl.DataFrame] = []
    ended: Judging | None = None
    while waiting:
        if rows and (gone := _no_longer_open(project, task)) is not None:
            run.log.warning(f"{task.work.collection}: {gone[1]}; the rest of {day} is not asked")
            rows.append(_rest(run, project, waiting, day, gone))
            break
        chunk = waiting.pop(0)
        labelled = sum(int(row["labelled"][0]) for row in rows)
        asked = len(task.work.ask) - sum(len(one.ask) for one in (chunk, *waiting))
        row, ended, stopped = _label(run, project, task, chunk, day, left, labelled, asked, about)
        rows.append(row)
        left = left._replace(usd=left.usd - float(row["cost_usd"][0]) - ended.lost_usd)
        if stopped is not None:
            if waiting:
                rows.append(_rest(run, project, waiting, day, stopped))
            break
    if ended is not None:
        ended.refuse_other_model()
    return pl.concat(rows)


def _label(
    run: Run,
    project: Project,
    task: Task,
    chunk: amplify.Work,
    day: date,
    left: Room,
    labelled: int,
    asked: int,
    about: _About,
) -> tuple[pl.DataFrame, Judging, Refusal | None]:
    """One chunk asked, labelled and booked: its LABEL_RUNS row, what came of asking, and why no other may follow.

    ``labelled`` and ``asked`` pairs of this work are done with already.
    """
    assert task.judge is not None  # fulfil looked
    assert task.order is not None
    started, collection = project.clock(), chunk.collection
    order = replace(task.order, pairs=chunk.ask, cap_usd=left.usd, whole_queries=True, day=day)
    part = f"{day}:{collection}:{amplify.name_of(chunk)}"
    judging = ask_and_store(run, project, order, part=part, before=asked, of=len(task.work.ask))
    cost = _cost(project, started, judging)
    stopped: Refusal | None = None
    if judging.outcome == "other_model":
        judging, stopped = amplify.answered_in_full(judging, task.order.member.votes), (MODEL, judging.sentence)
    elif judging.outcome == "cap":
        labelled += amplify.books(chunk, judging).labelled
        stopped = (
            CAP,
            f"amplify: amplify {day}: stopped at the cap with {labelled} of {task.work.pairs_in} pairs of {collection} "
            f"labelled; raise {left.key} and run again: what was answered is kept",
        )
    labels = amplify.labels(
        chunk, judging, task.judge, task.facts, about.seed, anchored=about.anchored, day=day, run_id=run.run_id,
        now=project.clock(),
    )  # fmt: skip
    if not labels.is_empty():
        project.store("amplify").append("labels", labels, f"labels:{run.run_id}:{part}")
    return _book(run, project, chunk, judging, cost, day, stopped), judging, stopped


def _no_longer_open(project: Project, task: Task) -> Refusal | None:
    """Why the judge may label no more: its verdict was suspended, or ended, since the last chunk."""
    collection = task.work.collection
    standing = current_standings(project, "amplify", [collection])[collection]
    if standing.open and standing.judge_version == task.work.standing.judge_version:
        return None
    why = amplify.reasons([standing]) or f"[{collection}] another judge has the open verdict now"
    return GATE, why


def _rest(run: Run, project: Project, waiting: Sequence[amplify.Work], day: date, why: Refusal) -> pl.DataFrame:
    """The books of the chunks that are not asked any more, as one row."""
    rest = amplify.only(waiting[0], [pair for chunk in waiting for pair in chunk.ask])
    return _book(run, project, rest, None, NOTHING, day, why)


def _seed_covered(project: Project, judge: JudgeVersion, epoch: int, collection: str) -> pl.DataFrame:
    """What the human seed of ``collection`` covered, in the judge's own grades."""
    asked: dict[str, str | int] = {"member_hash": judge.member_hash, "epoch": epoch}
    # a year of labels is in the same table
    asked_then = {"judgements": {**asked, "purpose": [CALIBRATE, PURPOSE_GATE], "collection": collection}}
    found = project.store("amplify").query("amplify/seed_covered", asked, asked_then)
    return found.filter(pl.col("collection") == collection)


def _cost(project: Project, started: datetime, judging: Judging) -> Spent:
    """What asking cost, also where another model answered half-way."""
    rows = judging.judgements
    return spent(rows, rows.clear(), judging.requests, (project.clock() - started).total_seconds())


def _book(
    run: Run, project: Project, work: amplify.Work, judging: Judging | None, cost: Spent, day: date,
    barred_by: Refusal | None,
) -> pl.DataFrame:  # fmt: skip
    if barred_by is None and work.lost:
        lost = (
            f"{work.lost} candidates of {day} have lost their query or document text since they were loaded; "
            "materialise candidate_pairs of that day again"
        )
        run.log.warning(f"{work.collection}: {lost}")
        barred_by = TEXT, lost
    refused_by, why = barred_by or (None, None)
    row = amplify.run_row(
        work, judging, cost, day=day, run_id=run.run_id, refused_by=refused_by, reason=why, now=project.clock()
    )
    named = f"run:{run.run_id}:{day}:{work.collection}:{amplify.name_of(work)}"
    project.store("amplify").append("label_runs", row, named)
    return row
