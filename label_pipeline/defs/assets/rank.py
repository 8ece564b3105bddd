"""The rank stage: a training set of every current label, rankers trained on it, and their proof on human grades.

Keep out: features, arms, evaluation (stages/rank), LightGBM (adapters).
"""

import dagster as dg
import numpy as np
import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.adapters.lightgbm_ranker import LightGBMTrainer
from label_pipeline.core.codes.ranking import AMPLIFIED, DIFFERENCES, MAIN_METRIC
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.defs.asking import refusing
from label_pipeline.defs.experiments import log_rankers
from label_pipeline.defs.project import Project
from label_pipeline.defs.recalling import membership_inputs
from label_pipeline.defs.report import Keys, markdown, stage_asset
from label_pipeline.stages import rank


def rank_assets(key: Keys) -> list[dg.AssetsDefinition]:
    """``training_set``, ``trained_ranker`` and ``ranker_evaluation``."""
    return [_training_set(key), _trained_ranker(key), _ranker_evaluation(key)]


def training_sets(project: Project) -> rank.TrainingSets:
    """The training rows of every arm, from the tables as they are now; a pure function of them."""
    store = project.store("rank")
    now = project.clock()  # before the labels are read: what is recalled after that is recalled after this moment
    labels = store.query("rank/training_labels")
    if labels.is_empty():
        raise NotApplicableError("there is no usable label yet; materialise amplified_labels first")
    return rank.build_training_sets(
        labels,
        store.query("rank/human_seed"),
        store.read("splits"),
        project.settings.grade_scale,
        max(now, labels.select(pl.col("labelled_at").max()).item()),
        documents=store.read("documents"),
        grades=project.settings.rank.grades,
    )


def feature_space(project: Project) -> rank.FeatureSpace:
    """Features fitted on the project's documents; no grade goes into it.

    A pair's own numbers are used only where candidates, seed and test pairs all carry them: what is learnt from must be
    there at the test.
    """
    store = project.store("rank")
    own_numbers = [
        store.query(name).select(*PAIR_KEY, "features", "incumbent_score")
        for name in ("rank/training_labels", "rank/human_seed", "rank/test_grades")
    ]
    return rank.FeatureSpace.fit(
        store.read("documents"),
        store.read("queries"),
        project.settings.rank.seed,
        pairs=own_numbers,
    )


def _training_set(key: Keys) -> dg.AssetsDefinition:
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
            store = project.store("rank")
            found = training_sets(project)
            _store_manifests(project, found)
            splits = store.read("splits")
            inside = pl.concat([rank.test_query_inside(rows, splits) for rows in found.rows_by_arm.values()])
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


def _trained_ranker(key: Keys) -> dg.AssetsDefinition:
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
            learnt_from = training_sets(project)  # rows are kept nowhere: only what names them
            _store_manifests(project, learnt_from)
            trained = rank.train(
                learnt_from,
                feature_space(project),
                LightGBMTrainer(num_threads=project.settings.rank.threads),
                project.settings.rank.seed,
                project.clock(),
            )
            rows, store = log_rankers(project, trained), project.store("rank")
            if set(rows["ranker_id"]) != set(store.query("rank/newest_rankers")["ranker_id"]):
                store.append("rankers", rows, f"rankers:{context.run.run_id}")
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


def _ranker_evaluation(key: Keys) -> dg.AssetsDefinition:
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
            store = project.store("rank")
            newest = store.query("rank/newest_rankers")
            if newest.is_empty():
                raise NotApplicableError("there is no ranker yet; materialise trained_ranker first")
            found = rank.evaluate(
                rank.load_trained(newest, LightGBMTrainer(num_threads=project.settings.rank.threads)),
                feature_space(project), store.query("rank/test_grades"), store.read("splits"),
                project.settings.grade_scale, np.random.default_rng(0), project.clock(),
            )  # fmt: skip
            if not _said_last(store.read("ranker_metrics"), found.metrics):
                store.append("ranker_metrics", found.metrics, f"ranker_metrics:{context.run.run_id}")
            ranker = newest.filter(pl.col("arm") == AMPLIFIED)["ranker_id"][0]
            failures = _settle_crown(project, ranker, found.verdict.failures)
            main = found.metrics.filter((pl.col("metric") == MAIN_METRIC) & ~pl.col("arm").is_in(DIFFERENCES))
            drawn = [(r["arm"], r["estimate"], r["low"], r["high"]) for r in main.iter_rows(named=True)]
            picture = plots.intervals(drawn, "nDCG@10, exponential gain, unseen queries", None)
            return dg.MaterializeResult(
                metadata={
                    "metrics": markdown(found.metrics.drop("evaluation_id", "evaluated_at", "ranker_id"), most=40),
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


def _store_manifests(project: Project, found: rank.TrainingSets) -> None:
    """Appends the manifests that are not there yet: without one no recall finds who learnt from a label."""
    store, key = project.store("rank"), ["training_set_id", "arm"]
    new = found.manifests.join(store.read("training_sets"), on=key, how="anti", maintain_order="left")
    if not new.is_empty():
        store.append("training_sets", new, "training_sets:" + "+".join(new["training_set_id"]))


def _said_last(before: pl.DataFrame, metrics: pl.DataFrame) -> bool:
    """Whether the newest evaluation that is stored found the very same."""
    newest = before.filter(pl.col("evaluated_at") == pl.col("evaluated_at").max())
    figures = [rows.drop("evaluated_at").sort("arm", "metric") for rows in (newest, metrics)]
    return figures[0].equals(figures[1])


def _settle_crown(project: Project, ranker: str, lost: tuple[str, ...]) -> tuple[str, ...]:
    """Crowns a ranker that won and may be champion; takes the crown from a champion that may not be one.

    Returns:
        Why ``ranker`` was not crowned, as sentences, and why the champion before it lost the crown; empty = crowned.
    """
    store, tracker, inputs = project.store("rank"), project.tracker, membership_inputs(project)
    rankers, manifests = store.read("rankers"), store.read("training_sets")
    failures = (*lost, *filter(None, [rank.objection(ranker, rankers, manifests, inputs)]))
    if not failures:
        tracker.crown(ranker)
        return ()
    champion = tracker.champion()
    if champion == ranker:
        tracker.dethrone()
    elif champion is not None and (why := rank.objection(champion, rankers, manifests, inputs)):
        tracker.dethrone()
        return (*failures, f"The champion lost its crown: {why}")
    return failures
