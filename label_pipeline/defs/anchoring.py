"""Ask the certified judge about the anchor once more: what is due, what it costs, and every run stored before the next.

The steps of `anchor_run`, collection by collection. Keep out: every rule (stages/anchor), the decision on drift
(defs/drifting.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import dagster as dg
import polars as pl

from label_pipeline.adapters.store import Where
from label_pipeline.core.catalogue import ANCHOR_ITEMS, ANCHOR_RUNS
from label_pipeline.core.codes import purposes
from label_pipeline.core.codes.drift import BASELINE_RUN, CANARY_RUN, WATCH_RUN, RunKind
from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.codes.labels import PROVISIONAL
from label_pipeline.core.errors import GateClosedError
from label_pipeline.core.judge import JudgeVersion, judge_from_row
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.member import ANY_MODEL, Member
from label_pipeline.core.judging.plan import Plan, refuse_over
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.splits import ANCHOR
from label_pipeline.defs.asking import ask_and_store, price, refuse_unanswered
from label_pipeline.defs.epochs import next_epoch, open_epoch
from label_pipeline.defs.project import Project
from label_pipeline.defs.standing import current_standings
from label_pipeline.stages import amplify, anchor


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
    names = project.store("anchor").read("queries")["collection"].unique().sort().to_list()
    for name, standing in current_standings(project, "anchor", names).items():
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
    row = store.query("calibrate/judge_by_version", {"judge_version": judge_version}).row(0, named=True)
    judge = judge_from_row(row)
    mine = (pl.col("judge_version") == judge_version) & (pl.col("collection") == collection)
    member = project.member_of(judge)
    # a judge certified again in a later epoch is compared with what it was then
    items = store.read("anchor_items").filter(mine, pl.col("baseline_epoch") > int(row["epoch"]))
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


def ask_anchors(
    context: dg.AssetExecutionContext, project: Project, asked: Sequence[Anchor], *, cap_usd: float, rebaseline: bool
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
        for row in _runs(context, project, found, left):
            rows.append(row)
            left -= float(row["cost_usd"][0])
    return pl.concat(rows) if rows else ANCHOR_RUNS.empty()


def _prepared(project: Project, found: Anchor, *, rebaseline: bool) -> Anchor:
    """The anchor with the texts to ask about: the snapshot, or what a new baseline would take."""
    if found.items.height and not (rebaseline and not found.missing):
        return found
    return replace(found, items=sendable_pairs(project, found), runs=found.runs.clear())


def _sendable(items: pl.DataFrame, project: Project, member: Member) -> pl.DataFrame:
    """The items that may go to ``member``: a document may have been marked a customer's after the baseline began."""
    documents = project.store("anchor").read("documents")
    private = documents.filter(pl.col("boundary") == CUSTOMER)["doc_id"].implode()
    marked = items.with_columns(customer=pl.col("customer") | pl.col("doc_id").is_in(private))
    return marked if member.inside else marked.filter(~pl.col("customer"))


def sendable_pairs(project: Project, found: Anchor) -> pl.DataFrame:
    """The anchor's pairs as they are now, those left out that may not go to the judge: items without an epoch."""
    every = project.store("anchor").query("seed/graded_pairs", {"splits": [ANCHOR]})
    pairs = _sendable(every.filter(pl.col("collection") == found.collection), project, found.member)
    absent = [pl.lit(None, dtype=c.dtype).alias(c.name) for c in ANCHOR_ITEMS.columns if c.name not in pairs.columns]
    return pairs.with_columns(absent).select(ANCHOR_ITEMS.schema.names())


def _plan(project: Project, found: Anchor) -> Plan:
    texts, first = pair_texts(found.items), next_epoch(project, "anchor", found.collection)
    return sum(
        (
            price(project, found.member, texts, epoch=first + ahead, purpose="anchor", served=ANY_MODEL)
            for ahead in range(found.runs_to_do)
        ),
        Plan(),
    )


def _runs(
    context: dg.AssetExecutionContext, project: Project, found: Anchor, left_usd: float
) -> Iterator[pl.DataFrame]:
    """Does what is missing, each run in an epoch of its own and stored before the next begins."""
    if found.items.is_empty():
        return
    for _ in range(found.runs_to_do):
        row, found = _one_run(context, project, found, left_usd)
        left_usd -= float(row["cost_usd"][0])
        yield row
        if row["kind"][0] == WATCH_RUN:  # another model answered: a baseline of it is no baseline
            return


def _one_run(
    context: dg.AssetExecutionContext, project: Project, found: Anchor, left_usd: float
) -> tuple[pl.DataFrame, Anchor]:
    store, judge = project.store("anchor"), found.judge
    epoch = open_epoch(project, "anchor", context.run.run_id, found.collection)
    if found.baseline_epoch is None:
        begun = anchor.snapshot(
            found.items, judge_version=judge.judge_version, baseline_epoch=epoch, now=project.clock()
        )
        store.append("anchor_items", begun, f"anchor_items:{judge.judge_version}:{found.collection}:{epoch}")
        found = anchor_of(project, found.collection, judge.judge_version)
    judging, run, cost = ask_once(context, project, found, "anchor", epoch, left_usd)
    refuse_unanswered(judging, "anchor", left_usd)
    before = () if found.missing else measured(project, found, BASELINE_RUN)[0]
    kind: RunKind = BASELINE_RUN if found.missing and run.models <= {judge.model_served} else WATCH_RUN
    row = anchor.run_row(
        run, found.items, cost, project.settings.grade_scale, run_id=context.run.run_id,
        judge_version=judge.judge_version, collection=found.collection, kind=kind, baseline=before,
        baseline_epoch=found.baseline_epoch,
    )  # fmt: skip
    store.append("anchor_runs", row, f"anchor:{epoch}:{found.collection}")
    return row, replace(found, runs=pl.concat([found.runs, row]))


def ask_once(
    context: dg.AssetExecutionContext, project: Project, found: Anchor, purpose: str, epoch: int, cap_usd: float
) -> tuple[Judging, anchor.AnchorRun, anchor.Spent]:
    """Asks about every item in one epoch; whichever model answers is heard. What an earlier process paid is counted."""
    started = project.clock()
    mine: Where = {"purpose": purpose, "epoch": epoch, "collection": found.collection}
    earlier = project.store("anchor").read("judgements", where=mine)
    judging = ask_and_store(
        context, project, found.member, pair_texts(found.items), purpose=purpose, epoch=epoch, cap_usd=cap_usd,
        served=ANY_MODEL, part=f"{found.collection}:{epoch}",
    )  # fmt: skip
    now = project.clock()
    run = anchor.measure(found.items, judging.judgements, found.judge, epoch=epoch, ran_at=now)
    cost = anchor.spent(judging.judgements, earlier, judging.requests, (now - started).total_seconds())
    return judging, run, cost


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
