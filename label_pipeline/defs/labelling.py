"""Label one day: find who may label, price the work, ask, and store labels before the books that count them.

The steps of `amplified_labels`, collection by collection. Keep out: every rule (stages/amplify, stages/gate).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime

import dagster as dg
import polars as pl

from label_pipeline.core.catalogue import LABEL_RUNS
from label_pipeline.core.codes.labels import CANARY, CAP, GATE, MODEL, Refuser
from label_pipeline.core.codes.purposes import AMPLIFY
from label_pipeline.core.errors import BudgetError, GateClosedError, InputError, ServedModelError
from label_pipeline.core.judge import JudgeVersion, judge_from_row
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.plan import Plan, refuse_over
from label_pipeline.core.judging.spent import NOTHING, Spent, spent
from label_pipeline.defs.asking import ask_and_store, price
from label_pipeline.defs.canary import Canary, ask_canary, prepare_canary
from label_pipeline.defs.epochs import recall_epoch
from label_pipeline.defs.project import Project
from label_pipeline.defs.standing import current_standings
from label_pipeline.stages import amplify, gate

Refusal = tuple[Refuser, str]
"""What keeps a collection's pairs from a label, and why, a sentence."""


@dataclass(frozen=True)
class _Order:
    """One collection's work of a day, and who does it; no member where nobody may."""

    work: amplify.Work
    judge: JudgeVersion | None
    member: Member | None
    epoch: int
    plan: Plan
    canary: Canary | None = None

    @property
    def whole_plan(self) -> Plan:
        """What the day sends for this collection, its canary included."""
        return self.plan + (self.canary.plan if self.canary else Plan())


def label_day(context: dg.AssetExecutionContext, project: Project, day: date) -> pl.DataFrame:
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
    standings = current_standings(project, "amplify", collections)
    run_id = context.run.run_id
    orders = [
        _order(project, run_id, pairs.filter(pl.col("collection") == name), standings[name]) for name in collections
    ]
    try:
        refuse_over(
            sum((order.whole_plan for order in orders), Plan()), project.settings.amplify.cap_usd, f"amplify {day}"
        )
        refusal: Refusal | None = None
    except BudgetError as error:
        refusal = CAP, f"amplify: {error}"
    rows, left = [], project.settings.amplify.cap_usd
    for order in orders:
        stopped, paid = (None, 0.0) if refusal else _canary(context, project, order, left)
        rows.append(_fulfil(context, project, order, day, refusal or stopped, left - paid))
        left -= paid + float(rows[-1]["cost_usd"][0])
    return pl.concat(rows) if rows else LABEL_RUNS.empty()


def _order(project: Project, run_id: str, pairs: pl.DataFrame, standing: gate.Standing) -> _Order:
    store = project.store("amplify")
    if not standing.open:
        work = amplify.sort_out(pairs, pairs.clear(), standing, inside=False)
        return _Order(work, None, None, 0, Plan())
    row = store.query("calibrate/judge_by_version", {"judge_version": standing.judge_version}).row(0, named=True)
    judge = judge_from_row(row)
    try:
        member = project.member_of(judge)
    except GateClosedError as error:  # this collection is refused, the others go on
        gone = replace(standing, state="stale", reasons=(str(error),))
        return _Order(amplify.sort_out(pairs, pairs.clear(), gone, inside=False), None, None, 0, Plan())
    labelled = store.query("amplify/labelled_pairs", {"judge_version": judge.judge_version})
    work = amplify.sort_out(pairs, labelled, standing, inside=member.inside)
    epoch = max(int(row["epoch"]), recall_epoch(project, work.collection))
    planned = price(project, member, work.ask, epoch=epoch, purpose="amplify", served=judge.model_served)
    first = prepare_canary(project, run_id, work.collection, judge.judge_version) if planned.requests else None
    return _Order(work, judge, member, epoch, planned, first)


def _canary(
    context: dg.AssetExecutionContext, project: Project, order: _Order, left_usd: float
) -> tuple[Refusal | None, float]:
    """Why the collection must not be labelled now (None: it may), and what finding out cost."""
    why, paid = ask_canary(context, project, order.canary, left_usd) if order.canary else (None, 0.0)
    return (None if why is None else (CANARY, why)), paid


def _fulfil(
    context: dg.AssetExecutionContext,
    project: Project,
    order: _Order,
    day: date,
    refusal: Refusal | None,
    left_usd: float,
) -> pl.DataFrame:
    """Asks, stores and books one collection; every pair ends up in exactly one column of the books."""
    store, work = project.store("amplify"), order.work
    started = project.clock()
    judging: Judging | None = None
    refused = refusal if work.standing.open else (GATE, amplify.reasons([work.standing]))
    if order.judge and order.member and refusal is None:
        refused = None
        try:
            judging = ask_and_store(
                context, project, order.member, work.ask, purpose="amplify", epoch=order.epoch,
                cap_usd=left_usd, served=order.judge.model_served, part=f"{day}:{work.collection}",
            )  # fmt: skip
        except ServedModelError as error:
            _store_books(context, project, work, None, _cost(project, started, error), day, (MODEL, str(error)))
            raise
        if judging.stopped:
            why = f"amplify: stopped at the cap of ${project.settings.amplify.cap_usd:.2f}; raise it and run again"
            refused = CAP, why
        commit = f"{context.run.run_id}:{day}:{work.collection}"
        labels = amplify.labels(work, judging, order.judge, day=day, run_id=context.run.run_id, now=project.clock())
        store.append("labels", labels, f"labels:{commit}")
    return _store_books(context, project, work, judging, _cost(project, started, judging), day, refused)


def _cost(project: Project, started: datetime, asked: Judging | ServedModelError | None) -> Spent:
    """What asking cost, also where another model answered half-way."""
    if asked is None or asked.judgements is None:
        return NOTHING
    rows = asked.judgements
    return spent(rows, rows.clear(), asked.requests, (project.clock() - started).total_seconds())


def _store_books(
    context: dg.AssetExecutionContext,
    project: Project,
    work: amplify.Work,
    judging: Judging | None,
    cost: Spent,
    day: date,
    refused: Refusal | None,
) -> pl.DataFrame:
    run_id, (refused_by, why) = context.run.run_id, refused or (None, None)
    row = amplify.run_row(
        work, judging, cost, day=day, run_id=run_id, refused_by=refused_by, reason=why, now=project.clock()
    )
    project.store("amplify").append("label_runs", row, f"run:{run_id}:{day}:{work.collection}")
    return row


def book_orphans(context: dg.AssetExecutionContext, project: Project) -> None:
    """Writes the books of runs that were killed before they could. Call it while holding the spending lock."""
    store, asked = project.store("amplify"), {"judgements": {"purpose": AMPLIFY}}
    for row in store.query("amplify/unbooked_runs", where=asked).iter_rows(named=True):
        name = f"{row['run_id']}:{row['day']}:{row['collection']}"
        context.log.warning(f"booking run {name}, which ended between what it paid for and its books")
        store.append("label_runs", amplify.orphan_row(row), f"orphan:{name}")
