"""The calibrate stage: every candidate judges train and dev, one becomes the frozen judge.

Keep out: comparing and freezing (stages/calibrate).
"""

import json
from collections.abc import Sequence

import dagster as dg
import numpy as np
import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.core.errors import NotApplicableError, ProviderRejectedError, ServedModelError
from label_pipeline.core.judge import JudgeVersion, pair_grades
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.plan import Plan, refuse_over
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.ports import PairText
from label_pipeline.core.splits import LEARNING_SPLITS
from label_pipeline.defs.asking import ask_and_store, price, refuse_unanswered, refusing, spending
from label_pipeline.defs.epochs import current_epoch, next_epoch, open_epoch
from label_pipeline.defs.experiments import log_candidates, store_judge
from label_pipeline.defs.project import Project
from label_pipeline.defs.report import Keys, markdown, stage_asset
from label_pipeline.stages import calibrate


class CalibrationConfig(dg.Config):
    """How this calibration differs from a mere repetition."""

    fresh: bool = False
    """Start a new epoch: nothing is re-used, so the judge is really asked again. It costs what it costs."""

    cap_usd: float | None = None
    """Most this calibration may cost; None takes calibrate.cap_usd of the settings."""


def calibrate_assets(key: Keys, spending_pool: str) -> list[dg.AssetsDefinition]:
    """``judge_leaderboard`` and ``calibrated_judge``."""
    return [_judge_leaderboard(key, spending_pool), _calibrated_judge(key)]


def _judge_leaderboard(key: Keys, spending_pool: str) -> dg.AssetsDefinition:
    @stage_asset(
        key, "judge_leaderboard", "calibrate", "leaderboard", deps=("gold_labels", "seed_splits"),
        kinds={"openai", "deltalake", "mlflow"}, pool=spending_pool,
    )  # fmt: skip
    def judge_leaderboard(
        context: dg.AssetExecutionContext, config: CalibrationConfig, project: dg.ResourceParam[Project]
    ) -> dg.MaterializeResult:
        """Every judge candidate on the humans' train and dev queries: calibrated loss, price, and which one wins."""
        with refusing(), spending(project):
            pairs = _learnable(project)
            if pairs.is_empty():
                raise NotApplicableError("no human grade on a train or dev query; materialise seed_inputs first")
            epoch = _epoch(project, config)
            cap = project.settings.calibrate.cap_usd if config.cap_usd is None else config.cap_usd
            candidates = _ask_candidates(context, project, pair_texts(pairs), epoch, cap)
            entries = calibrate.compare(
                pairs, candidates, project.settings.grade_scale,
                folds=project.settings.calibrate.folds, rng=np.random.default_rng(0),
            )  # fmt: skip
            asked = [candidate.member_hash for candidate in candidates if candidate.grades is not None]
            name = calibrate.calibration_id(pairs, asked, epoch)
            board = calibrate.board(entries, name, epoch, project.clock())
            project.store("calibrate").append("leaderboard", board, f"leaderboard:{context.run.run_id}")
            log_candidates(project, entries, pairs, name)
            return dg.MaterializeResult(
                metadata={**_shown(board, entries), "pairs": pairs.height, "epoch": epoch},
                data_version=dg.DataVersion(name),
            )

    return judge_leaderboard


