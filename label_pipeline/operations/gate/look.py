"""Take one look in the full lane: ask the judge about the whole holdout, decide, and store verdict and look."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
import polars as pl

from label_pipeline.core.boundary import sendable_rows
from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.codes.purposes import CALIBRATE
from label_pipeline.core.codes.verdicts import FULL
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judge import JudgeVersion, hosts, judge_from_row, pair_grades
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import refuse_over
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.splits import ANCHOR, HOLDOUT
from label_pipeline.operations.gate.twins import without_known
from label_pipeline.operations.judging import ask_and_store, price, refuse_unanswered
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.seed_soundness import known_of_grades, refuse_unsound
from label_pipeline.stages import gate, seed


@dataclass(frozen=True)
class Looked:
    """What one materialisation of the gate looked at.

    Attributes:
        gold: the graded pairs the judge was asked about.
        grades: its grades, one row per pair.
        not_looked_at: collection to why it could not be looked at in this lane.
    """

    gold: pl.DataFrame
    grades: pl.DataFrame
    not_looked_at: Mapping[str, str]


def newest_judge(project: Project) -> tuple[JudgeVersion, int]:
    """The judge to decide on, and its calibration epoch.

    Raises:
        NotApplicableError: there is none.
    """
    newest = project.store("gate").query("calibrate/newest_judge")
    if newest.is_empty():
        raise NotApplicableError("there is no judge to decide on; materialise calibrated_judge first")
    row = newest.row(0, named=True)
    return judge_from_row(row), int(row["epoch"])


def look_in_full(run: Run, project: Project, judge: JudgeVersion, epoch: int, cap_usd: float) -> Looked:
    """The full gate: the judge on every holdout query, against the thresholds of the policy.

    Raises:
        NotApplicableError: no human grade on a holdout query.
        BudgetError: over the cap.
        ProviderUnavailableError: an outage, which must not burn a look.
    """
    gold = project.store("gate").query("seed/graded_pairs", {"splits": [HOLDOUT]})
    if gold.is_empty():
        raise NotApplicableError("no human grade on a holdout query; grade some, or see splits in settings")
    notes: list[str] = []
    gold = without_known(project, judge, gold, notes)
    for note in notes:
        run.log.warning(note)
    gold, without = _answerable(project, judge, epoch, gold)
    if gold.is_empty():
        return Looked(gold, pair_grades(JUDGEMENTS.empty()), without)
    new = _unpaid(project, judge, epoch, gold)
    if new:
        refuse_unsound(run, project, gold.filter(pl.col("collection").is_in(new)), "holdout")
    asked = pl.concat([gold, _anchor_beside(project, judge, new)])
    grades, served_by = ask_judge(run, project, judge, epoch, asked, cap_usd)
    found = gate.collect(
        gold, grades, judge, project.settings.grade_scale, trains_on=project.settings.rank.grades,
        asked_before=asked_before(project, judge, epoch),
    )  # fmt: skip
    together = gate.open_together(found, project.policy, np.random.default_rng(0)) if new else {}
    for name, evidence in found.items():
        decide = partial(_decide, project, evidence, together.get(name))
        settle(project, judge, evidence, epoch, FULL, decide, served_by=served_by)
    return Looked(gold, grades, without)


def _answerable(
    project: Project, judge: JudgeVersion, epoch: int, gold: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, str]]:
    """The holdout of the collections a look can answer about; of the others a verdict that cost nothing, and why.

    A look that is settled already is taken again at no cost, so it is never refused.
    """
    store, policy, allowed = project.store("gate"), project.policy, project.settings.gate.looks
    known, looks, splits = set(store.read("verdicts")["verdict_id"]), store.read("holdout_looks"), store.read("splits")
    answerable, foreseen = [gold.clear()], {}
    for (name,), rows in gold.group_by(["collection"], maintain_order=True):
        collection, generation = str(name), gate.generation(splits, str(name))
        found = gate.foresee(
            rows, policy, look=next_look(project, collection, FULL), looks_allowed=allowed,
            edited=gate.edited_policy(looks, collection, policy.policy_hash, FULL, generation),
            to_add=partial(gate.queries_to_add, splits, collection, project.shares),
            calibrators=judge.calibrators,
        )  # fmt: skip
        look = gate.verdict_id(judge.judge_version, collection, epoch, gate.holdout_hash(rows), policy.policy_hash)
        paid = look in known or look in looks["verdict_id"]
        if not found or paid:
            answerable.append(rows)
        else:
            foreseen[collection] = (rows, found)
    few = {name: rows for name, (rows, found) in foreseen.items() if gate.only_few_queries(found)}
    together, without = gate.enough_together(few, policy), {}
    for name, (rows, found) in foreseen.items():
        if together is not None and name in few:
            found = (*found, together)
        without[name] = "; ".join(one.sentence for one in found if one.status != "met")
        row = gate.foreseen_row(
            rows, found, policy, judge_version=judge.judge_version, rubric_version=judge.rubric_version, epoch=epoch,
            now=project.clock(),
        )  # fmt: skip
        if row["verdict_id"][0] not in known:
            store.append("verdicts", row, f"verdict:{row['verdict_id'][0]}")
    return pl.concat(answerable), without


def ask_judge(
    run: Run, project: Project, judge: JudgeVersion, epoch: int, gold: pl.DataFrame, cap_usd: float
) -> tuple[pl.DataFrame, str | None]:
    """The judge's grades of ``gold``, one row per pair, exactly as it will label; and which hosts gave them."""
    order = JudgingOrder(
        project.member_of(judge), pair_texts(gold), "gate", epoch, served=judge.model_served, cap_usd=cap_usd
    )
    refuse_over(price(project, order), cap_usd, "gate")
    judging = ask_and_store(run, project, order)
    refuse_unanswered(judging, "gate", cap_usd)
    return pair_grades(judging.judgements), hosts(judging.judgements)


