"""Label days: find who may label, price the work, ask, and store labels before the books that count them.

Collection by collection.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import NamedTuple

import polars as pl

from label_pipeline.core.catalogue import LABEL_RUNS
from label_pipeline.core.codes.labels import ANCHOR, CANARY, CAP
from label_pipeline.core.errors import BudgetError, GateClosedError, JudgeError, WaitingError
from label_pipeline.core.judging.plan import Plan, at_most, refuse_over
from label_pipeline.operations.amplify_batch import goes_by_batch, send_day
from label_pipeline.operations.amplify_caps import Room, room
from label_pipeline.operations.amplify_chunks import Begun, Refusal, Task, book_closed, fulfil, no_longer_open
from label_pipeline.operations.amplify_finished import finished_days
from label_pipeline.operations.amplify_stream import Chunk, DayStream, Slice, slices_of
from label_pipeline.operations.baseline import stand_baselines
from label_pipeline.operations.batches import collect_ready
from label_pipeline.operations.canary import Canary, ask_canary, canaries_of, prepare_canary
from label_pipeline.operations.drift import finish_enforcing
from label_pipeline.operations.epochs import recall_epoch
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.judging import price
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending
from label_pipeline.stages import amplify
from label_pipeline.stages.gate import Standing

PRICED_PAIRS = 200
"""Pairs by which a day is priced, for people: the whole of it is not read to say that its first query is too dear."""


def label_days(run: Run, project: Project, days: Sequence[date]) -> pl.DataFrame:
    """Labels ``days`` and returns their LABEL_RUNS rows, stored already.

    Raises:
        BudgetError: over the cap, or there is no anchor baseline and no cap to make one.
        JudgeError: the endpoint cannot do it, or a canary says that the judge is not itself.
        GateClosedError: no open, current verdict.
        WaitingError: some of it was sent by batch and has not been answered; whatever else there was is labelled.
    """
    with spending(project, run.log):
        finish_enforcing(project)  # a drift verdict killed before it suspended must not leave the gate open
        ready = collect_ready(run, project)
        done = finished_days(run, project, days)
        left = [day for day in days if day not in set(done["day"])]
        made = [label_day(run, project, day, ready.refused) for day in left]
        rows = pl.concat([done, *(one.rows for one in made)])
        waits = [why for one in made for why in one.waits]
        _refuse_unlabelled(project, rows, run.run_id, [*waits, *ready.troubles] if waits else waits)
    return rows


def _refuse_unlabelled(project: Project, rows: pl.DataFrame, run_id: str, waits: Sequence[str]) -> None:
    """Fails the run where a cap, a canary, the gate or a batch kept it from labelling; its books are stored already.

    Raises:
        BudgetError: over the cap, or there is no anchor baseline and no cap to make one.
        JudgeError: a canary says that the judge is not itself.
        GateClosedError: no open, current verdict.
        WaitingError: some of it was sent by batch and has not been answered.
    """
    over = rows.filter(pl.col("refused_by") == CAP)
    if not over.is_empty():
        raise BudgetError(str(over["reason"][0]))
    stopped = canaries_of(project, run_id).drop_nulls("reason")
    if not stopped.is_empty():
        raise JudgeError(" ".join(f"[{name}] {why}" for name, why in stopped["collection", "reason"].rows()))
    by_batch = rows.filter(pl.col("refused_by") == CANARY)  # that canary is of a run of its own
    if not by_batch.is_empty():
        raise JudgeError(f"[{by_batch['collection'][0]}] {by_batch['reason'][0]}")
    unanchored = rows.filter(pl.col("refused_by") == ANCHOR)
    if not unanchored.is_empty():
        raise BudgetError(str(unanchored["reason"][0]))
    if waits:
        raise WaitingError(
            f"{'; '.join(waits)}: run again later (`label-pipeline run --from amplify`), which collects what is ready; "
            "nothing else is needed meanwhile"
        )
    if rows.height and rows["judge_version"].null_count() == rows.height:
        raise GateClosedError(f"no open, current verdict, so nothing was sent: {rows['reason'][0]}")
    if rows.is_empty():  # a day without candidates must not look like a day that may be labelled
        amplify.refuse_all_closed(current_standings(project, "amplify", project.collections()))


class Made(NamedTuple):
    """One day: its LABEL_RUNS rows, stored already, and what collections without one wait for."""

    rows: pl.DataFrame
    waits: list[str]


def label_day(run: Run, project: Project, day: date, refused: frozenset[str]) -> Made:
    """Labels ``day``; what may not be done is booked as refused, and what waits for a batch is not booked yet.

    ``refused`` are keys of requests whose text a batch was refused: they are asked online.

    Raises:
        JudgeError: the endpoint cannot do it.
    """
    left, rows, waits = room(project), [], list[str]()
    for collection, slices in slices_of(project, day).items():
        pairs = sum(one.pairs for one in slices)
        found = _task(project, day, collection, slices)
        if isinstance(found, Standing):
            rows.append(book_closed(run, project, found, day, pairs))
            continue
        begin = partial(_begin, run, project)
        sent = send_day(run, project, found, begin, left, refused)
        left = left._replace(usd=left.usd - sent.usd)
        if sent.waits is not None:
            run.log.info(sent.waits)
            waits.append(sent.waits)
            continue
        if (refusal := sent.refusal) is not None:
            begin = partial(_refusing, refusal)
        made, cost_usd = fulfil(run, project, found, begin, left, afresh=goes_by_batch(project, found))
        left = left._replace(usd=left.usd - cost_usd)
        rows.append(made)
    if not rows and not waits:  # looked at and empty, which is no missed night
        empty = amplify.empty_row(day, run.run_id, project.clock())
        project.store("amplify").append("label_runs", empty, f"run:{run.run_id}:{day}:empty")
    return Made(pl.concat(rows) if rows else LABEL_RUNS.empty(), waits)


def _refusing(refusal: Refusal, task: Task, chunk: Chunk, left: Room) -> Begun:
    return Begun(refusal)


def _task(project: Project, day: date, collection: str, slices: list[Slice]) -> Task | Standing:
    """One collection's day and who labels it; why nobody may."""
    standing = current_standings(project, "amplify", [collection])[collection]
    if not standing.open:
        return standing
    judge, certified_in = project.judge(str(standing.judge_version))
    try:
        member = project.member_of(judge)
    except GateClosedError as error:  # this collection is refused, the others go on
        return replace(standing, state="stale", reasons=(str(error),))
    epoch = max(certified_in, recall_epoch(project, collection))
    return Task(DayStream(project, day, standing, member.inside, slices), judge, member, certified_in, epoch)


