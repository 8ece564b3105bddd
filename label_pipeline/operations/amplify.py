"""Label days: find who may label, price the work, ask, and store labels before the books that count them.

Collection by collection.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import polars as pl

from label_pipeline.adapters.files import read_rows
from label_pipeline.core.catalogue import LABEL_RUNS
from label_pipeline.core.codes.inputs import CANDIDATES
from label_pipeline.core.codes.labels import ANCHOR, CANARY, CAP, GATE, MODEL, Refuser
from label_pipeline.core.codes.purposes import AMPLIFY, CALIBRATE
from label_pipeline.core.codes.purposes import GATE as PURPOSE_GATE
from label_pipeline.core.errors import BudgetError, GateClosedError, InputError, JudgeError
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Plan, refuse_over
from label_pipeline.core.judging.spent import NOTHING, Spent, spent
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.amplify_caps import Room, room
from label_pipeline.operations.anchor_reference import anchor_of
from label_pipeline.operations.baseline import Baselines, stand_baselines
from label_pipeline.operations.canary import Canary, ask_canary, canaries_of, prepare_canary
from label_pipeline.operations.drift import finish_enforcing
from label_pipeline.operations.epochs import recall_epoch
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.judging import ask_and_store, price
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending
from label_pipeline.stages import amplify, gate, seed

Refusal = tuple[Refuser, str]
"""What keeps a collection's pairs from a label, and why, a sentence."""


def load_candidates(project: Project, days: Sequence[date]) -> list[seed.AssembledCandidates]:
    """The candidate pairs of ``days`` from the user's files, each day stored by itself; rejected rows in quarantine.

    Raises:
        InputError: a file as a whole cannot be used.
    """
    store, known = project.store("amplify"), project.settings.days
    raw = [read_rows(spec) for spec in project.input_specs("candidates")]
    queries, documents = store.read("queries"), store.read("documents")
    assembled = []
    for day in days:
        found = seed.assemble_candidates(
            raw, queries, documents, day,
            pool_date=project.settings.inputs.pool_date, first_day=known.start, last_day=known.end,
        )  # fmt: skip
        store.overwrite("candidates", found.candidates, {"arrived_on": day})
        store.overwrite("quarantine", found.quarantine, {"input": CANDIDATES, "partition": day.isoformat()})
        assembled.append(found)
    return assembled


def label_days(run: Run, project: Project, days: Sequence[date]) -> pl.DataFrame:
    """Labels ``days`` and returns their LABEL_RUNS rows, stored already.

    Raises:
        BudgetError: over the cap, or there is no anchor baseline and no cap to make one.
        JudgeError: the endpoint cannot do it, or a canary says that the judge is not itself.
        GateClosedError: no open, current verdict.
        InputError: the inputs changed since a day's candidates were loaded.
    """
    with spending(project, run.log):
        finish_enforcing(project)  # a drift verdict killed before it suspended must not leave the gate open
        book_orphans(run, project)
        rows = pl.concat([label_day(run, project, day) for day in days])
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


@dataclass(frozen=True)
class _Task:
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


def label_day(run: Run, project: Project, day: date) -> pl.DataFrame:
    """Labels ``day`` and returns its LABEL_RUNS rows, stored already; what may not be done is booked as refused.

    Raises:
        InputError: the inputs changed since the day's candidates were loaded.
        JudgeError: the endpoint cannot do it.
    """
    store = project.store("amplify")
    pairs = store.query("amplify/day_pairs", {"day": day})
    gone = pairs.filter(pl.col("query").is_null() | pl.col("document").is_null()).height
    if gone:
        raise InputError(
            f"{gone} of {pairs.height} candidates of {day} have lost their query or document text since they were "
            "loaded; materialise candidate_pairs of that day again"
        )
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
        rows.append(_fulfil(run, project, task, day, stopped, left._replace(usd=left.usd - paid)))
        left = left._replace(usd=left.usd - paid - float(rows[-1]["cost_usd"][0]))
    return pl.concat(rows) if rows else LABEL_RUNS.empty()


def _too_dear(project: Project, task: _Task, left: Room, day: date) -> Refusal | None:
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
        refuse_over(price(project, begun) + canary, left.usd, f"amplify {day}")
    except BudgetError as error:
        whole = f"; all {task.plan.requests} requests of {task.work.collection} cost about ${task.plan.cost_usd:.4f}"
        return CAP, f"amplify: the first query of the plan does not fit {left.key}: {error}{whole}"
    return None


