"""Which certified judge a changed judge is compared with, and on what; or why the lane cannot be taken.

Every refusal is named before a request is sent or a look is spent.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from label_pipeline.core.codes.verdicts import CLOSED, DECISION, FULL, INSUFFICIENT
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.pairs import deepest_queries
from label_pipeline.core.scale import Scale
from label_pipeline.core.splits import ANCHOR
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY
from label_pipeline.core.training_grade import AUTO, TrainingGrade
from label_pipeline.stages.gate.evidence import collect, holdout_hash
from label_pipeline.stages.gate.policy import Policy
from label_pipeline.stages.gate.recertify import Paired

REFERENCE_DAYS = 365
"""A holdout is renewed after a year (statistics.md section 4): an older full verdict is no reference, and no verdict of
the lane outlives it."""

ANCHOR_DAYS = 14
"""Anchor grades of the reference judge count when given within so many days of its certification. Later ones may come
from a model that had changed silently, and comparing a changed model with itself would hide its loss."""

FULL_GATE = "run the full gate (gate_verdict with lane: full)"

_MAY_CHANGE = {"name", "endpoint", "inside", "model", "member_hash", "served_as", "price"}
"""Parts of a member that a provider's change may force on the settings. All else is the user's own doing."""


@dataclass(frozen=True)
class ReferenceJudge:
    """The last judge a full gate certified for one collection.

    Attributes:
        collection: the collection.
        judge_version: the judge.
        verdict_id: its verdict.
        epoch: calibration epoch of that verdict, in which it judged the holdout.
        decided_at: when (UTC).
    """

    collection: str
    judge_version: str
    verdict_id: str
    epoch: int
    decided_at: datetime

    @property
    def ends_at(self) -> datetime:
        """When it stops being a reference."""
        return self.decided_at + timedelta(days=REFERENCE_DAYS)


def find_reference(
    verdicts: pl.DataFrame,
    collection: str,
    *,
    judge_version: str,
    alike: Collection[str],
    epoch: int,
    policy_hash: str,
    rubric_version: str,
    now: datetime,
) -> ReferenceJudge:
    """The newest open verdict of a full gate under the policy and rubric in force.

    Args:
        verdicts: VERDICTS rows.
        collection: the collection.
        judge_version: the judge that is to be re-certified.
        alike: judge versions of the same member and served model as that judge (``alike``).
        epoch: its calibration epoch.
        policy_hash: the policy in force.
        rubric_version: the rubric in force.
        now: current time (UTC).

    Raises:
        NotApplicableError: there is none, it is older than a year, the judge was not asked again since, or a full gate
            has closed since on this judge, or on one that differs from it in its calibrator alone.
    """
    # refused before it was taken: no decision, and takes nothing away
    foreseen = (pl.col("state") == INSUFFICIENT) & pl.col("look").is_null()
    full = verdicts.filter(
        pl.col("collection") == collection,
        pl.col("kind") == DECISION,
        pl.col("lane").fill_null(FULL) == FULL,
        ~foreseen,
    ).sort("epoch", "decided_at", "verdict_id", descending=True)
    in_force = full.filter(pl.col("policy_hash") == policy_hash, pl.col("rubric_version") == rubric_version)
    # a judge is represented by its newest full decision: one that a later full look closed certifies nothing
    open_ones = in_force.unique("judge_version", keep="first", maintain_order=True).filter(pl.col("open"))
    if open_ones.is_empty():
        why = "that still stands" if in_force["open"].any() else "under the policy and rubric in force"
        why = why if full["open"].any() else "yet"
        raise NotApplicableError(f"collection {collection}: no judge was certified by a full gate {why}; {FULL_GATE}")
    row = open_ones.row(0, named=True)
    found = ReferenceJudge(collection, row["judge_version"], row["verdict_id"], int(row["epoch"]), row["decided_at"])
    later = (pl.col("epoch") > found.epoch) | (
        (pl.col("epoch") == found.epoch) & (pl.col("decided_at") > found.decided_at)  # another calibrator, same replies
    )
    # a look that could not answer says less than the one before it, and takes nothing back
    answered = pl.col("state") != INSUFFICIENT
    ours = full.filter(pl.col("judge_version").is_in([judge_version, *alike]), later, answered)
    if not ours.is_empty() and ours["state"][0] == CLOSED:
        closed = ours.row(0, named=True)
        raise NotApplicableError(
            f"collection {collection}: the full gate closed on this member and served model (judge "
            f"{closed['judge_version']}, epoch {closed['epoch']}) after it had certified {found.judge_version}; the "
            "re-certification lane does not overrule it: improve the judge, then let the full gate decide (lane: full)"
        )
    if found.epoch >= epoch:
        raise NotApplicableError(
            f"collection {collection}: judge {judge_version} rests on replies of epoch {epoch}, the full gate "
            f"certified {found.judge_version} in epoch {found.epoch}: nothing was asked since, so no change from "
            "outside was measured; calibrate with `fresh: true` (label-pipeline run --fresh)"
        )
    if found.ends_at <= now:
        raise NotApplicableError(
            f"collection {collection}: the full gate certified {found.judge_version} on {found.decided_at:%Y-%m-%d}, "
            f"more than {REFERENCE_DAYS} days ago; {FULL_GATE}"
        )
    return found


def alike(judge_versions: pl.DataFrame, judge: JudgeVersion) -> frozenset[str]:
    """Judges that differ from ``judge`` in their calibrator alone: the same members, served by the same model.

    Args:
        judge_versions: JUDGE_VERSIONS rows.
        judge: the judge.
    """
    served = judge_versions.filter(pl.col("model_served") == judge.model_served)["judge_version", "members"]
    return frozenset(name for name, members in served.rows() if _hashes(members) == _hashes(judge.members))


def _hashes(members: str) -> list[str]:
    return [member["member_hash"] for member in json.loads(members)]


def refuse_own_change(reference: JudgeVersion, judge: JudgeVersion) -> None:
    """The lane is for changes from outside: prompt, rubric, parameters, votes and reading must be the certified ones.

    Raises:
        NotApplicableError: naming what changed.
    """
    theirs, ours = (json.loads(one.members) for one in (reference, judge))
    keys = set().union(*theirs, *ours) - _MAY_CHANGE
    changed = sorted(
        key for key in keys if [_content(m.get(key)) for m in theirs] != [_content(m.get(key)) for m in ours]
    )
    if changed:
        raise NotApplicableError(
            f"{', '.join(changed)} of judge {judge.judge_version} differ from the certified judge "
            f"{reference.judge_version}: a change of your own, not of the provider; {FULL_GATE}"
        )


def _content(value: object) -> object:
    """A prompt or rubric is its hash: its name may change."""
    return value["hash"] if isinstance(value, dict) and "hash" in value else value


def comparable(
    gold: pl.DataFrame, reference_grades: pl.DataFrame, reference: ReferenceJudge, policy: Policy
) -> pl.DataFrame:
    """The rows of ``gold`` the reference judge was asked about.

    Args:
        gold: graded holdout and anchor pairs of one collection.
        reference_grades: its grades, one row per pair.
        reference: who it is.
        policy: says how many queries of how many pairs a decision needs.

    Raises:
        NotApplicableError: too few are stored to decide anything.
    """
    both = gold.join(reference_grades, on=list(PAIR_KEY), how="semi", nulls_equal=True, maintain_order="left")
    enough = int((deepest_queries(both) >= policy.min_pairs).sum())
    if enough < policy.min_queries:
        raise NotApplicableError(
            f"collection {reference.collection}: of {gold.n_unique(list(QUERY_KEY))} holdout and anchor queries the "
            f"grades of judge {reference.judge_version} (epoch {reference.epoch}) are stored for {enough} with at "
            f"least {policy.min_pairs} pairs, {policy.name} needs {policy.min_queries}; {FULL_GATE}"
        )
    return both


def paired_hash(compared: pl.DataFrame, reference: ReferenceJudge) -> str:
    """Names what a look in the lane looks at: the pairs and their gold, and whom the judge is compared with."""
    told = json.dumps([holdout_hash(compared), reference.verdict_id])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def pair_up(
    compared: pl.DataFrame, grades: pl.DataFrame, judge: JudgeVersion,
    reference_grades: pl.DataFrame, reference_judge: JudgeVersion, reference: ReferenceJudge, scale: Scale,
    n_graded: int, *, trains_on: TrainingGrade = AUTO, asked_before: pl.DataFrame | None = None,
) -> Paired:  # fmt: skip
    """Both judges' evidence on ``compared``, named together so that the same look is recognised.

    Args:
        compared: rows of ``comparable``, with their ``split``.
        grades: the changed judge's grades, one row per pair.
        judge: the changed judge.
        reference_grades: the reference judge's.
        reference_judge: it.
        reference: its verdict.
        scale: the grade scale.
        n_graded: graded holdout and anchor pairs there are.
        trains_on: which grade of a label a ranker learns from.
        asked_before: what else the changed judge was asked in its epoch; see ``collect``.
    """
    ours = collect(compared, grades, judge, scale, trains_on=trains_on, asked_before=asked_before)
    theirs = collect(compared, reference_grades, reference_judge, scale, trains_on=trains_on)
    mine, named = ours[reference.collection], paired_hash(compared, reference)
    anchor = compared.filter(pl.col("split") == ANCHOR).n_unique(list(QUERY_KEY))
    return Paired(
        replace(mine, holdout_hash=named), theirs[reference.collection], reference.judge_version, reference.decided_at,
        anchor, n_graded - compared.height,
    )  # fmt: skip
