"""Every candidate judges train and dev, and one becomes the frozen judge: asked, compared, recorded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.core.catalogue import JUDGE_VERSIONS
from label_pipeline.core.errors import (
    GateClosedError,
    NoGradesError,
    NotApplicableError,
    ProviderRejectedError,
    ServedModelError,
)
from label_pipeline.core.judge import JudgeVersion, pair_grades
from label_pipeline.core.judging.first_replies import MOST
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Plan, refuse_over
from label_pipeline.core.pairs import confusion, pair_texts
from label_pipeline.core.ports import PairText
from label_pipeline.core.splits import LEARNING_SPLITS
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.epochs import current_epoch, next_epoch, open_epoch
from label_pipeline.operations.judging import ask_and_store, price, refuse_unanswered
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.seed_soundness import refuse_unsound
from label_pipeline.operations.spending import spending
from label_pipeline.stages import calibrate, seed


@dataclass(frozen=True)
class Compared:
    """The leaderboard of one calibration, and what it cost.

    Attributes:
        entries: every candidate, compared.
        board: their LEADERBOARD rows, stored already.
        calibration_id: names the pairs, the candidates and the epoch.
        epoch: in which they were asked.
        n_pairs: graded pairs they were asked about.
    """

    entries: Sequence[calibrate.Entry]
    board: pl.DataFrame
    calibration_id: str
    epoch: int
    n_pairs: int


@dataclass(frozen=True)
class Frozen:
    """The chosen candidate, frozen.

    Attributes:
        judge: it.
        member: what it was made of.
        cost_per_1000_usd: US dollars for 1,000 pairs.
    """

    judge: JudgeVersion
    member: Member
    cost_per_1000_usd: float


def compare_candidates(run: Run, project: Project, *, fresh: bool = False, cap_usd: float | None = None) -> Compared:
    """Asks every candidate about the humans' train and dev queries, and stores the leaderboard.

    Args:
        run: who asks.
        project: the project.
        fresh: start a new epoch: nothing is re-used.
        cap_usd: most it may cost; None takes calibrate.cap_usd of the settings.

    Raises:
        NotApplicableError: no human grade on a train or dev query.
        ProviderUnavailableError: an outage: the next best candidate must not win by it.
        BudgetError: the plan is over the cap, or the cap was reached.
    """
    with spending(project, run.log):
        pairs = _learnable(project)
        if pairs.is_empty():
            raise NotApplicableError("no human grade on a train or dev query; materialise seed_inputs first")
        refuse_unsound(run, project, pairs, "train and dev")
        pairs = pairs.filter(~pl.col("collection").is_in(seed.alike(pairs)))
        epoch = next_epoch(project, "calibrate") if fresh else current_epoch(project)
        cap = project.settings.calibrate.cap_usd if cap_usd is None else cap_usd
        candidates = _ask_candidates(run, project, pair_texts(pairs), epoch, cap)
        entries = calibrate.compare(
            pairs, candidates, project.settings.grade_scale,
            folds=project.settings.calibrate.folds, rng=np.random.default_rng(0),
            trains_on=project.settings.rank.grades,
        )  # fmt: skip
        asked = [candidate.member_hash for candidate in candidates if candidate.grades is not None]
        name = calibrate.calibration_id(pairs, asked, epoch)
        board = calibrate.board(entries, name, epoch, project.clock())
        project.store("calibrate").append("leaderboard", board, f"leaderboard:{run.run_id}")
        log_candidates(project, entries, pairs, name)
    return Compared(entries, board, name, epoch, pairs.height)


def freeze_winner(run: Run, project: Project) -> Frozen:
    """Freezes the chosen candidate of the newest leaderboard: calibrator per collection, content hash, MLflow alias.

    Raises:
        NotApplicableError: nobody was compared, its settings changed since, or no grade of it is stored.
        GateClosedError: no candidate may be a judge.
        ServedModelError: two models gave its grades.
    """
    line, member = _winner(project)
    judge = _freeze(project, member, int(str(line["epoch"])))
    store_judge(project, judge, line, int(str(line["epoch"])), run.run_id)
    return Frozen(judge, member, float(str(line["cost_per_1000_usd"])))


def _learnable(project: Project) -> pl.DataFrame:
    """The human-graded pairs a judge may be chosen and calibrated on."""
    return project.store("calibrate").query("seed/graded_pairs", {"splits": list(LEARNING_SPLITS)})


def _ask_candidates(
    run: Run, project: Project, texts: Sequence[PairText], epoch: int, cap_usd: float
) -> list[calibrate.Candidate]:
    """Every candidate's grades, all within one cap; a model the endpoint refuses stays on the board with the reason."""
    orders = [JudgingOrder(member, texts, "calibrate", epoch, gives_up=MOST) for member in project.members]
    refuse_over(sum((price(project, order) for order in orders), Plan()), cap_usd, "calibrate")
    if epoch != current_epoch(project):  # opened once the plan is within the cap, before the first request
        open_epoch(project, "calibrate", run.run_id)
    left, found = cap_usd, []
    for order in orders:
        candidate, paid = _ask_candidate(run, project, replace(order, cap_usd=left), cap_usd)
        found.append(candidate)
        left -= paid
    return found