def _tasks(project: Project, run_id: str, pairs: pl.DataFrame, collections: Sequence[str]) -> list[_Task]:
    standings = current_standings(project, "amplify", collections)
    return [_task(project, run_id, pairs.filter(pl.col("collection") == name), standings[name]) for name in collections]


def _task(project: Project, run_id: str, pairs: pl.DataFrame, standing: gate.Standing) -> _Task:
    if not standing.open:
        return _Task(amplify.sort_out(pairs, pairs.clear(), standing, inside=False))
    judge, certified_in = project.judge(str(standing.judge_version))
    try:
        member = project.member_of(judge)
    except GateClosedError as error:  # this collection is refused, the others go on
        gone = replace(standing, state="stale", reasons=(str(error),))
        return _Task(amplify.sort_out(pairs, pairs.clear(), gone, inside=False))
    labelled = project.store("amplify").query("amplify/labelled_pairs", {"judge_version": judge.judge_version})
    work = amplify.sort_out(pairs, labelled, standing, inside=member.inside)
    epoch = max(certified_in, recall_epoch(project, work.collection))
    order = JudgingOrder(member, work.ask, "amplify", epoch, served=judge.model_served)
    planned = price(project, order)
    first = prepare_canary(project, run_id, work.collection, judge.judge_version) if planned.requests else None
    return _Task(work, pairs.select(*PAIR_KEY, *amplify.FACTS), judge, certified_in, order, planned, first)


def _canary(run: Run, project: Project, task: _Task, left_usd: float) -> tuple[Refusal | None, float]:
    """Why the collection must not be labelled now (None: it may), and what finding out cost."""
    why, paid = ask_canary(run, project, task.canary, left_usd) if task.canary else (None, 0.0)
    return (None if why is None else (CANARY, why)), paid


def _fulfil(run: Run, project: Project, task: _Task, day: date, refusal: Refusal | None, left: Room) -> pl.DataFrame:
    """Asks, stores and books one collection; every pair ends up in exactly one column of the books.

    Raises:
        ServedModelError: another model answered; what it cost is booked.
    """
    work, started = task.work, project.clock()
    if task.judge is None or task.order is None or refusal is not None:
        barred_by = refusal if work.standing.open else (GATE, amplify.reasons([work.standing]))
        return _store_books(run, project, work, None, NOTHING, day, barred_by)
    order = replace(task.order, cap_usd=left.usd, whole_queries=True)
    judging = ask_and_store(run, project, order, part=f"{day}:{work.collection}")
    cost = _cost(project, started, judging)
    if judging.outcome == "other_model":
        _store_books(run, project, work, None, cost, day, (MODEL, judging.sentence))
        judging.refuse_other_model()
    over: Refusal | None = None
    if judging.outcome == "cap":
        labelled = amplify.books(work, judging).labelled
        over = (
            CAP,
            f"amplify: amplify {day}: stopped at the cap with {labelled} of {work.pairs_in} pairs of "
            f"{work.collection} labelled; raise {left.key} and run again: what was answered is kept",
        )
    labels = amplify.labels(
        work, judging, task.judge, task.facts, _seed_covered(project, task.judge, task.calibrated_in, work.collection),
        anchored=not anchor_of(project, work.collection, task.judge.judge_version).missing, day=day, run_id=run.run_id,
        now=project.clock(),
    )  # fmt: skip
    project.store("amplify").append("labels", labels, f"labels:{run.run_id}:{day}:{work.collection}")
    return _store_books(run, project, work, judging, cost, day, over)


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


def _store_books(
    run: Run,
    project: Project,
    work: amplify.Work,
    judging: Judging | None,
    cost: Spent,
    day: date,
    barred_by: Refusal | None,
) -> pl.DataFrame:
    refused_by, why = barred_by or (None, None)
    row = amplify.run_row(
        work, judging, cost, day=day, run_id=run.run_id, refused_by=refused_by, reason=why, now=project.clock()
    )
    project.store("amplify").append("label_runs", row, f"run:{run.run_id}:{day}:{work.collection}")
    return row


def book_orphans(run: Run, project: Project) -> None:
    """Writes the books of runs that were killed before they could. Call it while holding the spending lock."""
    store, asked = project.store("amplify"), {"judgements": {"purpose": AMPLIFY}}
    for row in store.query("amplify/unbooked_runs", where=asked).iter_rows(named=True):
        name = f"{row['run_id']}:{row['day']}:{row['collection']}"
        run.log.warning(f"booking run {name}, which ended between what it paid for and its books")
        store.append("label_runs", amplify.orphan_row(row), f"orphan:{name}")
