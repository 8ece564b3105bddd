"""Label days: find who may label, price the work, ask, and store labels before the books that count them.

Collection by collection.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from label_pipeline.adapters.store import keys_mark
from label_pipeline.adapters.where import Where
from label_pipeline.core.catalogue import LABEL_RUNS
from label_pipeline.core.codes.labels import ANCHOR, CANARY, CAP
from label_pipeline.core.errors import BudgetError, GateClosedError, JudgeError
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Plan, at_most, refuse_over
from label_pipeline.core.judging.spent import NOTHING
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.amplify_caps import Room, room
from label_pipeline.operations.amplify_chunks import Refusal, Task, fulfil
from label_pipeline.operations.baseline import Baselines, stand_baselines
from label_pipeline.operations.canary import ask_canary, canaries_of, prepare_canary
from label_pipeline.operations.drift import finish_enforcing
from label_pipeline.operations.epochs import recall_epoch
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.judging import price
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending
from label_pipeline.stages import amplify, gate


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
    store = project.store("amplify")
    pairs = store.query("amplify/day_pairs", {"day": day}, {"candidates": {"arrived_on": day}})
    collections = pairs["collection"].unique().sort().to_list()
    tasks, allowed = _tasks(project, run.run_id, pairs, collections), room(project)
    waiting = [
        task.work.collection for task in tasks if task.plan.requests and not _too_dear(project, task, allowed, day)
    ]
    # where the cap allows no query at all, nothing is paid for a baseline either
    decided, without_baseline = stand_baselines(run, project, waiting) if waiting else Baselines(False, {})
    if decided:  # the judge of one may not be the one that was certified; and its canary has a baseline now
        tasks = _tasks(project, run.run_id, pairs, collections)
    rows, left = [], allowed
    for task in tasks:
        without = without_baseline.get(task.work.collection)
        stopped: Refusal | None = None if without is None else (ANCHOR, without)
        stopped = stopped or _too_dear(project, task, left, day)
        paid = 0.0
        if stopped is None:
            stopped, paid = _canary(run, project, task, left.usd)
        rows.append(fulfil(run, project, task, day, stopped, left._replace(usd=left.usd - paid)))
        left = left._replace(usd=left.usd - paid - float(rows[-1]["cost_usd"].sum()))
    if not rows:  # looked at and empty, which is no missed night
        store.append("label_runs", amplify.empty_row(day, run.run_id, project.clock()), f"run:{run.run_id}:{day}:empty")
    return pl.concat(rows) if rows else LABEL_RUNS.empty()


def finished_days(run: Run, project: Project, days: Sequence[date]) -> pl.DataFrame:
    """The LABEL_RUNS rows, stored already, of days whose every pair its present judge has labelled: all at once.

    A year of days must not be looked at one by one to find that nothing is left to do.
    """
    store = project.store("amplify")
    pairs = store.read("candidates", [*PAIR_KEY, "arrived_on"], {"arrived_on": list(days)})
    counts = []
    for name, standing in current_standings(project, "amplify", sorted(set(pairs["collection"]))).items():
        mine = pairs.filter(pl.col("collection") == name)
        found = _labelled(project, standing, mine)
        left = mine.join(found, on=list(PAIR_KEY), how="anti", nulls_equal=True)
        of_day = mine.group_by("arrived_on").agg(pl.len().alias("pairs"))
        unfinished = pl.col("arrived_on").is_in(left["arrived_on"].unique().to_list())
        counts.append(of_day.with_columns(unfinished.alias("unfinished"), pl.lit(name).alias("collection")))
    if not counts:
        return LABEL_RUNS.empty()
    known = pl.concat(counts)
    waiting = known.filter("unfinished")["arrived_on"].unique().to_list()
    done = known.filter(~pl.col("arrived_on").is_in(waiting)).sort("arrived_on", "collection")
    standings = current_standings(project, "amplify", done["collection"].unique().to_list())
    rows = [
        amplify.run_row(
            amplify.Work(name, standings[name], (), count, 0, 0), None, NOTHING, day=day, run_id=run.run_id,
            refused_by=None, reason=None, now=project.clock(),
        )
        for day, name, count in done.select("arrived_on", "collection", "pairs").iter_rows()
    ]  # fmt: skip
    if not rows:
        return LABEL_RUNS.empty()
    found = pl.concat(rows)
    store.append("label_runs", found, f"run:{run.run_id}:finished:{keys_mark(found, LABEL_RUNS.key)}")
    return found


def _labelled(project: Project, standing: gate.Standing, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pair keys with a label of whoever may label; none where nobody may, or the judge's settings have changed."""
    if not standing.open:
        return pairs.clear().select(PAIR_KEY)
    judge, _ = project.judge(str(standing.judge_version))
    try:
        project.member_of(judge)
    except GateClosedError:  # the day refuses it, and says why
        return pairs.clear().select(PAIR_KEY)
    mine: Where = {"judge_version": judge.judge_version, "query_id": pairs["query_id"].unique().to_list()}
    asked = {"judge_version": judge.judge_version}
    return project.store("amplify").query("amplify/labelled_pairs", asked, {"labels": mine})


