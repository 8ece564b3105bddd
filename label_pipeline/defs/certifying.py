"""Take one look: find what may be looked at, ask the judge, decide, and store verdict and look. Both lanes.

The steps of `gate_verdict`. Keep out: every rule (stages/gate), what is shown of a verdict (defs/assets/gate.py).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import dagster as dg
import numpy as np
import polars as pl

from label_pipeline.core.codes.verdicts import FULL, RECERTIFY
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judge import JudgeVersion, judge_from_row, pair_grades
from label_pipeline.core.judging.plan import refuse_over
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.splits import HOLDOUT, TEST_SPLITS
from label_pipeline.defs.asking import ask_and_store, price, refuse_unanswered
from label_pipeline.defs.project import Project
from label_pipeline.stages import gate


@dataclass(frozen=True)
class Looked:
    """What one materialisation of the gate looked at.

    Attributes:
        gold: the graded pairs the judge was asked about.
        grades: its grades, one row a pair.
        refused: collection to why it could not be looked at in this lane.
    """

    gold: pl.DataFrame
    grades: pl.DataFrame
    refused: Mapping[str, str]


@dataclass(frozen=True)
class _Match:
    """One collection's reference judge, its grades, and the pairs it is compared on."""

    reference: gate.Reference
    judge: JudgeVersion
    grades: pl.DataFrame
    compared: pl.DataFrame
    n_graded: int


def newest_judge(project: Project) -> tuple[JudgeVersion, int]:
    """The judge to decide on, and its calibration epoch.

    Raises:
        NotApplicableError: there is none.
    """
    newest = project.store("gate").query("calibrate/newest_judge")
    if newest.is_empty():
        raise NotApplicableError("there is no judge to decide on; materialise calibrated_judge first")
    return judge_from_row(newest.row(0, named=True)), int(newest["epoch"][0])


def look_in_full(
    context: dg.AssetExecutionContext, project: Project, judge: JudgeVersion, epoch: int, cap_usd: float
) -> Looked:
    """The full gate: the judge on every holdout query, against the thresholds of the policy.

    Raises:
        NotApplicableError: no human grade on a holdout query.
        BudgetError: over the cap.
        ProviderUnavailableError: an outage, which must not burn a look.
    """
    gold = project.store("gate").query("seed/graded_pairs", {"splits": [HOLDOUT]})
    if gold.is_empty():
        raise NotApplicableError("no human grade on a holdout query; grade some, or see splits in settings")
    grades = _ask(context, project, judge, epoch, gold, cap_usd)
    for evidence in gate.collect(gold, grades, judge, project.settings.grade_scale).values():
        _settle(project, judge, evidence, epoch, FULL, partial(_decide, project, evidence))
    return Looked(gold, grades, {})


def look_again(
    context: dg.AssetExecutionContext, project: Project, judge: JudgeVersion, epoch: int, cap_usd: float
) -> Looked:
    """The re-certification lane: the judge beside the last one a full gate certified, on holdout and anchor queries.

    Nothing is asked and no look is spent for a collection that has no such judge, or whose grades are not stored.

    Raises:
        NotApplicableError: that is so for every collection.
        BudgetError: over the cap.
        ProviderUnavailableError: an outage, which must not burn a look.
    """
    gold = project.store("gate").query("seed/graded_pairs", {"splits": list(TEST_SPLITS)})
    matches: list[_Match] = []
    refused: dict[str, str] = {}
    for (name,), rows in gold.group_by(["collection"], maintain_order=True):
        try:
            matches.append(_match(project, str(name), judge, epoch, rows))
        except NotApplicableError as error:
            refused[str(name)] = str(error)
    if not matches:
        why = "; ".join(refused.values()) or "no human grade on a holdout or anchor query"
        raise NotApplicableError(f"no re-certification: {why}")
    compared = pl.concat([match.compared for match in matches])
    grades = _ask(context, project, judge, epoch, compared, cap_usd)
    for match in matches:
        paired = gate.pair_up(
            match.compared, grades, judge, match.grades, match.judge, match.reference,
            project.settings.grade_scale, match.n_graded,
        )  # fmt: skip
        _settle(
            project, judge, paired.judge, epoch, RECERTIFY, partial(_compare, project, paired),
            no_later_than=match.reference.ends_at,
        )  # fmt: skip
    return Looked(compared, grades, refused)


