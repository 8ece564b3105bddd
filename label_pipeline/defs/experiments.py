"""Record candidates and judges where people compare them: MLflow runs and versions, and the judge_versions table.

Keep out: choosing (stages/calibrate), MLflow itself (adapters/tracking.py).
"""

import json
from collections.abc import Sequence

import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.core.catalogue import JUDGE_VERSIONS, RANKERS
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.pairs import confusion
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.defs.project import Project
from label_pipeline.stages import calibrate, rank


def log_candidates(project: Project, entries: Sequence[calibrate.Entry], gold: pl.DataFrame, name: str) -> None:
    """One MLflow run a candidate: parameters, metrics, confusion plot, prompt."""
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
                "quadratic_kappa": entry.quadratic_kappa, "unreadable_share": entry.unreadable_share,
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


def log_rankers(project: Project, trained: rank.TrainedArms) -> pl.DataFrame:
    """Logs every arm's ranker to MLflow; returns the RANKERS rows with their address there."""
    addresses = [
        project.tracker.log_ranker(
            row["ranker_id"],
            row["arm"],
            {"family": row["family"], "training_set_id": row["training_set_id"], **json.loads(row["parameters"])},
            {},
            {"model.txt": row["model"], "features.json": row["features"]},
        )
        for row in trained.frame.iter_rows(named=True)
    ]
    return RANKERS.conform(trained.frame.with_columns(pl.Series("mlflow_uri", addresses, dtype=pl.String)))
