"""The canary: a few fixed anchor pairs asked before an amplification sends anything else, booked in anchor_runs."""

from dataclasses import dataclass, replace

import polars as pl

from label_pipeline.core.codes.drift import BASELINE_RUN, CANARY_RUN
from label_pipeline.core.judging.plan import Plan
from label_pipeline.operations.anchor_reference import (
    Anchor,
    anchor_of,
    ask_once,
    drift_thresholds,
    measured,
    order_of,
    sendable_pairs,
)
from label_pipeline.operations.epochs import next_epoch, open_epoch
from label_pipeline.operations.judging import price, refuse_unanswered
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.stages import anchor


@dataclass(frozen=True)
class Canary:
    """What is asked first for one collection.

    Attributes:
        anchor: the collection's certified judge, with the canary's pairs only as items.
        plan: what asking them would send; nothing when this run has asked already.
    """

    anchor: Anchor
    plan: Plan


def prepare_canary(project: Project, run_id: str, collection: str, judge_version: str) -> Canary | None:
    """The canary of one collection, priced; None where settings or the anchor have no pairs for one.

    Raises:
        GateClosedError: settings, prompt or rubric of the judge changed.
    """
    wanted = project.settings.anchor.canary_pairs
    found = anchor_of(project, collection, judge_version)
    items = found.items if found.items.height else sendable_pairs(project, found)
    few = replace(found, items=anchor.canary.choose(items, wanted))
    if few.items.is_empty():
        return None
    if _asked(project, run_id, collection) is not None:
        return Canary(few, Plan())
    epoch = next_epoch(project, "canary", collection, run_id=run_id)
    return Canary(few, price(project, order_of(few, "canary", epoch)))


def ask_canary(
    run: Run, project: Project, found: Canary, cap_usd: float, epoch: int | None = None
) -> tuple[str | None, float]:
    """Asks once per run and collection; returns why the amplification must stop (None: it may go on) and the cost.

    ``epoch`` is one that was opened for it already, where its pairs were asked by batch.

    Raises:
        BudgetError: the cap was reached before every pair was asked.
        JudgeError: the endpoint cannot do it, or left requests without a reply.
    """
    watched, run_id = found.anchor, run.run_id
    before = _asked(project, run_id, watched.collection)
    if before is not None:
        return before["reason"][0], 0.0
    if epoch is None:
        epoch = open_epoch(project, "canary", run_id, watched.collection)
    judging, said, cost = ask_once(run, project, watched, "canary", epoch, cap_usd)
    # an outage is no answer about the judge: nothing is booked, and a retry of this run asks the rest
    refuse_unanswered(judging, "amplify" if judging.outcome == "cap" else "canary", cap_usd)  # it spends amplify's cap
    baseline = () if watched.missing else measured(project, watched, BASELINE_RUN)[0]
    gold = watched.items["gold_mean"].to_numpy()
    sentence = anchor.canary.objection(
        said, gold, baseline, watched.judge.model_served, project.settings.grade_scale, drift_thresholds(project)
    )
    if not baseline:
        run.log.info(f"canary of {watched.items.height} pairs of {watched.collection}: no baseline yet")
    row = anchor.run_row(
        said, watched.items, cost, project.settings.grade_scale, run_id=run_id,
        judge_version=watched.judge.judge_version, collection=watched.collection, kind=CANARY_RUN, baseline=baseline,
        baseline_epoch=watched.baseline_epoch, reason=sentence,
    )  # fmt: skip
    project.store("anchor").append("anchor_runs", row, f"canary:{epoch}:{watched.collection}")
    return sentence, judging.cost_usd


def canaries_of(project: Project, run_id: str) -> pl.DataFrame:
    """ANCHOR_RUNS rows of the canaries one run asked."""
    runs = project.store("anchor").read("anchor_runs")
    return runs.filter(pl.col("kind") == CANARY_RUN, pl.col("run_id") == run_id)


def _asked(project: Project, run_id: str, collection: str) -> pl.DataFrame | None:
    rows = canaries_of(project, run_id).filter(pl.col("collection") == collection)
    return None if rows.is_empty() else rows
