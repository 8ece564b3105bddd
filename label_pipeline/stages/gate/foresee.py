"""What of a verdict is known before a judge is asked: it costs no request, no look and no alpha."""

import hashlib
import json
from collections.abc import Callable, Collection
from datetime import datetime

import polars as pl

from label_pipeline.core.catalogue import VERDICTS
from label_pipeline.core.codes.verdicts import DECISION, FULL, INSUFFICIENT
from label_pipeline.core.pairs import deepest_queries
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.stages.gate import criteria
from label_pipeline.stages.gate.criteria import Criterion
from label_pipeline.stages.gate.evidence import holdout_hash
from label_pipeline.stages.gate.ledger import verdict_id
from label_pipeline.stages.gate.policy import Policy


def foresee(
    gold: pl.DataFrame,
    policy: Policy,
    *,
    look: int,
    looks_allowed: int,
    edited: bool = False,
    to_add: Callable[[int], int] | None = None,
    calibrators: Collection[str] | None = None,
) -> tuple[Criterion, ...]:
    """The criteria that need no grade of the judge, where one is missed; empty where the look can be taken.

    Args:
        gold: GOLD rows of one collection's holdout.
        policy: says how many queries of how many pairs a decision needs.
        look: number the look would have.
        looks_allowed: the holdout's budget of looks.
        edited: an earlier look was taken under other thresholds.
        to_add: from queries the holdout lacks to new ones to grade (``queries_to_add``).
        calibrators: collections the judge is calibrated for; None where that is not asked.
    """
    deepest = deepest_queries(gold)
    reworded = gold.n_unique(list(QUERY_KEY)) - len(deepest)
    found: tuple[Criterion, ...] = (
        criteria.looks(look, looks_allowed, edited=edited),
        criteria.queries(deepest, policy, reworded=reworded, to_add=to_add),
        criteria.grades(gold["gold_mean"].to_numpy()),
    )  # fmt: skip
    if calibrators is not None:
        found = (*found, criteria.calibrated(str(gold["collection"][0]), calibrators))
    return found if any(one.status != "met" for one in found) else ()


def only_few_queries(found: tuple[Criterion, ...]) -> bool:
    """Whether nothing is missed of ``foresee`` but queries, and a calibrator, which a larger collection would have."""
    missed = {one.name for one in found if one.status != "met"}
    return criteria.QUERIES in missed and missed <= {criteria.QUERIES, criteria.CALIBRATED}


def foreseen_row(
    gold: pl.DataFrame, found: tuple[Criterion, ...], policy: Policy,
    *, judge_version: str, rubric_version: str, epoch: int, now: datetime,
) -> pl.DataFrame:  # fmt: skip
    """The VERDICTS row of a look that was not taken: insufficient, without a look, an alpha and an end.

    Args:
        gold: what would have been looked at, of one collection.
        found: what ``foresee`` said.
        policy: the policy.
        judge_version: the judge.
        rubric_version: rubric of judge and humans.
        epoch: its calibration epoch.
        now: current time (UTC).
    """
    collection, named = str(gold["collection"][0]), holdout_hash(gold)
    look = verdict_id(judge_version, collection, epoch, named, policy.policy_hash)
    failures = [one.sentence for one in found if one.status in {"missed", "unknown"}]
    # not the name of the look itself: once more looks are allowed it may still be taken
    name = hashlib.sha256(json.dumps(["foreseen", look, failures]).encode()).hexdigest()[:16]
    row: dict[str, object] = {
        "verdict_id": name, "kind": DECISION, "lane": FULL, "judge_version": judge_version, "collection": collection,
        "state": INSUFFICIENT, "open": False, "failures": json.dumps(failures),
        "criteria": json.dumps([one._asdict() for one in found]), "policy": policy.name,
        "policy_hash": policy.policy_hash, "rubric_version": rubric_version, "holdout_hash": named, "epoch": epoch,
        "n_queries": gold.n_unique(list(QUERY_KEY)), "n_pairs": gold.height, "decided_at": now,
    }  # fmt: skip
    return VERDICTS.conform(pl.DataFrame([row], schema_overrides=VERDICTS.schema))
