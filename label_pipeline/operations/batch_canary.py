"""The canary by batch: a judge's first batch is of anchor pairs, and nothing else goes by batch before it has passed.

A provider may serve batches by other machines, or another build, than single requests. So the anchor's pairs are asked
by batch once for each judge version, endpoint and baseline, and compared with the baseline as every canary is. It is
kept in anchor_runs as a canary of a run of its own, whose id (``name_of``) says what it is.
"""

from dataclasses import replace
from datetime import date
from typing import NamedTuple

import polars as pl

from label_pipeline.core.codes.labels import CANARY, CAP, Refuser
from label_pipeline.core.codes.purposes import CANARY as ASKED
from label_pipeline.core.judging.plan import Plan
from label_pipeline.operations import batches
from label_pipeline.operations.amplify_caps import Room
from label_pipeline.operations.anchor_reference import Anchor, anchor_of, order_of, sendable_pairs
from label_pipeline.operations.canary import Canary, ask_canary, canaries_of
from label_pipeline.operations.epochs import open_epoch
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.stages import anchor


class Passed(NamedTuple):
    """What the canary by batch says of a judge.

    Attributes:
        refusal: why nothing may go by batch; None where it may, or where that is not known yet.
        waiting: of its requests, those that wait in a batch.
        usd: what it has cost now, or may cost at most.
    """

    refusal: tuple[Refuser, str] | None = None
    waiting: int = 0
    usd: float = 0.0


def name_of(found: Anchor) -> str:
    """The run of the canary by batch: one for each judge version, endpoint and baseline."""
    return f"batch canary {found.member.endpoint} {found.judge.judge_version} {found.baseline_epoch or 0}"


def stand_batch_canary(
    run: Run, project: Project, collection: str, day: date, judge_version: str, left: Room, refused: frozenset[str]
) -> Passed:
    """Sends the canary by batch where it was not sent yet, and compares its replies once they are there.

    Args:
        run: who asks.
        project: the project.
        collection: whose pairs will go by batch.
        day: the day that waits for it.
        judge_version: the judge.
        left: what may be spent.
        refused: keys of requests whose text a batch was refused: they are asked online.

    Raises:
        GateClosedError: settings, prompt or rubric of the judge changed.
        JudgeError: the endpoint cannot do it.
    """
    found = anchor_of(project, collection, judge_version)
    stated = batches.settings_of(project, found.member)
    items = found.items if found.items.height else sendable_pairs(project, found)
    few = replace(found, items=anchor.canary.choose(items, stated.canary_pairs if stated else 0))
    if few.items.is_empty():
        run.log.info(f"[{collection}] no anchor pair is asked by batch first: settings or the anchor have none")
        return Passed()
    mine = Run(name_of(found), run.log)
    before = canaries_of(project, mine.run_id).filter(pl.col("collection") == collection)
    if not before.is_empty():
        return Passed(_refusal(before["reason"][0]))
    epoch = _epoch(project, mine.run_id, collection)
    order = order_of(few, ASKED, epoch)
    with project.journal() as journal, batches.open_book(project) as book:
        requests = batches.to_send(project, order, journal, mine.run_id)
        waiting = book.waiting([one.key for one in requests])
    if waiting:
        return Passed(waiting=len(waiting))
    fresh = [one for one in requests if one.intent.attempt == 0 and one.key not in refused]
    if stated is not None and len(fresh) > stated.rest_share * few.items.height:
        greatest = sum(one.intent.greatest_usd for one in fresh)
        if greatest > left.usd:
            dear = f"{len(fresh)} anchor pairs by batch cost at most ${greatest:.4f}, {left.key} leaves ${left.usd:.4f}"
            return Passed((CAP, f"amplify: {dear}; raise it and run again"))
        submission = batches.send(mine.run_id, project, replace(order, day=day), fresh)
        if len(submission.too_large) < len(fresh):
            run.log.info(f"[{collection}] {len(fresh)} anchor pairs are asked by batch before anything else goes by it")
            return Passed(waiting=len(fresh), usd=greatest)
    why, usd = ask_canary(mine, project, Canary(few, Plan()), left.usd, epoch)
    return Passed(_refusal(why), usd=usd)


def _refusal(reason: str | None) -> tuple[Refuser, str] | None:
    if reason is None:
        return None
    return CANARY, f"by batch the judge is not what it was: {reason}; amplify.send: online labels without batches"


def _epoch(project: Project, name: str, collection: str) -> int:
    """The epoch of the canary by batch, opened where it has none: a batch may take longer than an epoch is resumed."""
    opened = project.store("anchor").read("epochs").filter(
        pl.col("run_id") == name, pl.col("collection") == collection
    )["epoch"]  # fmt: skip
    return max(opened.to_list()) if opened.len() else open_epoch(project, ASKED, name, collection)
