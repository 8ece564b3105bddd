"""The calibrate stage: every candidate judges train and dev, one becomes the frozen judge."""

import json
from collections.abc import Sequence

import dagster as dg
import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.defs.names import Names
from label_pipeline.defs.report import markdown, refusing, stage_asset
from label_pipeline.defs.resources import run_of
from label_pipeline.operations import calibrate as operation
from label_pipeline.operations.project import Project
from label_pipeline.stages import calibrate


class CalibrationConfig(dg.Config):
    """How this calibration differs from a mere repetition."""

    fresh: bool = False
    """Start a new epoch: nothing is re-used, so the judge is really asked again. It costs what it costs."""

    cap_usd: float | None = None
    """Most this calibration may cost; None takes calibrate.cap_usd of the settings."""


def calibrate_assets(key: Names, spending_pool: str) -> list[dg.AssetsDefinition]:
    """``judge_leaderboard`` and ``calibrated_judge``."""
    return [_judge_leaderboard(key, spending_pool), _calibrated_judge(key)]


def _judge_leaderboard(key: Names, spending_pool: str) -> dg.AssetsDefinition:
    @stage_asset(
        key, "judge_leaderboard", "calibrate", "leaderboard",
        deps=("annotator_agreement", "gold_labels", "seed_splits"),
        kinds={"openai", "deltalake", "mlflow"}, pool=spending_pool,
    )  # fmt: skip
    def judge_leaderboard(
        context: dg.AssetExecutionContext, config: CalibrationConfig, project: dg.ResourceParam[Project]
    ) -> dg.MaterializeResult:
        """Every judge candidate on the humans' train and dev queries: calibrated loss, price, and which one wins."""
        with refusing():
            found = operation.compare_candidates(run_of(context), project, fresh=config.fresh, cap_usd=config.cap_usd)
            return dg.MaterializeResult(
                metadata={**_shown(found.board, found.entries), "pairs": found.n_pairs, "epoch": found.epoch},
                data_version=dg.DataVersion(found.calibration_id),
            )

    return judge_leaderboard


def _calibrated_judge(key: Names) -> dg.AssetsDefinition:
    @stage_asset(
        key, "calibrated_judge", "calibrate", "judge_versions", deps=("judge_leaderboard",),
        kinds={"deltalake", "mlflow"},
    )  # fmt: skip
    def calibrated_judge(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """The chosen candidate, frozen: calibrator per collection, content hash, MLflow alias `candidate`."""
        with refusing():
            found = operation.freeze_winner(run_of(context), project)
            judge = found.judge
            return dg.MaterializeResult(
                metadata={
                    "judge_version": judge.judge_version,
                    "candidate": judge.candidate,
                    "model_served": judge.model_served,
                    "calibrators": dg.MetadataValue.json(json.loads(judge.calibrators_json)),
                    "system_message": dg.MetadataValue.md(f"```\n{found.member.system}\n```"),
                    "cost_per_1000_usd": found.cost_per_1000_usd,
                },
                data_version=dg.DataVersion(judge.judge_version),
            )

    return calibrated_judge


def _shown(board: pl.DataFrame, entries: Sequence[calibrate.Entry]) -> dict[str, dg.MetadataValue | str]:
    """The leaderboard as a table and as a picture."""
    columns = (
        "candidate", "loss", "loss_low", "loss_high", "difference", "difference_se", "pairwise_accuracy",
        "unreadable_share", "slope", "slope_low", "cost_per_1000_usd", "chosen", "reason",
    )  # fmt: skip
    drawn = [(e.candidate.name, e.loss.value, e.loss.low, e.loss.high) for e in entries if e.n_pairs]
    picture = plots.intervals(drawn, "Calibrated loss (NMSE, lower is better)", None)
    return {
        "leaderboard": markdown(board.select(columns)),
        "losses": dg.MetadataValue.md(plots.data_uri_markdown(picture, "losses")),
        "chosen": next((e.candidate.name for e in entries if e.chosen), "none: see the reasons"),
    }
