"""The rank stage: a training set of every current label, rankers trained on it, and their proof on human grades."""

import dagster as dg
import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.core.codes.ranking import DIFFERENCES, MAIN_METRIC
from label_pipeline.defs.names import Names
from label_pipeline.defs.report import markdown, refusing, stage_asset
from label_pipeline.defs.resources import run_of
from label_pipeline.operations import rank as operation
from label_pipeline.operations.project import Project
from label_pipeline.stages.rank import by_language


def rank_assets(key: Names) -> list[dg.AssetsDefinition]:
    """``training_set``, ``trained_ranker`` and ``ranker_evaluation``."""
    return [_training_set(key), _trained_ranker(key), _ranker_evaluation(key)]


def _training_set(key: Names) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "training_set",
        "rank",
        "training_sets",
        deps=[dg.AssetDep(key("amplified_labels"), partition_mapping=dg.AllPartitionMapping()), "seed_splits"],
        kinds={"polars", "deltalake"},
        check_specs=[
            dg.AssetCheckSpec(
                "no_test_query_inside",
                asset=key("training_set"),
                blocking=True,
                description="No holdout or anchor query is trained on.",
            )
        ],
    )
    def training_set(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """Every current label of every day, holdout and anchor queries left out, as one named set."""
        with refusing():
            found, inside = operation.make_training_set(project)
            return dg.MaterializeResult(
                metadata={
                    "manifests": markdown(found.manifests.drop("verdict_ids")),
                    "notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in found.notes) or "none"),
                },
                check_results=[
                    dg.AssetCheckResult(
                        check_name="no_test_query_inside",
                        passed=inside.is_empty(),
                        severity=dg.AssetCheckSeverity.ERROR,
                        metadata={"test queries inside": inside["query_id"].unique().sort().to_list()},
                    )
                ],
                data_version=dg.DataVersion("+".join(sorted(found.manifests["training_set_id"]))),
            )

    return training_set


def _trained_ranker(key: Names) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "trained_ranker",
        "rank",
        "rankers",
        deps=["training_set"],
        kinds={"lightgbm", "scikitlearn", "deltalake", "mlflow"},
    )
    def trained_ranker(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """LambdaMART on the amplified labels, and the arms it is compared with, each with its own parameters."""
        with refusing():
            trained, rows = operation.train_rankers(run_of(context), project)
            shown = rows.select("ranker_id", "arm", "family", "parameters", "training_set_id")
            return dg.MaterializeResult(
                metadata={
                    "rankers": markdown(shown),
                    "features": dg.MetadataValue.json(list(trained.features)),
                    "notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in trained.notes) or "none"),
                },
                data_version=dg.DataVersion("+".join(sorted(rows["ranker_id"]))),
            )

    return trained_ranker


def _ranker_evaluation(key: Names) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "ranker_evaluation",
        "rank",
        "ranker_metrics",
        deps=["trained_ranker", "seed_inputs", "seed_splits"],
        kinds={"polars", "deltalake", "mlflow"},
        check_specs=[
            dg.AssetCheckSpec(
                "beats_seed_only",
                asset=key("ranker_evaluation"),
                description="Lower 95 % bound of the paired nDCG@10 difference, amplified minus seed only, is above 0.",
            )
        ],
    )
    def ranker_evaluation(
        context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]
    ) -> dg.MaterializeResult:
        """Do machine labels beat the human seed alone? nDCG@10 on human grades of unseen queries."""
        with refusing():
            proven = operation.prove_ranker(run_of(context), project)
            found, failures = proven.evaluation, proven.failures
            main = found.metrics.filter((pl.col("metric") == MAIN_METRIC) & ~pl.col("arm").is_in(DIFFERENCES))
            drawn = [(r["arm"], r["estimate"], r["low"], r["high"]) for r in main.iter_rows(named=True)]
            picture = plots.intervals(drawn, "nDCG@10, exponential gain, unseen queries", None)
            return dg.MaterializeResult(
                metadata={
                    "metrics": markdown(found.metrics.drop("evaluation_id", "evaluated_at", "ranker_id"), most=40),
                    "languages": markdown(by_language(found.by_query)),
                    "notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in found.notes) or "none"),
                    "picture": dg.MetadataValue.md(plots.data_uri_markdown(picture, "nDCG@10 by arm")),
                    **{f"ndcg10_{r['arm']}": float(r["estimate"]) for r in main.iter_rows(named=True)},
                },
                check_results=[
                    dg.AssetCheckResult(
                        check_name="beats_seed_only",
                        passed=not failures,
                        severity=dg.AssetCheckSeverity.ERROR,
                        description=" ".join(failures) or "the amplified ranker beats the seed-only one",
                        metadata={"failures": list(failures), "figures": list(found.verdict.summary)},
                    )
                ],
            )

    return ranker_evaluation
