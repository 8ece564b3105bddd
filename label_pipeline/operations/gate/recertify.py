"""Take one look in the re-certification lane: the judge beside the last one a full gate certified."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np
import polars as pl

from label_pipeline.core.codes.verdicts import RECERTIFY
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judge import JudgeVersion, pair_grades
from label_pipeline.core.splits import TEST_SPLITS
from label_pipeline.operations.gate.look import Looked, ask_judge, asked_before, next_look, settle
from label_pipeline.operations.gate.twins import without_known
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.seed_soundness import refuse_unsound
from label_pipeline.stages import gate


@dataclass(frozen=True)
class LaneMatch:
    """One collection's reference judge, its grades, and the pairs it is compared on."""

    reference: gate.ReferenceJudge
    judge: JudgeVersion
    grades: pl.DataFrame
    compared: pl.DataFrame
    n_graded: int


def look_again(run: Run, project: Project, judge: JudgeVersion, epoch: int, cap_usd: float) -> Looked:
    """The re-certification lane: the judge beside the last one a full gate certified, on holdout and anchor queries.

    Nothing is asked and no look is spent for a collection that has no such judge, or whose grades are not stored.

    Raises:
        NotApplicableError: that is so for every collection.
        BudgetError: over the cap.
        ProviderUnavailableError: an outage, which must not burn a look.
    """
    gold = project.store("gate").query("seed/graded_pairs", {"splits": list(TEST_SPLITS)})
    notes: list[str] = []
    gold = without_known(project, judge, gold, notes)
    for note in notes:
        run.log.warning(note)
    matches: list[LaneMatch] = []
    without: dict[str, str] = {}
    for (name,), rows in gold.group_by(["collection"], maintain_order=True):
        try:
            match = find_match(project, str(name), judge, epoch, rows)
            _refuse_spent(project, match, judge, epoch)
            matches.append(match)
        except NotApplicableError as error:
            without[str(name)] = str(error)
    if not matches:
        why = "; ".join(without.values()) or "no human grade on a holdout or anchor query"
        raise NotApplicableError(f"no re-certification: {why}")
    compared = pl.concat([match.compared for match in matches])
    store = project.store("gate")
    known = {*store.read("verdicts")["verdict_id"], *store.read("holdout_looks")["verdict_id"]}
    new = [match.compared for match in matches if _look_id(project, match, judge, epoch) not in known]
    if new:
        refuse_unsound(run, project, pl.concat(new), "holdout and anchor")
    grades, served_by = ask_judge(run, project, judge, epoch, compared, cap_usd)
    before = asked_before(project, judge, epoch)
    for match in matches:
        paired = gate.pair_up(
            match.compared, grades, judge, match.grades, match.judge, match.reference,
            project.settings.grade_scale, match.n_graded, trains_on=project.settings.rank.grades, asked_before=before,
        )  # fmt: skip
        settle(
            project, judge, paired.judge, epoch, RECERTIFY, partial(_compare, project, paired),
            no_later_than=match.reference.ends_at, served_by=served_by,
        )  # fmt: skip
    return Looked(compared, grades, without)


def _look_id(project: Project, match: LaneMatch, judge: JudgeVersion, epoch: int) -> str:
    """Names the look at these very pairs."""
    return gate.verdict_id(
        judge.judge_version, match.reference.collection, epoch, gate.paired_hash(match.compared, match.reference),
        project.policy.policy_hash, RECERTIFY,
    )  # fmt: skip


def _refuse_spent(project: Project, match: LaneMatch, judge: JudgeVersion, epoch: int) -> None:
    """Refuses a new look where none is left; one that was paid already, on these very pairs, may be settled.

    Raises:
        NotApplicableError: the budget is spent.
    """
    store, collection, looks = project.store("gate"), match.reference.collection, project.settings.gate.looks
    name = _look_id(project, match, judge, epoch)
    taken = store.read("holdout_looks")
    if name in store.read("verdicts")["verdict_id"] or name in taken["verdict_id"]:
        return
    look = next_look(project, collection, RECERTIFY)
    found = gate.criteria.looks(look, looks, lane=RECERTIFY)
    if found.status != "met":
        raise NotApplicableError(found.sentence)


def find_match(project: Project, collection: str, judge: JudgeVersion, epoch: int, gold: pl.DataFrame) -> LaneMatch:
    """The reference of one collection, for the lane and for whoever forecasts whether it can be taken.

    Args:
        project: the project.
        collection: whose verdict it is about.
        judge: the judge that would be certified; before its calibration, the candidate as it would be.
        epoch: its calibration epoch.
        gold: graded pairs of the collection's holdout and anchor queries.

    Raises:
        NotApplicableError: the lane cannot be taken here; why, as a sentence.
    """
    store, policy = project.store("gate"), project.policy
    reference = gate.find_reference(
        store.read("verdicts"), collection, judge_version=judge.judge_version,
        alike=gate.alike(store.read("judge_versions"), judge), epoch=epoch,
        policy_hash=policy.policy_hash, rubric_version=project.rubric_version, now=project.clock(),
    )  # fmt: skip
    certified, _ = project.judge(reference.judge_version)
    gate.refuse_own_change(certified, judge)
    judged = store.query(
        "gate/reference_judgements",
        {
            "member_hash": certified.member_hash, "epoch": reference.epoch, "model_served": certified.model_served,
            "anchor_until": (reference.decided_at + timedelta(days=gate.ANCHOR_DAYS)).date(),
        },
    )  # fmt: skip
    grades = pair_grades(judged)
    return LaneMatch(reference, certified, grades, gate.comparable(gold, grades, reference, policy), gold.height)


def _compare(project: Project, paired: gate.Paired, look: int, rng: np.random.Generator, edited: bool) -> gate.Verdict:
    return gate.recertify(
        paired, project.policy, look=look, alpha=gate.alpha_of_look(look),
        looks_allowed=project.settings.gate.looks, rng=rng, edited=edited,
    )  # fmt: skip