def _ask_candidate(
    run: Run, project: Project, order: JudgingOrder, cap_usd: float
) -> tuple[calibrate.Candidate, float]:
    """One candidate's grades, or why there are none; and what asking cost, US dollars."""
    member, paid = order.member, 0.0
    try:
        judging = ask_and_store(run, project, order)
        paid = judging.cost_usd
        refuse_unanswered(judging, "calibrate", cap_usd)
        calibrate.served_model(judging.judgements, member.name)
    except (ProviderRejectedError, ServedModelError, NoGradesError) as error:
        run.log.warning(f"candidate {member.name}: {error}")
        return calibrate.Candidate(member.name, member.member_hash, None, float("nan"), str(error)), paid
    tokens = [int(judging.judgements[name].sum()) for name in ("input_tokens", "cached_tokens", "output_tokens")]
    per_1000 = member.price.cost_usd(*tokens) / max(len(order.pairs), 1) * 1000
    return calibrate.Candidate(member.name, member.member_hash, pair_grades(judging.judgements), per_1000), paid


def _winner(project: Project) -> tuple[dict[str, object], Member]:
    """The chosen line of the newest leaderboard, and the member it speaks of.

    Raises:
        NotApplicableError: nobody was compared yet, or its settings changed since.
        GateClosedError: no candidate may be a judge.
    """
    board = project.store("calibrate").query("calibrate/newest_calibration")
    chosen = board.filter(pl.col("chosen"))
    if board.is_empty():
        raise NotApplicableError("no calibration has chosen a judge; materialise judge_leaderboard first")
    if chosen.is_empty():
        why = "; ".join(f"{name}: {reason}" for name, reason in board["candidate", "reason"].rows())
        raise GateClosedError(f"the newest calibration chose no judge, and nothing is spent on a look: {why}")
    line = chosen.row(0, named=True)
    member = next((m for m in project.members if m.member_hash == line["member_hash"]), None)
    if member is None:
        raise NotApplicableError(
            f"candidate {line['candidate']!r} won, but its settings, prompt or rubric changed since: "
            "materialise judge_leaderboard again"
        )
    return line, member


def _freeze(project: Project, member: Member, epoch: int) -> JudgeVersion:
    """The judge made of what ``member`` said in ``epoch``.

    Raises:
        NotApplicableError: no grade of it is stored.
        ServedModelError: two models gave them.
    """
    judged = project.store("calibrate").query(
        "calibrate/member_judgements", {"member_hash": member.member_hash, "epochs": [epoch], "purpose": "calibrate"}
    )
    served = calibrate.served_model(judged, member.name)
    if served is None:
        raise NotApplicableError(
            f"candidate {member.name!r} won, but no grade of it is stored in epoch {epoch}: "
            "materialise judge_leaderboard again"
        )
    return calibrate.freeze(
        _learnable(project), pair_grades(judged), project.settings.grade_scale, candidate=member.name,
        members=json.dumps([member.describe()]), rubric_version=project.rubric_version, model_served=served,
    )  # fmt: skip