def _match(project: Project, collection: str, judge: JudgeVersion, epoch: int, gold: pl.DataFrame) -> _Match:
    store, policy = project.store("gate"), project.policy
    reference = gate.find_reference(
        store.read("verdicts"), collection, judge_version=judge.judge_version,
        alike=gate.alike(store.read("judge_versions"), judge), epoch=epoch,
        policy_hash=policy.policy_hash, rubric_version=project.rubric_version, now=project.clock(),
    )  # fmt: skip
    row = store.query("calibrate/judge_by_version", {"judge_version": reference.judge_version}).row(0, named=True)
    certified = judge_from_row(row)
    gate.refuse_own_change(certified, judge)
    until = (reference.decided_at + timedelta(days=gate.ANCHOR_DAYS)).date()
    judged = store.query(
        "gate/reference_judgements",
        {
            "member_hash": str(json.loads(certified.members)[0]["member_hash"]), "epoch": reference.epoch,
            "model_served": certified.model_served, "anchor_until": until,
        },
    )  # fmt: skip
    grades = pair_grades(judged)
    compared = gate.comparable(gold, grades, reference, policy)
    return _Match(reference, certified, grades, compared, gold.height)


def _ask(
    context: dg.AssetExecutionContext, project: Project, judge: JudgeVersion, epoch: int, gold: pl.DataFrame, cap: float
) -> pl.DataFrame:
    """The judge's grades of ``gold``, one row a pair, exactly as it will label."""
    member, texts = project.member_of(judge), pair_texts(gold)
    refuse_over(price(project, member, texts, epoch=epoch, purpose="gate", served=judge.model_served), cap, "gate")
    judging = ask_and_store(
        context, project, member, texts, purpose="gate", epoch=epoch, cap_usd=cap, served=judge.model_served
    )
    refuse_unanswered(judging, "gate", cap)
    return pair_grades(judging.judgements)


_Decide = Callable[[int, np.random.Generator, bool], gate.Verdict]
"""From the number of the look, a generator, and whether the policy was edited after an earlier look."""


def _decide(
    project: Project, evidence: gate.Evidence, look: int, rng: np.random.Generator, edited: bool
) -> gate.Verdict:
    return gate.decide(
        evidence, project.policy, look=look, alpha=gate.alpha_of_look(look),
        looks_allowed=project.settings.gate.looks, rng=rng, edited=edited,
    )  # fmt: skip


def _compare(project: Project, paired: gate.Paired, look: int, rng: np.random.Generator, edited: bool) -> gate.Verdict:
    return gate.recertify(
        paired, project.policy, look=look, alpha=gate.alpha_of_look(look),
        looks_allowed=project.settings.gate.looks, rng=rng, edited=edited,
    )  # fmt: skip


def _settle(
    project: Project,
    judge: JudgeVersion,
    evidence: gate.Evidence,
    epoch: int,
    lane: gate.Lane,
    decide: _Decide,
    no_later_than: datetime | None = None,
) -> None:
    """Decides once a look: the same judge, epoch, evidence, policy and lane find the stored verdict, at no cost."""
    store, policy = project.store("gate"), project.policy
    name = gate.verdict_id(
        judge.judge_version, evidence.collection, epoch, evidence.holdout_hash, policy.policy_hash, lane
    )
    if name in store.read("verdicts")["verdict_id"]:
        return
    looks, generation = store.read("holdout_looks"), gate.generation(store.read("splits"), evidence.collection)
    paid = looks.filter(pl.col("verdict_id") == name)  # a crash between look and verdict: the look is paid already
    look = gate.next_look(looks, evidence.collection, lane, generation) if paid.is_empty() else int(paid["look"][0])
    edited = gate.edited_policy(looks, evidence.collection, policy.policy_hash, lane, generation)
    verdict = decide(look, np.random.default_rng(int(name, 16)), edited)
    decision, spent = gate.rows(
        verdict, evidence, judge_version=judge.judge_version, rubric_version=judge.rubric_version, epoch=epoch,
        now=project.clock(), valid_days=project.settings.gate.valid_days, generation=generation,
        no_later_than=no_later_than,
    )  # fmt: skip
    # the look is spent before the verdict is known: a crash between the two must not give a free one
    store.append("holdout_looks", spent, f"look:{name}")
    store.append("verdicts", decision, f"verdict:{name}")
