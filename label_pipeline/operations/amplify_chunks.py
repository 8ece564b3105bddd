"""Carry out one collection's work of a day in chunks: ask, store labels, book them; then look at the verdict again.

A chunk is so many pairs of whole queries under one name, the hash of its pairs. Its judgements, labels and books are
appended in that order, each once, so that a run that ends for whatever reason leaves every finished chunk labelled and
booked. Keep out: which collections and days, and what they may cost (amplify.py, amplify_caps.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from label_pipeline.adapters.where import Where
from label_pipeline.core.codes.labels import CAP, GATE, MODEL, TEXT, Refuser
from label_pipeline.core.codes.purposes import AMPLIFY, CALIBRATE
from label_pipeline.core.codes.purposes import GATE as PURPOSE_GATE
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import any_to_send
from label_pipeline.core.judging.spent import NOTHING, Spent, spent
from label_pipeline.core.ports import PairText
from label_pipeline.operations.amplify_caps import Room
from label_pipeline.operations.amplify_stream import Chunk, DayStream
from label_pipeline.operations.anchor_reference import anchor_of
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.judging import ask_and_store
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.stages import amplify
from label_pipeline.stages.gate import Standing

Refusal = tuple[Refuser, str]
"""What keeps a collection's pairs from a label, and why, a sentence."""


@dataclass(frozen=True)
class Task:
    """One collection's day, and who labels it.

    Attributes:
        stream: its pairs.
        judge: the certified judge.
        member: its one member, as today's settings have it.
        calibrated_in: calibration epoch of its certificate.
        epoch: epoch its requests are keyed by.
    """

    stream: DayStream
    judge: JudgeVersion
    member: Member
    calibrated_in: int
    epoch: int

    @property
    def collection(self) -> str:
        """Its name."""
        return self.stream.standing.collection

    def order(self, pairs: Sequence[PairText]) -> JudgingOrder:
        """What is asked about ``pairs``."""
        return JudgingOrder(self.member, pairs, AMPLIFY, self.epoch, served=self.judge.model_served)


@dataclass(frozen=True)
class Begun:
    """What came of what must be done before the first request: why labelling may not begin (None: it may), and cost."""

    refusal: Refusal | None = None
    paid_usd: float = 0.0


Begin = Callable[[Task, Chunk, Room], Begun]
"""What must be done before the first request of a collection's day, the chunk being the first with something to ask."""


class _About(NamedTuple):
    """What labels of one judge and collection say beside the grade: read once, not once a chunk."""

    seed: pl.DataFrame
    anchored: bool


def _about(project: Project, task: Task) -> _About:
    anchored = not anchor_of(project, task.collection, task.judge.judge_version).missing
    return _About(_seed_covered(project, task.judge, task.calibrated_in, task.collection), anchored)


def fulfil(
    run: Run, project: Project, task: Task, begin: Begin, left: Room, *, afresh: bool = False
) -> tuple[pl.DataFrame, float]:
    """The LABEL_RUNS rows of one collection's day, stored already, and what it cost; every pair is in one of them.

    Args:
        run: who asks.
        project: the project.
        task: the collection's day.
        begin: what must be done before the first request.
        left: what may be spent.
        afresh: ``begin`` also where every reply is there: they came by batch, hours ago.

    Raises:
        ServedModelError: another model answered; what the judge itself had answered is labelled, and all is booked.
    """
    stream, rows, begun = task.stream, list[pl.DataFrame](), False
    about: _About | None = None
    ended: Judging | None = None
    done = 0
    before = left.usd
    while (chunk := stream.next_chunk()) is not None:
        refusal = no_longer_open(project, task) if ended is not None else None
        if refusal is None and not begun and _asks(project, task, chunk, afresh):
            first, begun = begin(task, chunk, left), True
            refusal, left = first.refusal, left._replace(usd=left.usd - first.paid_usd)
        if refusal is not None:
            if rows:
                run.log.warning(f"{task.collection}: {refusal[1]}; the rest of {stream.day} is not asked")
            rows.extend(_rest(run, project, task, refusal, chunk))
            break
        done += chunk.work.pairs_in - len(chunk.work.ask)
        if not chunk.work.ask:
            rows.append(_book(run, project, chunk.work, None, NOTHING, stream.day, None))
            continue
        about = about or _about(project, task)
        labelled = sum(int(row["labelled"][0]) for row in rows)
        made, ended = _label(run, project, task, chunk, left, labelled, done, about)
        rows.extend(made)
        done += len(chunk.work.ask)
        left = left._replace(usd=left.usd - float(made[0]["cost_usd"][0]) - ended.lost_usd)
        if ended.outcome != "complete":
            break
    if ended is not None:
        ended.refuse_ended()
    return pl.concat(rows), before - left.usd