def log_candidates(project: Project, entries: Sequence[calibrate.Entry], gold: pl.DataFrame, name: str) -> None:
    """One MLflow run per candidate: parameters, metrics, confusion plot, prompt."""
    members = {member.name: member for member in project.members}
    for entry in entries:
        member = members[entry.candidate.name]
        artifacts: dict[str, str | bytes] = {
            "prompt.json": json.dumps(member.describe(), indent=2),
            "system_message.txt": member.system,
        }
        if entry.candidate.grades is not None:
            artifacts["confusion.svg"] = confusion_of(gold, entry.candidate.grades, project, member.name)
        project.tracker.log_candidate(
            name, entry.candidate.name,
            {
                "model": member.model, "endpoint": member.endpoint, "prompt": member.prompt.name,
                "votes": member.votes, "member_hash": member.member_hash,
                **{key: str(value) for key, value in member.parameters.items()},
            },
            {
                "loss_nmse": entry.loss.value, "loss_low": entry.loss.low, "loss_high": entry.loss.high,
                "difference": entry.difference, "pairwise_accuracy": entry.pairwise_accuracy,
                "quadratic_kappa": entry.quadratic_kappa, "unreadable_share": entry.ungraded_share,
                "cost_per_1000_usd": entry.candidate.cost_per_1000_usd, "chosen": float(entry.chosen),
            },
            artifacts,
        )  # fmt: skip


def confusion_of(gold: pl.DataFrame, grades: pl.DataFrame, project: Project, title: str) -> str:
    """Confusion matrix of rounded gold (rows) and rounded raw grade (columns) as SVG."""
    graded = gold.join(grades, on=list(PAIR_KEY), how="inner", nulls_equal=True).drop_nulls("raw_grade")
    levels = project.settings.grade_scale.grades
    matrix = confusion(graded["gold_mean"].to_numpy(), graded["raw_grade"].to_numpy(), levels)
    return plots.confusion(matrix, levels, title)


def store_judge(project: Project, judge: JudgeVersion, line: dict[str, object], epoch: int, run_id: str) -> None:
    """Appends the judge_versions row and registers the judge in MLflow under alias `candidate`."""
    store = project.store("calibrate")
    newest = store.query("calibrate/newest_judge")
    before = None if newest.is_empty() else str(newest["judge_version"][0])
    parent = before if before != judge.judge_version else newest["parent"][0]
    row = {
        "judge_version": judge.judge_version,
        "candidate": judge.candidate,
        "calibration_id": line["calibration_id"],
        "epoch": epoch,
        "members": judge.members,
        "calibrators": judge.calibrators_json,
        "rubric_version": judge.rubric_version,
        "model_served": judge.model_served,
        "cost_per_1000_usd": line["cost_per_1000_usd"],
        "parent": parent,
        "created_at": project.clock(),
    }
    frame = JUDGE_VERSIONS.conform(pl.DataFrame([row], schema_overrides=JUDGE_VERSIONS.schema))
    store.append("judge_versions", frame, f"judge:{run_id}")
    run = project.tracker.log_candidate(str(line["calibration_id"]), judge.candidate, {}, {}, {})
    project.tracker.register_judge(
        judge.judge_version, run,
        {
            "judge_version": judge.judge_version, "candidate": judge.candidate, "members": json.loads(judge.members),
            "calibrators": json.loads(judge.calibrators_json), "rubric_version": judge.rubric_version,
            "model_served": judge.model_served,
        },
    )  # fmt: skip
