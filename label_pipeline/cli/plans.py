"""What every stage would send and cost, from the user's files, before anything is loaded. Sends nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import polars as pl

from label_pipeline.core.boundary import sendable_rows
from label_pipeline.core.codes.purposes import CALIBRATE, GATE, Purpose
from label_pipeline.core.judging.batches.pricing import advice
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Plan
from label_pipeline.core.pairs import pair_texts, shown_documents
from label_pipeline.core.ports import PairText
from label_pipeline.core.splits import ANCHOR, HOLDOUT, LEARNING_SPLITS
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY
from label_pipeline.operations import batches
from label_pipeline.operations.anchor_reference import anchors
from label_pipeline.operations.epochs import current_epoch, newest_epoch, recall_epoch
from label_pipeline.operations.judging import price
from label_pipeline.operations.project import Project
from label_pipeline.stages import anchor, seed


@dataclass(frozen=True)
class StagePlan:
    """What one stage would do with one judge candidate.

    Attributes:
        stage: calibrate, gate, anchor or amplify.
        judge: name of the candidate.
        plan: everything it would send.
        dearest_usd: cost of what its cap is compared with: all of it, or the dearest day and its canary.
        advice: whether to send it online or by batch, a sentence; None where its endpoint has no Batch API.
    """

    stage: str
    judge: str
    plan: Plan
    dearest_usd: float
    advice: str | None = None


@dataclass(frozen=True)
class AssembledFiles:
    """The user's files as the stages would see them.

    Attributes:
        seeded: queries, documents, human labels, evaluation.
        candidates: pairs to label.
        assigned: gold pairs with the split of their query.
    """

    seeded: seed.Assembled
    candidates: seed.AssembledCandidates
    assigned: pl.DataFrame


def assign(project: Project, found: seed.Assembled) -> pl.DataFrame:
    """The gold pairs with the split each query has, or would get."""
    gold = seed.gold_labels(found.human_labels)
    splits = seed.seed_splits(
        gold, project.store("seed").read("splits"), project.shares, project.clock(), project.settings.splits.salt,
        found.queries,
    )  # fmt: skip
    return gold.join(splits.select(*QUERY_KEY, "split"), on=list(QUERY_KEY))


def stage_plans(project: Project, inputs: AssembledFiles) -> Iterator[StagePlan]:
    """The plans of every stage and judge candidate.

    Raises:
        BudgetError: the price of a model is unknown.
    """
    split = pl.col("split")
    epoch = current_epoch(project)
    asked: dict[Purpose, pl.DataFrame] = {
        CALIBRATE: inputs.assigned.filter(split.is_in(LEARNING_SPLITS)),
        GATE: inputs.assigned.filter(split.is_in([HOLDOUT, ANCHOR] if project.settings.anchor.required else [HOLDOUT])),
    }
    for stage, pairs in asked.items():
        texts = texts_of(inputs.seeded, pairs)
        for member in project.members:
            plan = price(project, JudgingOrder(member, texts, stage, epoch))
            yield StagePlan(stage, member.name, plan, plan.cost_usd)
    yield from _anchor_plans(project, texts_of(inputs.seeded, inputs.assigned.filter(split == ANCHOR)))
    days = inputs.candidates.candidates.sort("arrived_on").partition_by("arrived_on")
    by_day = [texts_of(inputs.seeded, day) for day in days]
    collections = inputs.candidates.candidates["collection"].unique()
    epoch = max([epoch, *(recall_epoch(project, name) for name in collections)])  # what was recalled is asked again
    for member in project.members:
        plans = [price(project, JudgingOrder(member, texts, "amplify", epoch)) for texts in by_day]
        asking = [plan.cost_usd for plan in plans if plan.requests]  # a day with nothing to ask needs no canary
        canary = _canary_plan(project, member, inputs, collections) if asking else Plan()
        dearest = max(asking, default=0.0) + canary.cost_usd
        yield StagePlan(
            "amplify", member.name, sum(plans, canary), dearest, _advice(project, member, sum(plans, Plan()))
        )


def _advice(project: Project, member: Member, online: Plan) -> str | None:
    """Online or by batch, by deadline and price; None where the endpoint of ``member`` has no Batch API."""
    stated, hours = batches.settings_of(project, member), project.settings.amplify.needed_within_h
    if stated is None:
        return None
    by_batch = replace(online, cost_usd=online.cost_usd * stated.price_share)
    return advice(online, by_batch, None if hours is None else timedelta(hours=hours)).sentence


def _anchor_plans(project: Project, texts: tuple[PairText, ...]) -> Iterator[StagePlan]:
    """The next anchor run of each candidate: the baseline of a judge that has none, one run of a judge that has one."""
    epoch = newest_epoch(project) + 1  # every run has an epoch of its own: nothing is known there
    watched, _ = anchors(project)
    to_do = {found.member.name: found.runs_to_do for found in watched}
    for member in project.members:
        runs = to_do.get(member.name, project.settings.anchor.baseline_runs)
        plan = price(project, JudgingOrder(member, texts, "anchor", epoch))
        every = sum((plan for _ in range(runs)), Plan())
        yield StagePlan("anchor", member.name, every, every.cost_usd)


def _canary_plan(project: Project, member: Member, inputs: AssembledFiles, collections: pl.Series) -> Plan:
    """What one amplification asks first: a few anchor pairs of every collection, in an epoch of their own."""
    known = shown_documents(inputs.seeded.documents)
    pairs = sendable_rows(
        inputs.assigned.filter(pl.col("split") == ANCHOR, pl.col("collection").is_in(collections.implode()))
        .join(known.select("doc_id", "customer"), on="doc_id", maintain_order="left"),
        inside=member.inside,
    )  # fmt: skip
    chosen = [
        anchor.canary.choose(mine, project.settings.anchor.canary_pairs)
        for mine in pairs.partition_by("collection", maintain_order=True)
    ]
    texts = texts_of(inputs.seeded, pl.concat(chosen)) if chosen else ()
    return price(project, JudgingOrder(member, texts, "canary", newest_epoch(project) + 1))


def texts_of(found: seed.Assembled, pairs: pl.DataFrame) -> tuple[PairText, ...]:
    """The pairs with the texts a judge would be shown.

    Args:
        found: the user's files.
        pairs: rows with a pair key.
    """
    joined = pairs.select(PAIR_KEY).join(found.queries.select(*QUERY_KEY, "query"), on=list(QUERY_KEY))
    return pair_texts(joined.join(shown_documents(found.documents), on=["doc_id", "doc_version"]))
