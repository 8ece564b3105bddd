"""One collection's certified judge and the human reference it is watched on: what it is asked, and what it said."""

from dataclasses import dataclass, replace

import polars as pl

from label_pipeline.adapters.where import Where
from label_pipeline.core.boundary import marked, sendable_rows
from label_pipeline.core.catalogue import ANCHOR_ITEMS
from label_pipeline.core.codes import purposes
from label_pipeline.core.codes.drift import BASELINE_RUN, CANARY_RUN, WATCH_RUN, RunKind
from label_pipeline.core.errors import GateClosedError
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.member import ANY_MODEL, Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.splits import ANCHOR
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.judging import ask_and_store
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.stages import anchor


def drift_thresholds(project: Project) -> anchor.DriftThresholds:
    """What counts as a change, at the tolerance and the cadence of the settings."""
    settings = project.settings
    return anchor.DriftThresholds(
        delta=settings.anchor.tolerance / 100,
        runs_per_year=settings.anchor_runs_per_year,
        canaries_per_year=settings.amplifications_per_year,
    )


@dataclass(frozen=True)
class Anchor:
    """One collection's certified judge and the human reference it is watched on.

    Attributes:
        collection: its name.
        judge: the judge whose verdict stands.
        member: who is asked.
        items: ANCHOR_ITEMS rows of the newest baseline; empty before any.
        runs: ANCHOR_RUNS rows of that baseline, baseline and watch, oldest first.
        wanted: baseline runs of the settings.
    """

    collection: str
    judge: JudgeVersion
    member: Member
    items: pl.DataFrame
    runs: pl.DataFrame
    wanted: int

    @property
    def baseline_epoch(self) -> int | None:
        """Names the newest baseline; None before any."""
        return next(iter(self.items["baseline_epoch"]), None)

    @property
    def missing(self) -> int:
        """Baseline runs still to do."""
        return max(0, self.wanted - self.runs.filter(pl.col("kind") == BASELINE_RUN).height)

    @property
    def runs_to_do(self) -> int:
        """What the baseline still misses, else one run to watch."""
        return self.missing or 1


def anchors(project: Project) -> tuple[list[Anchor], dict[str, str]]:
    """The anchor of every collection whose verdict stands; and why the others have none."""
    found, without = [], {}
    for name, standing in current_standings(project, "anchor", project.collections()).items():
        if not standing.open:
            without[name] = " ".join(standing.reasons)
            continue
        try:
            found.append(anchor_of(project, name, str(standing.judge_version)))
        except GateClosedError as error:  # its settings changed: amplify refuses it too
            without[name] = str(error)
    return found, without


def anchor_of(project: Project, collection: str, judge_version: str) -> Anchor:
    """The newest baseline of ``judge_version`` since it was certified last, and the runs that belong to it.

    Raises:
        GateClosedError: settings, prompt or rubric of the judge changed.
    """
    store = project.store("anchor")
    judge, certified_in = project.judge(judge_version)
    mine = (pl.col("judge_version") == judge_version) & (pl.col("collection") == collection)
    member = project.member_of(judge)
    # a judge certified again in a later epoch is compared with what it was then
    items = store.read("anchor_items").filter(mine, pl.col("baseline_epoch") > certified_in)
    items = _sendable(items.filter(pl.col("baseline_epoch") == pl.col("baseline_epoch").max()), project, member)
    runs = store.read("anchor_runs").filter(mine, pl.col("kind").is_in([BASELINE_RUN, WATCH_RUN]))
    epoch = items["baseline_epoch"][0] if items.height else None
    return Anchor(
        collection=collection,
        judge=judge,
        member=member,
        items=items.sort("query_id", "doc_id", "doc_version", "context_id", nulls_last=True),
        runs=runs.filter(pl.col("baseline_epoch") == epoch).sort("epoch") if epoch is not None else runs.clear(),
        wanted=project.settings.anchor.baseline_runs,
    )