def _too_dear(project: Project, task: Task, left: Room, day: date) -> Refusal | None:
    """Why not even the first query, and the canary before it, can be paid; None where labelling can begin."""
    if task.order is None or not task.plan.requests:
        return None
    first = task.order.pairs[0]
    begun = replace(
        task.order,
        pairs=[pair for pair in task.order.pairs if (pair.task, pair.query_id) == (first.task, first.query_id)],
    )
    canary = task.canary.plan if task.canary else Plan()
    try:
        refuse_over(at_most(price(project, begun, at_most=True), begun.member) + canary, left.usd, f"amplify {day}")
    except BudgetError as error:
        whole = f"; all {task.plan.requests} requests of {task.work.collection} cost about ${task.plan.cost_usd:.4f}"
        return CAP, f"amplify: the first query of the plan does not fit {left.key}: {error}{whole}"
    return None


def _tasks(project: Project, run_id: str, pairs: pl.DataFrame, collections: Sequence[str]) -> list[Task]:
    standings = current_standings(project, "amplify", collections)
    return [_task(project, run_id, pairs.filter(pl.col("collection") == name), standings[name]) for name in collections]


def _task(project: Project, run_id: str, pairs: pl.DataFrame, standing: gate.Standing) -> Task:
    if not standing.open:
        return Task(amplify.sort_out(pairs, pairs.clear(), standing, inside=False))
    judge, certified_in = project.judge(str(standing.judge_version))
    try:
        member = project.member_of(judge)
    except GateClosedError as error:  # this collection is refused, the others go on
        gone = replace(standing, state="stale", reasons=(str(error),))
        return Task(amplify.sort_out(pairs, pairs.clear(), gone, inside=False))
    labelled = _labelled(project, standing, pairs)
    work = amplify.sort_out(pairs, labelled, standing, inside=member.inside)
    epoch = max(certified_in, recall_epoch(project, work.collection))
    order = JudgingOrder(member, work.ask, "amplify", epoch, served=judge.model_served)
    planned = price(project, order)
    first = prepare_canary(project, run_id, work.collection, judge.judge_version) if planned.requests else None
    return Task(work, pairs.select(*PAIR_KEY, *amplify.FACTS), judge, certified_in, order, planned, first)


def _canary(run: Run, project: Project, task: Task, left_usd: float) -> tuple[Refusal | None, float]:
    """Why the collection must not be labelled now (None: it may), and what finding out cost."""
    why, paid = ask_canary(run, project, task.canary, left_usd) if task.canary else (None, 0.0)
    return (None if why is None else (CANARY, why)), paid


def nights_missed(project: Project, until: date) -> list[date]:
    """The project's days before ``until`` that nobody labelled or refused, as far back as `amplify.catch_up_nights`."""
    store, days = project.store("amplify"), project.settings.days
    booked = store.read("label_runs", ["day"])["day"].unique().to_list()
    unfinished = store.query("amplify/unfinished_days")["day"].unique().to_list()
    found = amplify.missed_nights(booked, unfinished, until, project.settings.amplify.catch_up_nights)
    return [day for day in found if day >= days.start and (days.end is None or day <= days.end)]
