"""Who may label what now, and how many looks are left; and the one place that ends a verdict: a suspension."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from label_pipeline.core.codes.purposes import GATE
from label_pipeline.core.codes.verdicts import DECISION, FULL, RECERTIFY
from label_pipeline.operations.project import Project
from label_pipeline.stages import gate


def current_standings(project: Project, stage: str, collections: Sequence[str]) -> dict[str, gate.Standing]:
    """The standing of every collection in ``collections`` at this moment."""
    return gate.standings(
        project.store(stage).read("verdicts"),
        collections,
        policy_hash=project.policy.policy_hash,
        rubric_version=project.rubric_version,
        now=project.clock(),
    )


def verdicts_of(project: Project, judge_version: str, collections: Sequence[str]) -> pl.DataFrame:
    """The decision that represents one judge in each of ``collections``: under what is in force, where there is one."""
    mine = project.store("gate").read("verdicts").filter(pl.col("judge_version") == judge_version)
    found = gate.standings(
        mine, collections, policy_hash=project.policy.policy_hash, rubric_version=project.rubric_version,
        now=project.clock(),
    )  # fmt: skip
    return mine.filter(pl.col("verdict_id").is_in([one.verdict_id for one in found.values() if one.verdict_id]))


@dataclass(frozen=True)
class LookBudget:
    """What is left of one lane's looks at one collection's present holdout.

    Attributes:
        collection: its name.
        lane: `full` or `recertify`.
        left: looks left; whatever runs unasked stops at one.
        queries_needed: new graded queries that a renewed holdout needs (label-pipeline renew-holdout).
    """

    collection: str
    lane: gate.Lane
    left: int
    queries_needed: int

    @property
    def sentence(self) -> str:
        """What is left, for people."""
        return (
            f"collection {self.collection}: {self.left} looks of lane {self.lane} are left at this holdout; a new one "
            f"needs {self.queries_needed} new queries (label-pipeline renew-holdout)"
        )


def look_budget(project: Project, stage: str, collection: str, lane: gate.Lane) -> LookBudget:
    """The budget of ``lane`` in ``collection`` as ``stage`` sees the tables; a retired holdout's looks do not count."""
    store = project.store(stage)
    splits, looks = store.read("splits"), store.read("holdout_looks")
    generation = gate.generation(splits, collection)
    elsewhere = gate.looks_elsewhere(looks, splits, collection, lane)
    left = gate.looks_left(looks, collection, lane, project.settings.gate.looks, generation, elsewhere)
    needed = gate.queries_needed(splits, collection, project.shares, project.policy)
    return LookBudget(collection, lane, left, needed)


def ending(project: Project, stage: str) -> list[gate.Standing]:
    """Every open standing that ends within `gate.expiry_warning_days`, as ``stage`` sees the tables."""
    soon = project.clock() + timedelta(days=project.settings.gate.expiry_warning_days)
    found = current_standings(project, stage, project.collections()).values()
    return [one for one in found if one.open and one.verdict_id and one.expires_at and one.expires_at <= soon]


def renewal(project: Project, stage: str, standing: gate.Standing) -> str:
    """What it takes to certify a judge again before its verdict ends, as a sentence: lane, looks and price."""
    collection = standing.collection
    full, lane = (look_budget(project, stage, collection, which) for which in (FULL, RECERTIFY))
    paid = _last_price(project, stage, collection)
    told = (
        f"the verdict of collection {collection} ends on {standing.expires_at:%Y-%m-%d}, and nothing is labelled after "
        f"it: lane full asks the holdout again (`label-pipeline run --until gate --fresh`){paid}, and has {full.left} "
        "looks left"
    )
    if not full.left:
        told += f", so renew the holdout first: {full.queries_needed} new queries (`label-pipeline renew-holdout`)"
    return f"{told}; where the provider changed the model, lane recertify has {lane.left}"


def _last_price(project: Project, stage: str, collection: str) -> str:
    """What the last look of lane full cost, as recorded; nothing where none was taken."""
    store = project.store(stage)
    looks = store.read("holdout_looks").filter(
        pl.col("collection") == collection, pl.col("lane").fill_null(FULL) == FULL
    )
    if looks.is_empty():
        return ""
    epoch = int(looks.sort("looked_at").row(-1, named=True)["epoch"])
    paid = store.read("judgements", where={"purpose": GATE, "epoch": epoch})
    return f", which cost ${paid.filter(pl.col('collection') == collection)['cost_usd'].sum():.2f} the last time"


def last_verdicts(project: Project) -> list[str]:
    """What the newest look at every collection that it did not open said of the queries that would, as sentences."""
    verdicts = project.store("gate").read("verdicts").filter(pl.col("kind") == DECISION).sort("decided_at")
    newest = verdicts.unique("collection", keep="last", maintain_order=True).filter(~pl.col("open"))
    found = []
    for row in newest.sort("collection").iter_rows(named=True):
        said = [one["sentence"] for one in json.loads(row["criteria"]) if one["name"] == gate.ENOUGH]
        told = f"[{row['collection']}] the look of {row['decided_at']:%Y-%m-%d} (lane {row['lane'] or FULL})"
        found += [f"{told}: {sentence}" for sentence in said]
    return found


def suspend(project: Project, verdict_id: str, reason: str, epoch: int) -> pl.DataFrame:
    """Writes the suspension of one open verdict, once for a reason and epoch; returns its VERDICTS row.

    Args:
        project: the project.
        verdict_id: the open decision.
        reason: a sentence.
        epoch: replies up to this epoch are no evidence any more: only a verdict on later ones ends the suspension.
    """
    store = project.store("gate")
    decision = store.read("verdicts").filter(pl.col("verdict_id") == verdict_id).row(0, named=True)
    row = gate.suspension(decision, reason, epoch, project.clock())
    store.append("verdicts", row, f"suspension:{row['verdict_id'][0]}")
    return row
