"""What a run nobody asked for would cost, which lane it takes, and what it may spend. Sends nothing."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from label_pipeline.core.codes.verdicts import FULL, RECERTIFY
from label_pipeline.core.errors import BudgetError, NotApplicableError
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.splits import HOLDOUT, LEARNING_SPLITS, TEST_SPLITS
from label_pipeline.operations.anchor_reference import anchors, order_of, sendable_pairs
from label_pipeline.operations.epochs import current_epoch, next_epoch
from label_pipeline.operations.gate import find_match
from label_pipeline.operations.judging import price
from label_pipeline.operations.project import Project
from label_pipeline.stages import gate
from label_pipeline.stages.watch import Allowance, Cost, WantedRun

_HELD_OUT = {FULL: (HOLDOUT,), RECERTIFY: TEST_SPLITS}


def resolved(project: Project, wanted: WantedRun, *, again: bool) -> tuple[WantedRun, str]:
    """``wanted`` as it can be asked for now: in a lane that can be taken, and fresh only where it must be.

    Its second value says, where that is not known before a judge is chosen, which lane answers if this one cannot.

    Args:
        project: the project.
        wanted: a recalibration.
        again: it was asked for before and failed: what it calibrated then is not paid for twice.
    """
    epoch = next_epoch(project, "calibrate") if wanted.fresh else current_epoch(project)
    if again and wanted.fresh and wanted.since is not None:
        calibrated = project.store("gate").query("calibrate/newest_calibration")["epoch"]
        if calibrated.len() and int(calibrated[0]) > wanted.since:
            epoch, wanted = int(calibrated[0]), replace(wanted, fresh=False)
    if wanted.lane != RECERTIFY:
        return wanted, ""
    lane, told = lane_for(project, wanted.collections, epoch)
    return replace(wanted, lane=lane), told


def recalibration_cost(project: Project, wanted: WantedRun) -> Cost:
    """What ``wanted`` would cost at most: every candidate on train and dev, the dearest one in the gate."""
    epoch = next_epoch(project, "calibrate") if wanted.fresh else current_epoch(project)
    store = project.store("gate")
    learnable = pair_texts(store.query("seed/graded_pairs", {"splits": list(LEARNING_SPLITS)}))
    held_out = pair_texts(store.query("seed/graded_pairs", {"splits": list(_HELD_OUT[wanted.lane])}))
    try:
        asked = [price(project, JudgingOrder(m, learnable, "calibrate", epoch)) for m in project.members]
        looked = [price(project, JudgingOrder(m, held_out, "gate", epoch)) for m in project.members]
    except BudgetError as error:
        return Cost(math.nan, math.nan, 0, str(error))
    dearest = max(looked, key=lambda plan: plan.cost_usd)
    requests = sum(plan.requests for plan in asked) + dearest.requests
    return Cost(sum(plan.cost_usd for plan in asked), dearest.cost_usd, requests)


def anchor_cost(project: Project) -> float:
    """What the next anchor run would cost at most, US dollars: of every collection, what its baseline still misses.

    nan where a price is unknown.
    """
    try:
        asked = anchors(project)[0]
    except BudgetError:
        return math.nan
    total = 0.0
    for found in asked:
        shown = replace(found, items=sendable_pairs(project, found)) if found.items.is_empty() else found
        plan = price(project, order_of(shown, "anchor", next_epoch(project, "anchor", found.collection)))
        total += plan.cost_usd * found.runs_to_do
    return total


def allowance(project: Project, wanted: WantedRun) -> Allowance:
    """What settings and holdouts allow for ``wanted``: the gate looks at every collection, whatever it is about."""
    settings, store = project.settings, project.store("gate")
    looks, splits = store.read("holdout_looks"), store.read("splits")
    lane: gate.Lane = RECERTIFY if wanted.lane == RECERTIFY else FULL
    names = project.graded_collections()
    return Allowance(
        cap_usd=settings.watch.recalibration_cap_usd,
        calibrate_cap_usd=settings.calibrate.cap_usd,
        gate_cap_usd=settings.gate.cap_usd,
        looks_left={
            name: gate.looks_left(
                looks,
                name,
                lane,
                settings.gate.looks,
                gate.generation(splits, name),
                gate.looks_elsewhere(looks, splits, name, lane),
            )
            for name in names
        },
        queries_needed={name: gate.queries_needed(splits, name, project.shares, project.policy) for name in names},
    )


def lane_for(project: Project, collections: Sequence[str], epoch: int) -> tuple[str, str]:
    """``recertify`` where some judge could take that lane in every collection, else ``full``; and a sentence.

    Args:
        project: the project.
        collections: whose verdict it is about.
        epoch: the calibration epoch the new judge will have, or has.

    Returns:
        The lane, and why it is not the other one, or may turn out not to be: only the calibration says who wins.
    """
    judges, lacking = _eligible(project, epoch), []
    gold = project.store("gate").query("seed/graded_pairs", {"splits": list(TEST_SPLITS)})
    for judge in judges:
        try:
            for name in collections:  # the lane's own question, as far as it is known before a judge is asked
                find_match(project, name, judge, epoch, gold.filter(pl.col("collection") == name))
        except NotApplicableError as error:
            lacking.append(f"{judge.candidate}: {error}")
    if not collections or len(lacking) == len(judges):
        return FULL, f"in the full lane, for the re-certification lane cannot be taken ({'; '.join(lacking)})"
    if lacking:
        who = ", ".join(sorted({why.partition(":")[0] for why in lacking}))
        return RECERTIFY, f"should {who} win, that lane refuses and the one further try takes the full lane"
    return RECERTIFY, ""


def _eligible(project: Project, epoch: int) -> list[JudgeVersion]:
    """The judge of ``epoch``, or, before it is calibrated, every candidate as it would be now, uncalibrated."""
    store = project.store("gate")
    newest = store.query("calibrate/newest_judge")
    if not newest.is_empty() and int(newest["epoch"][0]) >= epoch:
        return [project.judge(newest["judge_version"][0])[0]]
    found = []
    for member in project.members:
        asked = {"member_hash": member.member_hash}
        said = project.store("anchor").query("anchor/reported", {**asked, "epoch": 0}, where={"judgements": asked})
        models = said.filter("in_newest_run")["model_reported"]
        served = str(models[-1]) if models.len() else ""
        found.append(JudgeVersion(member.name, json.dumps([member.describe()]), {}, project.rubric_version, served))
    return found