def _unpaid(project: Project, judge: JudgeVersion, epoch: int, gold: pl.DataFrame) -> list[str]:
    """The collections whose look is not paid for yet: a paid one is settled whatever is known of the grades."""
    store, policy = project.store("gate"), project.policy.policy_hash
    known = {*store.read("verdicts")["verdict_id"], *store.read("holdout_looks")["verdict_id"]}
    return [
        str(name)
        for (name,), rows in gold.group_by(["collection"], maintain_order=True)
        if gate.verdict_id(judge.judge_version, str(name), epoch, gate.holdout_hash(rows), policy) not in known
    ]


def _anchor_beside(project: Project, judge: JudgeVersion, new: Sequence[str]) -> pl.DataFrame:
    """The anchor pairs of the collections in ``new``, to compare a baseline with; none where not required."""
    store = project.store("gate")
    if not project.settings.anchor.required:
        return store.query("seed/graded_pairs", {"splits": [ANCHOR]}).clear()
    beside = store.query("seed/graded_pairs", {"splits": [ANCHOR]}).filter(pl.col("collection").is_in(new))
    return sendable_rows(beside, inside=project.member_of(judge).inside)


def asked_before(project: Project, judge: JudgeVersion, epoch: int) -> pl.DataFrame:
    """The judge's grades of the pairs it was calibrated on, one row per pair."""
    judged = project.store("gate").query(
        "calibrate/member_judgements",
        {"member_hash": judge.member_hash, "epochs": [epoch], "purpose": CALIBRATE},
        {"judgements": {"member_hash": judge.member_hash, "epoch": epoch, "purpose": CALIBRATE}},
    )  # fmt: skip
    return pair_grades(judged)


def _reported(project: Project, collection: str) -> list[gate.criteria.Criterion]:
    """What is printed on a verdict and decides nothing: what was known of the human grades, and a missing anchor."""
    of_rows, agreement = known_of_grades(project)
    found = [gate.criteria.reported(one.name, one.sentence) for one in (*of_rows, *_of(agreement, collection))]
    return found if project.settings.anchor.required else [*found, gate.criteria.unanchored()]


def _of(agreement: Mapping[str, seed.GradeFact], collection: str) -> list[seed.GradeFact]:
    return [agreement[collection]] if collection in agreement else []


def next_look(project: Project, collection: str, lane: gate.Lane) -> int:
    """Number of the next look at the present holdout of ``collection``."""
    store = project.store("gate")
    looks, splits = store.read("holdout_looks"), store.read("splits")
    elsewhere = gate.looks_elsewhere(looks, splits, collection, lane)
    return gate.next_look(looks, collection, lane, gate.generation(splits, collection), elsewhere)


Decide = Callable[[int, np.random.Generator, bool], gate.Verdict]
"""From the number of the look, a generator, and whether the policy was edited after an earlier look."""


def _decide(
    project: Project,
    evidence: gate.Evidence,
    together: gate.Criterion | None,
    look: int,
    rng: np.random.Generator,
    edited: bool,
) -> gate.Verdict:
    verdict = gate.decide(
        evidence, project.policy, look=look, alpha=gate.alpha_of_look(look),
        looks_allowed=project.settings.gate.looks, rng=rng, edited=edited,
    )  # fmt: skip
    return verdict if together is None or verdict.open else replace(verdict, criteria=(*verdict.criteria, together))


def settle(
    project: Project,
    judge: JudgeVersion,
    evidence: gate.Evidence,
    epoch: int,
    lane: gate.Lane,
    decide: Decide,
    no_later_than: datetime | None = None,
    served_by: str | None = None,
) -> None:
    """Decides once per look: the same judge, epoch, evidence, policy and lane find the stored verdict, at no cost."""
    store, policy = project.store("gate"), project.policy
    name = gate.verdict_id(
        judge.judge_version, evidence.collection, epoch, evidence.holdout_hash, policy.policy_hash, lane
    )
    if name in store.read("verdicts")["verdict_id"]:
        return
    looks, generation = store.read("holdout_looks"), gate.generation(store.read("splits"), evidence.collection)
    paid = looks.filter(pl.col("verdict_id") == name)  # a crash between look and verdict: the look is paid already
    look = next_look(project, evidence.collection, lane) if paid.is_empty() else int(paid["look"][0])
    edited = gate.edited_policy(looks, evidence.collection, policy.policy_hash, lane, generation)
    verdict = decide(look, np.random.default_rng(int(name, 16)), edited)
    verdict = replace(verdict, criteria=(*verdict.criteria, *_reported(project, evidence.collection)))
    decision, spent = gate.rows(
        verdict, evidence, judge_version=judge.judge_version, rubric_version=judge.rubric_version, epoch=epoch,
        now=project.clock(), valid_days=project.settings.gate.valid_days, generation=generation,
        no_later_than=no_later_than, served_by=served_by,
    )  # fmt: skip
    # the look is spent before the verdict is known: a crash between the two must not give a free one
    store.append("holdout_looks", spent, f"look:{name}")
    store.append("verdicts", decision, f"verdict:{name}")
