"""Ask the certified judge about the anchor once more: what is due, what it costs, and every run stored before the next.

Collection by collection.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import polars as pl

from label_pipeline.core.catalogue import ANCHOR_RUNS
from label_pipeline.core.codes.drift import BASELINE_RUN, CANARY_RUN, WATCH_RUN
from label_pipeline.core.codes.labels import PROVISIONAL
from label_pipeline.core.judging.plan import Plan, refuse_over
from label_pipeline.operations.anchor_reference import (
    Anchor,
    anchor_of,
    anchors,
    ask_once,
    measured,
    order_of,
    sendable_pairs,
)
from label_pipeline.operations.drift import finish_enforcing
from label_pipeline.operations.epochs import next_epoch, open_epoch
from label_pipeline.operations.judging import price, refuse_unanswered
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending
from label_pipeline.stages import amplify, anchor


@dataclass(frozen=True)
class AnchorAsked:
    """What one materialisation of the anchor asked.

    Attributes:
        rows: ANCHOR_RUNS rows, stored already.
        why: collection: why it was asked about, or was not.
        newest: what the anchor runs are, as a version: it changes with every run and with nothing else.
    """

    rows: pl.DataFrame
    why: Mapping[str, str]
    newest: str


def run_anchors(
    run: Run, project: Project, *, only_when_due: bool = False, rebaseline: bool = False, cap_usd: float | None = None
) -> AnchorAsked:
    """Asks every certified judge about its anchor: the missing runs of its baseline, or one to watch.

    Args:
        run: who asks.
        project: the project.
        only_when_due: ask only where ``due`` says why.
        rebaseline: begin a new baseline where the last is complete.
        cap_usd: most it may cost; None takes anchor.cap_usd of the settings.

    Raises:
        BudgetError: the plan is over the cap, and nothing was sent.
        ProviderUnavailableError: an outage: no evidence about the judge. What was answered is kept.
    """
    with spending(project, run.log):
        finish_enforcing(project)  # a drift verdict killed before it suspended must not leave the gate open
        watched, without = anchors(project)
        why = {found.collection: due(project, found) for found in watched}
        asked = [found for found in watched if why[found.collection] or not only_when_due]
        cap = project.settings.anchor.cap_usd if cap_usd is None else cap_usd
        rows = ask_anchors(run, project, asked, cap_usd=cap, rebaseline=rebaseline)
        newest = _newest_runs(project)
    told = {found.collection: why[found.collection] or "asked though nothing was due" for found in asked}
    return AnchorAsked(rows, dict.fromkeys(why, "not due: nothing was asked") | told | without, newest)


def due(project: Project, found: Anchor) -> str | None:
    """Why this anchor should be asked now, as a sentence; None when it need not."""
    if found.missing:
        return f"{found.missing} of {found.wanted} baseline runs are missing"
    store = project.store("anchor")
    last = found.runs.row(-1, named=True)
    opened = store.read("epochs").filter(pl.col("epoch") == last["epoch"])["opened_at"].max()
    labels = store.read("labels").filter(
        pl.col("judge_version") == found.judge.judge_version, pl.col("collection") == found.collection
    )
    waiting = amplify.newest(labels).filter(pl.col("status") == PROVISIONAL, pl.col("given_at") > opened).height
    if waiting:
        return f"{waiting} provisional labels await a healthy run"
    verdicts = store.read("drift_verdicts").filter(pl.col("epoch") == last["epoch"], pl.col("run_again"))
    if not verdicts.is_empty():
        return f"the last run asks for another one: {verdicts['action'][0]}"
    if project.clock() - last["ran_at"] >= timedelta(days=project.settings.anchor.every_days):
        return f"the last run was on {last['ran_at']:%Y-%m-%d}"
    return None


def _newest_runs(project: Project) -> str:
    runs = project.store("anchor").read("anchor_runs").filter(pl.col("kind") != CANARY_RUN)
    return "+".join(map(str, runs.group_by("collection").agg(pl.col("epoch").max()).sort("collection")["epoch"]))


def ask_anchors(
    run: Run, project: Project, asked: Sequence[Anchor], *, cap_usd: float, rebaseline: bool
) -> pl.DataFrame:
    """Prices everything, then asks run by run; returns the ANCHOR_RUNS rows, stored already.

    Raises:
        BudgetError: the plan is over the cap, and nothing was sent.
        ProviderUnavailableError: an outage: no evidence about the judge. What was answered is kept.
    """
    prepared = [_prepared(project, found, rebaseline=rebaseline) for found in asked]
    refuse_over(sum((_plan(project, found) for found in prepared), Plan()), cap_usd, "anchor")
    rows, left = [], cap_usd
    for found in prepared:
        for row in _runs(run, project, found, left):
            rows.append(row)
            left -= float(row["cost_usd"][0])
    return pl.concat(rows) if rows else ANCHOR_RUNS.empty()


def _prepared(project: Project, found: Anchor, *, rebaseline: bool) -> Anchor:
    """The anchor with the texts to ask about: the snapshot, or what a new baseline would take."""
    if found.items.height and not (rebaseline and not found.missing):
        return found
    return replace(found, items=sendable_pairs(project, found), runs=found.runs.clear())


def _plan(project: Project, found: Anchor) -> Plan:
    first = next_epoch(project, "anchor", found.collection)
    return sum((price(project, order_of(found, "anchor", first + ahead)) for ahead in range(found.runs_to_do)), Plan())


def _runs(run: Run, project: Project, found: Anchor, left_usd: float) -> Iterator[pl.DataFrame]:
    """Does what is missing, each run in an epoch of its own and stored before the next begins."""
    if found.items.is_empty():
        return
    for _ in range(found.runs_to_do):
        row, found = _one_run(run, project, found, left_usd)
        left_usd -= float(row["cost_usd"][0])
        yield row
        if row["kind"][0] == WATCH_RUN:  # another model answered: a baseline of it is no baseline
            return


def _one_run(run: Run, project: Project, found: Anchor, left_usd: float) -> tuple[pl.DataFrame, Anchor]:
    store, judge = project.store("anchor"), found.judge
    epoch = open_epoch(project, "anchor", run.run_id, found.collection)
    if found.baseline_epoch is None:
        begun = anchor.snapshot(
            found.items, judge_version=judge.judge_version, baseline_epoch=epoch, now=project.clock()
        )
        store.append("anchor_items", begun, f"anchor_items:{judge.judge_version}:{found.collection}:{epoch}")
        found = anchor_of(project, found.collection, judge.judge_version)
    judging, measured_run, cost = ask_once(run, project, found, "anchor", epoch, left_usd)
    refuse_unanswered(judging, "anchor", left_usd)
    before = () if found.missing else measured(project, found, BASELINE_RUN)[0]
    baseline = found.missing and measured_run.models <= {judge.model_served}
    row = anchor.run_row(
        measured_run, found.items, cost, project.settings.grade_scale, run_id=run.run_id,
        judge_version=judge.judge_version, collection=found.collection, kind=BASELINE_RUN if baseline else WATCH_RUN,
        baseline=before, baseline_epoch=found.baseline_epoch,
    )  # fmt: skip
    store.append("anchor_runs", row, f"anchor:{epoch}:{found.collection}")
    return row, replace(found, runs=pl.concat([found.runs, row]))
