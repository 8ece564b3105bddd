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
from label_pipeline.core.judge import pair_grades
from label_pipeline.core.judging.plan import Plan, refuse_over
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.ports import PairText
from label_pipeline.defs.asking import ask_and_store, price, refuse_unanswered, refusing, spending
from label_pipeline.defs.experiments import log_candidates, store_judge
from label_pipeline.defs.project import Project
from label_pipeline.defs.report import OWNERS, Keys, column_schema, markdown
from label_pipeline.stages import calibrate


class CalibrationConfig(dg.Config):
    """How this calibration differs from a mere repetition."""

    fresh: bool = False
    """Start a new epoch: nothing is re-used, so the judge is really asked again. It costs what it costs."""


def calibrate_assets(key: Keys, spending_pool: str) -> list[dg.AssetsDefinition]:
    """``judge_leaderboard`` and ``calibrated_judge``."""

    @dg.asset(
        key=key("judge_leaderboard"),
        deps=[key("gold_labels"), key("seed_splits")],
        group_name="calibrate",
        owners=OWNERS,
        kinds={"openai", "deltalake", "mlflow"},
        pool=spending_pool,
        metadata=column_schema("leaderboard"),
    )
    def judge_leaderboard(
        context: dg.AssetExecutionContext, config: CalibrationConfig, project: dg.ResourceParam[Project]
    ) -> dg.MaterializeResult:
        """Every judge candidate on the humans' train and dev queries: calibrated loss, price, and which one wins."""
        with refusing(), spending(project):
            store = project.store("calibrate")
            pairs = store.query("seed/graded_pairs", {"splits": ["train", "dev"]})
            if pairs.is_empty():
                raise NotApplicableError("no human grade on a train or dev query; materialise seed_inputs first")
            epoch = int(store.query("calibrate/current_epoch")["epoch"][0]) + config.fresh
            texts = pair_texts(pairs)
            plans = [price(project, member, texts, epoch=epoch, purpose="calibrate") for member in project.members]
            refuse_over(sum(plans, Plan()), project.settings.calibrate.cap_usd, "calibrate")
            candidates = _ask_candidates(context, project, texts, epoch)
            entries = calibrate.compare(
                pairs, candidates, project.settings.grade_scale,
                folds=project.settings.calibrate.folds, rng=np.random.default_rng(0),
            )  # fmt: skip
            asked = [candidate.member_hash for candidate in candidates if candidate.grades is not None]
            name = calibrate.calibration_id(pairs, asked, epoch)
            board = calibrate.board(entries, name, epoch, project.clock())
            store.append("leaderboard", board, f"leaderboard:{context.run.run_id}")
            log_candidates(project, entries, pairs, name)
            shown = board.select(
                "candidate", "loss", "loss_low", "loss_high", "difference", "difference_se", "pairwise_accuracy",
                "unreadable_share", "cost_per_1000_usd", "chosen", "reason",
            )  # fmt: skip
            drawn = [(e.candidate.name, e.loss.value, e.loss.low, e.loss.high) for e in entries if e.n_pairs]
            return dg.MaterializeResult(
                metadata={
                    "leaderboard": markdown(shown),
                    "losses": dg.MetadataValue.md(
                        plots.data_uri_markdown(
                            plots.intervals(drawn, "Calibrated loss (NMSE, lower is better)", None), "losses"
                        )
                    ),
                    "pairs": len(texts),
                    "epoch": epoch,
                    "chosen": next(e.candidate.name for e in entries if e.chosen),
                },
                data_version=dg.DataVersion(name),
            )

    @dg.asset(
        key=key("calibrated_judge"),
        deps=[key("judge_leaderboard")],
        group_name="calibrate",
        owners=OWNERS,
        kinds={"deltalake", "mlflow"},
        metadata=column_schema("judge_versions"),
    )
    def calibrated_judge(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """The chosen candidate, frozen: calibrator per collection, content hash, MLflow alias `candidate`."""
        with refusing():
            store = project.store("calibrate")
            board = store.query("calibrate/newest_calibration")
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
            epoch = int(line["epoch"])
            judged = store.query(
                "calibrate/candidate_judgements",
                {"member_hash": member.member_hash, "epoch": epoch, "purpose": "calibrate"},
            )
            gold = store.query("seed/graded_pairs", {"splits": ["train", "dev"]})
            served = judged.filter(pl.col("outcome") == "graded")["model_reported"].drop_nulls()
            if served.is_empty():
                raise NotApplicableError(
                    f"candidate {line['candidate']!r} won, but no grade of it is stored in epoch {epoch}: "
                    "materialise judge_leaderboard again"
                )
            judge = calibrate.freeze(
                gold, pair_grades(judged), project.settings.grade_scale, candidate=member.name,
                members=json.dumps([member.describe()]), rubric_version=project.rubric_version,
                model_served=str(served.first()),
            )  # fmt: skip
            store_judge(project, judge, line, epoch, context.run.run_id)
            return dg.MaterializeResult(
                metadata={
                    "judge_version": judge.judge_version,
                    "candidate": judge.candidate,
                    "model_served": judge.model_served,
                    "calibrators": dg.MetadataValue.json(json.loads(judge.calibrators_json)),
                    "system_message": dg.MetadataValue.md(f"```\n{member.system}\n```"),
                    "cost_per_1000_usd": float(line["cost_per_1000_usd"]),
                },
                data_version=dg.DataVersion(judge.judge_version),
            )

    return [judge_leaderboard, calibrated_judge]


def _ask_candidates(
    context: dg.AssetExecutionContext, project: Project, texts: Sequence[PairText], epoch: int
) -> list[calibrate.Candidate]:
    """Every candidate's grades, all within one cap; a model the endpoint refuses stays on the board with the reason.

    Raises:
        ProviderUnavailableError: an outage: the next best candidate must not win by it.
        BudgetError: the cap was reached.
    """
    left = project.settings.calibrate.cap_usd
    found = []
    for member in project.members:
        try:
            judging = ask_and_store(context, project, member, texts, purpose="calibrate", epoch=epoch, cap_usd=left)
        except (ProviderRejectedError, ServedModelError) as error:
            context.log.warning(f"candidate {member.name}: {error}")
            found.append(calibrate.Candidate(member.name, member.member_hash, None, float("nan"), str(error)))
            continue
        left -= judging.cost_usd
        refuse_unanswered(judging, "calibrate", project.settings.calibrate.cap_usd)
        tokens = [int(judging.judgements[name].sum()) for name in ("input_tokens", "cached_tokens", "output_tokens")]
        cost = member.price.cost_usd(*tokens) / max(len(texts), 1) * 1000
        grades = pair_grades(judging.judgements)
        found.append(calibrate.Candidate(member.name, member.member_hash, grades, cost))
    return found