def _asks(project: Project, task: Task, chunk: Chunk, afresh: bool) -> bool:
    """Whether anything of this chunk would be sent: a killed run may have all its replies. ``afresh``: as if so."""
    if not chunk.work.ask or afresh:
        return bool(chunk.work.ask)
    with project.journal() as journal:
        return any_to_send(task.order(chunk.work.ask), journal)


def _label(
    run: Run, project: Project, task: Task, chunk: Chunk, left: Room, labelled: int, done: int, about: _About,
) -> tuple[list[pl.DataFrame], Judging]:  # fmt: skip
    """One chunk asked, labelled and booked.

    Returns:
        Its LABEL_RUNS row, with that of the rest where no other chunk may follow; and what came of asking.

    ``labelled`` pairs of this day are labelled, ``done`` are done with already.
    """
    started, day, work = project.clock(), task.stream.day, chunk.work
    order = replace(task.order(work.ask), cap_usd=left.usd, whole_queries=True, day=day)
    part = f"{day}:{task.collection}:{amplify.name_of(work)}"
    judging = ask_and_store(run, project, order, part=part, before=done, of=task.stream.pairs)
    cost = _cost(project, started, judging)
    stopped: Refusal | None = None
    rest: amplify.Work | None = None
    if judging.outcome != "complete":
        rest = task.stream.rest()
    if judging.outcome == "other_model":
        judging, stopped = amplify.answered_in_full(judging, task.member.votes), (MODEL, judging.sentence)
    elif judging.outcome == "cap":
        labelled += amplify.books(work, judging).labelled + (rest.labelled_before if rest else 0)
        stopped = (
            CAP,
            f"amplify: amplify {day}: stopped at the cap with {labelled} of {task.stream.pairs} pairs of "
            f"{task.collection} labelled; raise {left.key} and run again: what was answered is kept",
        )
    labels = amplify.labels(
        work, judging, task.judge, chunk.facts, about.seed, anchored=about.anchored, day=day, run_id=run.run_id,
        now=project.clock(),
    )  # fmt: skip
    if not labels.is_empty():
        project.store("amplify").append("labels", labels, f"labels:{run.run_id}:{part}")
    rows = [_book(run, project, work, judging, cost, day, stopped)]
    if rest is not None:
        rows.append(_book(run, project, rest, None, NOTHING, day, stopped))
    return rows, judging


def no_longer_open(project: Project, task: Task) -> Refusal | None:
    """Why the judge may label no more: its verdict was suspended, or ended, since the last chunk."""
    standing = _standing(project, task)
    if standing.open and standing.judge_version == task.judge.judge_version:
        return None
    why = amplify.reasons([standing]) or f"[{task.collection}] another judge has the open verdict now"
    return GATE, why


def _standing(project: Project, task: Task) -> Standing:
    return current_standings(project, "amplify", [task.collection])[task.collection]


def book_closed(run: Run, project: Project, standing: Standing, day: date, pairs: int) -> pl.DataFrame:
    """The LABEL_RUNS row, stored already, of a collection that nobody may label."""
    work = amplify.closed_work(standing, pairs)
    return _book(run, project, work, None, NOTHING, day, (GATE, amplify.reasons([standing])))


def _rest(run: Run, project: Project, task: Task, why: Refusal, *begun: Chunk) -> list[pl.DataFrame]:
    """The books of all that is not asked any more, as one row; none where nothing is left."""
    rest = task.stream.rest(*begun)
    if rest is None:
        return []
    if why[0] == GATE:  # nobody may label any of it
        rest = replace(amplify.closed_work(_standing(project, task), rest.pairs_in), name=rest.name)
    return [_book(run, project, rest, None, NOTHING, task.stream.day, why)]


def _seed_covered(project: Project, judge: JudgeVersion, epoch: int, collection: str) -> pl.DataFrame:
    """What the human seed of ``collection`` covered, in the judge's own grades."""
    asked: dict[str, str | int] = {"member_hash": judge.member_hash, "epoch": epoch}
    # a year of labels is in the same table
    store = project.store("amplify")
    graded: Where = {"doc_id": store.read("gold", ["doc_id"])["doc_id"].unique().to_list()}
    asked_then: Where = {**asked, "purpose": [CALIBRATE, PURPOSE_GATE], "collection": collection}
    found = store.query("amplify/seed_covered", asked, {"judgements": asked_then, "documents": graded})
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
