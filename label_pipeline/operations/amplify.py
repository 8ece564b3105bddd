"""Label days: find who may label, price the work, ask, and store labels before the books that count them.

Collection by collection.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import polars as pl

from label_pipeline.core.catalogue import LABEL_RUNS
from label_pipeline.core.codes.labels import ANCHOR, CANARY, CAP
from label_pipeline.core.errors import BudgetError, GateClosedError, JudgeError
from label_pipeline.core.judging.plan import Plan, at_most, refuse_over
from label_pipeline.operations.amplify_caps import Room, room
from label_pipeline.operations.amplify_chunks import Begun, Refusal, Task, book_closed, fulfil, no_longer_open
from label_pipeline.operations.amplify_finished import finished_days
from label_pipeline.operations.amplify_stream import Chunk, DayStream, Slice, slices_of
from label_pipeline.operations.baseline import stand_baselines
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
    """
    with spending(project, run.log):
        finish_enforcing(project)  # a drift verdict killed before it suspended must not leave the gate open
        done = finished_days(run, project, days)
        left = [day for day in days if day not in set(done["day"])]
        rows = pl.concat([done, *(label_day(run, project, day) for day in left)])
        _refuse_unlabelled(project, rows, run.run_id)
    return rows


def _refuse_unlabelled(project: Project, rows: pl.DataFrame, run_id: str) -> None:
    """Fails the run where a cap, a canary or the gate kept it from labelling; its books are stored already.

    Raises:
        BudgetError: over the cap, or there is no anchor baseline and no cap to make one.
        JudgeError: a canary says that the judge is not itself.
        GateClosedError: no open, current verdict.
    """
    over = rows.filter(pl.col("refused_by") == CAP)
    if not over.is_empty():
        raise BudgetError(str(over["reason"][0]))
    stopped = canaries_of(project, run_id).drop_nulls("reason")
    if not stopped.is_empty():
        raise JudgeError(" ".join(f"[{name}] {why}" for name, why in stopped["collection", "reason"].rows()))
    unanchored = rows.filter(pl.col("refused_by") == ANCHOR)
    if not unanchored.is_empty():
        raise BudgetError(str(unanchored["reason"][0]))
    if rows.height and rows["judge_version"].null_count() == rows.height:
        raise GateClosedError(f"no open, current verdict, so nothing was sent: {rows['reason'][0]}")
    if rows.is_empty():  # a day without candidates must not look like a day that may be labelled
        amplify.refuse_all_closed(current_standings(project, "amplify", project.collections()))


def label_day(run: Run, project: Project, day: date) -> pl.DataFrame:
    """Labels ``day`` and returns its LABEL_RUNS rows, stored already; what may not be done is booked as refused.

    Raises:
        JudgeError: the endpoint cannot do it.
    """
    left, rows = room(project), []
    for collection, slices in slices_of(project, day).items():
        pairs = sum(one.pairs for one in slices)
        found = _task(project, day, collection, slices)
        if isinstance(found, Standing):
            rows.append(book_closed(run, project, found, day, pairs))
            continue
        made, cost_usd = fulfil(run, project, found, partial(_begin, run, project), left)
        left = left._replace(usd=left.usd - cost_usd)
        rows.append(made)
    if not rows:  # looked at and empty, which is no missed night
        empty = amplify.empty_row(day, run.run_id, project.clock())
        project.store("amplify").append("label_runs", empty, f"run:{run.run_id}:{day}:empty")
    return pl.concat(rows) if rows else LABEL_RUNS.empty()


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