def _sendable(items: pl.DataFrame, project: Project, member: Member) -> pl.DataFrame:
    """The items that may go to ``member``: a document may have been marked a customer's after the baseline began."""
    about: Where = {"doc_id": items["doc_id"].unique().to_list()}
    now = marked(items, project.store("anchor").query("anchor/boundaries", where={"documents": about}))
    return sendable_rows(now, inside=member.inside)


def sendable_pairs(project: Project, found: Anchor) -> pl.DataFrame:
    """The anchor's pairs as they are now, those left out that may not go to the judge: items without an epoch."""
    store = project.store("anchor")
    graded: Where = {"doc_id": store.read("gold", ["doc_id"])["doc_id"].unique().to_list()}
    every = store.query("seed/graded_pairs", {"splits": [ANCHOR]}, {"documents": graded})
    pairs = _sendable(every.filter(pl.col("collection") == found.collection), project, found.member)
    absent = [pl.lit(None, dtype=c.dtype).alias(c.name) for c in ANCHOR_ITEMS.columns if c.name not in pairs.columns]
    return pairs.with_columns(absent).select(ANCHOR_ITEMS.schema.names())


def order_of(found: Anchor, purpose: purposes.Purpose, epoch: int) -> JudgingOrder:
    """Asking about every item once; whichever model answers is heard."""
    return JudgingOrder(found.member, pair_texts(found.items), purpose, epoch, served=ANY_MODEL)


def ask_once(
    run: Run, project: Project, found: Anchor, purpose: purposes.Purpose, epoch: int, cap_usd: float
) -> tuple[Judging, anchor.AnchorRun, anchor.Spent]:
    """Asks about every item in one epoch; whichever model answers is heard. What an earlier process paid is counted."""
    started = project.clock()
    mine: Where = {"purpose": purpose, "epoch": epoch, "collection": found.collection}
    earlier = project.store("anchor").read("judgements", where=mine)
    order = replace(order_of(found, purpose, epoch), cap_usd=cap_usd)
    judging = ask_and_store(run, project, order, part=f"{found.collection}:{epoch}")
    now = project.clock()
    said = anchor.measure(found.items, judging.judgements, found.judge, epoch=epoch, ran_at=now)
    cost = anchor.spent(judging.judgements, earlier, judging.requests, (now - started).total_seconds())
    return judging, said, cost


def measured(project: Project, found: Anchor, *kinds: RunKind) -> tuple[tuple[anchor.AnchorRun, ...], ...]:
    """What the stored runs of each kind said since the baseline began, oldest first, aligned with the items."""
    if found.baseline_epoch is None:
        return ((),) * len(kinds)
    store = project.store("anchor")
    mine = (pl.col("judge_version") == found.judge.judge_version) & (pl.col("collection") == found.collection)
    wanted = store.read("anchor_runs").filter(
        mine, pl.col("epoch") >= found.baseline_epoch, pl.col("kind").is_in(kinds)
    )  # fmt: skip
    judged: dict[int, pl.DataFrame] = {}
    for purpose in {purposes.CANARY if kind == CANARY_RUN else purposes.ANCHOR for kind in wanted["kind"].unique()}:
        epochs, member = wanted["epoch"].to_list(), found.member.member_hash
        rows = store.query(
            "calibrate/member_judgements",
            {"member_hash": member, "purpose": purpose, "epochs": epochs},
            {"judgements": {"member_hash": member, "purpose": purpose, "epoch": epochs}},
        ).filter(pl.col("collection") == found.collection)
        judged |= {int(epoch): said for (epoch,), said in rows.group_by(["epoch"], maintain_order=True)}
    runs = [
        (kind, anchor.measure(found.items, judged[epoch], found.judge, epoch=epoch, ran_at=ran_at))
        for kind, epoch, ran_at in wanted.sort("epoch")["kind", "epoch", "ran_at"].rows()
        if epoch in judged
    ]
    return tuple(tuple(run for of, run in runs if of == kind) for kind in kinds)