def _begin(run: Run, project: Project, task: Task, chunk: Chunk, left: Room) -> Begun:
    """What a label waits for: that its first query can be paid, a baseline, and a canary that says the judge is itself.

    Raises:
        JudgeError: the endpoint cannot do it.
    """
    canary = prepare_canary(project, run.run_id, task.collection, task.judge.judge_version)
    if (dear := _too_dear(project, task, chunk, canary, left)) is not None:
        return Begun(dear)  # where the cap allows no query at all, nothing is paid for a baseline either
    decided, without = stand_baselines(run, project, [task.collection])
    if (why := without.get(task.collection)) is not None:
        return Begun((ANCHOR, why))
    if decided:  # the judge may not be the one that was certified; and its canary has a baseline now
        if (gone := no_longer_open(project, task)) is not None:
            return Begun(gone)
        canary = prepare_canary(project, run.run_id, task.collection, task.judge.judge_version)
    why, paid_usd = ask_canary(run, project, canary, left.usd) if canary else (None, 0.0)
    return Begun(None if why is None else (CANARY, why), paid_usd)


def _too_dear(project: Project, task: Task, chunk: Chunk, canary: Canary | None, left: Room) -> Refusal | None:
    """Why not even the first query, and the canary before it, can be paid; None where labelling can begin."""
    first, member = chunk.work.ask[0], task.member
    begun = [pair for pair in chunk.work.ask if (pair.task, pair.query_id) == (first.task, first.query_id)]
    planned = at_most(price(project, task.order(begun), at_most=True), member) + (canary.plan if canary else Plan())
    try:
        refuse_over(planned, left.usd, f"amplify {task.stream.day}")
    except BudgetError as error:
        few = chunk.work.ask[:PRICED_PAIRS]
        each_usd = price(project, task.order(few)).cost_usd / len(few)
        whole = f"; the {task.stream.pairs} pairs of {task.collection} cost about ${each_usd * task.stream.pairs:.4f}"
        return CAP, f"amplify: the first query of the plan does not fit {left.key}: {error}{whole}"
    return None