def _calibrated_judge(key: Keys) -> dg.AssetsDefinition:
    @stage_asset(
        key, "calibrated_judge", "calibrate", "judge_versions", deps=("judge_leaderboard",),
        kinds={"deltalake", "mlflow"},
    )  # fmt: skip
    def calibrated_judge(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """The chosen candidate, frozen: calibrator per collection, content hash, MLflow alias `candidate`."""
        with refusing():
            line, member = _winner(project)
            judge = _freeze(project, member, int(str(line["epoch"])))
            store_judge(project, judge, line, int(str(line["epoch"])), context.run.run_id)
            return dg.MaterializeResult(
                metadata={
                    "judge_version": judge.judge_version,
                    "candidate": judge.candidate,
                    "model_served": judge.model_served,
                    "calibrators": dg.MetadataValue.json(json.loads(judge.calibrators_json)),
                    "system_message": dg.MetadataValue.md(f"```\n{member.system}\n```"),
                    "cost_per_1000_usd": float(str(line["cost_per_1000_usd"])),
                },
                data_version=dg.DataVersion(judge.judge_version),
            )

    return calibrated_judge


def _learnable(project: Project) -> pl.DataFrame:
    """The human-graded pairs a judge may be chosen and calibrated on."""
    return project.store("calibrate").query("seed/graded_pairs", {"splits": list(LEARNING_SPLITS)})


def _epoch(project: Project, config: CalibrationConfig) -> int:
    """The epoch this calibration asks in."""
    return next_epoch(project, "calibrate") if config.fresh else current_epoch(project)


def _shown(board: pl.DataFrame, entries: Sequence[calibrate.Entry]) -> dict[str, dg.MetadataValue | str]:
    """The leaderboard as a table and as a picture."""
    columns = (
        "candidate", "loss", "loss_low", "loss_high", "difference", "difference_se", "pairwise_accuracy",
        "unreadable_share", "cost_per_1000_usd", "chosen", "reason",
    )  # fmt: skip
    drawn = [(e.candidate.name, e.loss.value, e.loss.low, e.loss.high) for e in entries if e.n_pairs]
    picture = plots.intervals(drawn, "Calibrated loss (NMSE, lower is better)", None)
    return {
        "leaderboard": markdown(board.select(columns)),
        "losses": dg.MetadataValue.md(plots.data_uri_markdown(picture, "losses")),
        "chosen": next(e.candidate.name for e in entries if e.chosen),
    }


def _winner(project: Project) -> tuple[dict[str, object], Member]:
    """The chosen line of the newest leaderboard, and the member it speaks of.

    Raises:
        NotApplicableError: nothing was chosen, or its settings changed since.
    """
    board = project.store("calibrate").query("calibrate/newest_calibration")
    chosen = board.filter(pl.col("chosen"))
    if chosen.is_empty():
        raise NotApplicableError("no calibration has chosen a judge; materialise judge_leaderboard first")
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


def _ask_candidates(
    context: dg.AssetExecutionContext, project: Project, texts: Sequence[PairText], epoch: int, cap_usd: float
) -> list[calibrate.Candidate]:
    """Every candidate's grades, all within one cap; a model the endpoint refuses stays on the board with the reason.

    Raises:
        ProviderUnavailableError: an outage: the next best candidate must not win by it.
        BudgetError: the plan is over the cap, or the cap was reached.
    """
    plans = [price(project, member, texts, epoch=epoch, purpose="calibrate") for member in project.members]
    refuse_over(sum(plans, Plan()), cap_usd, "calibrate")
    if epoch != current_epoch(project):  # opened once the plan is within the cap, before the first request
        open_epoch(project, "calibrate", context.run.run_id)
    left, found = cap_usd, []
    for member in project.members:
        try:
            judging = ask_and_store(context, project, member, texts, purpose="calibrate", epoch=epoch, cap_usd=left)
            left -= judging.cost_usd
            refuse_unanswered(judging, "calibrate", cap_usd)
            calibrate.served_model(judging.judgements, member.name)
        except (ProviderRejectedError, ServedModelError) as error:
            paid = error.judgements if isinstance(error, ServedModelError) else None
            left -= 0.0 if paid is None else float(paid["cost_usd"].sum())
            context.log.warning(f"candidate {member.name}: {error}")
            found.append(calibrate.Candidate(member.name, member.member_hash, None, float("nan"), str(error)))
            continue
        tokens = [int(judging.judgements[name].sum()) for name in ("input_tokens", "cached_tokens", "output_tokens")]
        cost = member.price.cost_usd(*tokens) / max(len(texts), 1) * 1000
        grades = pair_grades(judging.judgements)
        found.append(calibrate.Candidate(member.name, member.member_hash, grades, cost))
    return found
