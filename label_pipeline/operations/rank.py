"""A training set of every current label, rankers trained on it, and their proof on human grades."""

import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from label_pipeline.adapters.lightgbm_ranker import LightGBMTrainer
from label_pipeline.core.catalogue import RANKERS
from label_pipeline.core.codes.purposes import CALIBRATE
from label_pipeline.core.codes.ranking import AMPLIFIED
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judge import pair_grades
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.core.words import TOKENISER
from label_pipeline.operations.project import Project
from label_pipeline.operations.rank_queries import learnt_from, ranker_splits
from label_pipeline.operations.run import Run
from label_pipeline.stages import rank


@dataclass(frozen=True)
class Proven:
    """An evaluation, and what became of the champion.

    Attributes:
        evaluation: the figures, stored already.
        failures: why the amplified ranker is not champion, as sentences; empty = it is.
    """

    evaluation: rank.Evaluation
    failures: tuple[str, ...]


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
        ranker_splits(project),
        project.settings.grade_scale,
        max(now, labels.select(pl.col("labelled_at").max()).item()),
        documents=store.read("documents"),
        grades=project.settings.rank.grades,
        rubric=_rubric(project),
    )


def _rubric(project: Project) -> rank.RubricInForce:
    return rank.RubricInForce(project.rubric_version, project.settings.rank.crosswalk)


def label_orders(project: Project) -> tuple[rank.LabelOrder, ...]:
    """How the labels that would train order the human-graded train and dev pairs, by collection and judge.

    Of such a pair its label counts, where it has one, else what the judge that gives the labels said of it when it was
    calibrated.
    """
    store, rubric, keys = project.store("rank"), _rubric(project), [*PAIR_KEY, "judge_version"]
    labels = rubric.current(store.query("rank/training_labels"), project.settings.grade_scale, [])
    gold = store.query("rank/human_seed")
    given = labels.select(*keys, "raw_grade", "expected_grade")
    said = [given]
    for version in labels["judge_version"].unique().sort():
        judge, epoch = project.judge(version)
        replies = store.query(
            "calibrate/member_judgements",
            {"member_hash": judge.member_hash, "epochs": [epoch], "purpose": CALIBRATE},
            {"judgements": {"member_hash": judge.member_hash, "epoch": epoch, "purpose": CALIBRATE}},
        )  # fmt: skip
        graded = pair_grades(replies).with_columns(pl.lit(version).alias("judge_version")).select(given.columns)
        graded = rubric.in_its_grades(graded, judge.rubric_version, project.settings.grade_scale)
        labelled_in = labels.filter(pl.col("judge_version") == version)["collection"].unique()
        wanted = graded.filter(pl.col("collection").is_in(labelled_in.implode()))
        said.append(wanted.join(given, on=keys, how="anti", nulls_equal=True))
    return rank.label_orders(
        pl.concat(said), gold, project.settings.grade_scale, np.random.default_rng(0),
        trains_on=project.settings.rank.grades,
    )  # fmt: skip


def feature_space(project: Project, tokeniser: int = TOKENISER) -> rank.FeatureSpace:
    """Features fitted on the project's documents; no grade goes into it.

    A pair's own numbers are used only where candidates, seed and test pairs all carry them: what is learnt from must be
    there at the test.

    Args:
        project: whose.
        tokeniser: of rankers that are trained already, their own.
    """
    store = project.store("rank")
    own_numbers = [
        store.query(name).select(*PAIR_KEY, "features", "incumbent_score").unique()
        for name in ("rank/training_labels", "rank/human_seed", "rank/test_grades")
    ]
    return rank.FeatureSpace.fit(
        store.read("documents"),
        store.read("queries"),
        project.settings.rank.seed,
        pairs=own_numbers,
        tokeniser=tokeniser,
    )


def make_training_set(project: Project) -> tuple[rank.TrainingSets, pl.DataFrame]:
    """Every current label of every day as one named set, its manifests stored; and test queries inside it: none.

    Raises:
        NotApplicableError: there is no usable label yet.
    """
    found = training_sets(project)
    _store_manifests(project, found)
    splits = ranker_splits(project)
    return found, pl.concat([rank.test_query_inside(rows, splits) for rows in found.rows_by_arm.values()])


def train_rankers(run: Run, project: Project) -> tuple[rank.TrainedArms, pl.DataFrame]:
    """Trains every arm, each with its own parameters; returns the RANKERS rows too, stored and logged to MLflow.

    Raises:
        NotApplicableError: there is no usable label yet, or labels are not shown to be better than chance.
    """
    learnt_from = training_sets(project)  # rows are kept nowhere: only what names them
    rank.refuse_no_better_than_chance(label_orders(project))
    _store_manifests(project, learnt_from)
    trained = rank.train(
        learnt_from, feature_space(project), LightGBMTrainer(num_threads=project.settings.rank.threads),
        project.settings.rank.seed, project.clock(),
    )  # fmt: skip
    rows, store = log_rankers(project, trained), project.store("rank")
    if set(rows["ranker_id"]) != set(store.query("rank/newest_rankers")["ranker_id"]):
        store.append("rankers", rows, f"rankers:{run.run_id}")
    return trained, rows


def prove_ranker(run: Run, project: Project) -> Proven:
    """Evaluates the newest rankers on human grades of unseen queries, and settles who is champion.

    Raises:
        NotApplicableError: there is no ranker yet.
    """
    store = project.store("rank")
    newest = store.query("rank/newest_rankers")
    if newest.is_empty():
        raise NotApplicableError("there is no ranker yet; materialise trained_ranker first")
    trained = rank.load_trained(newest, LightGBMTrainer(num_threads=project.settings.rank.threads))
    found = rank.evaluate(
        trained, feature_space(project, trained.tokeniser), store.query("rank/test_grades"), ranker_splits(project),
        project.settings.grade_scale, np.random.default_rng(0), project.clock(),
        learnt=learnt_from(project, newest, membership_inputs(project)),
    )  # fmt: skip
    if not _said_last(store.read("ranker_metrics"), found.metrics):
        store.append("ranker_metrics", found.metrics, f"ranker_metrics:{run.run_id}")
    ranker = newest.filter(pl.col("arm") == AMPLIFIED)["ranker_id"][0]
    return Proven(found, _settle_champion(project, ranker, found.verdict.failures))


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


def membership_inputs(project: Project) -> rank.MembershipInputs:
    """What training sets are made from, as it is now."""
    store = project.store("rank")
    return rank.MembershipInputs(
        labels=store.read("labels"), gold=store.query("rank/human_seed"), splits=store.read("splits"),
        queries=store.read("queries"), documents=store.read("documents"), scale=project.settings.grade_scale,
        grades=project.settings.rank.grades, rubric=_rubric(project),
    )  # fmt: skip


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


def _settle_champion(project: Project, ranker: str, lost: tuple[str, ...]) -> tuple[str, ...]:
    """Promotes a ranker that won and may be champion; demotes a champion that may not be one.

    Returns:
        Why ``ranker`` was not promoted, as sentences, and why the champion before it was demoted; empty = promoted.
    """
    store, tracker, inputs = project.store("rank"), project.tracker, membership_inputs(project)
    rankers, manifests = store.read("rankers"), store.read("training_sets")
    failures = (*lost, *filter(None, [rank.objection(ranker, rankers, manifests, inputs)]))
    if not failures:
        tracker.promote(ranker)
        return ()
    champion = tracker.champion()
    if champion == ranker:
        tracker.demote()
    elif champion is not None and (why := rank.objection(champion, rankers, manifests, inputs)):
        tracker.demote()
        return (*failures, f"The champion lost its crown: {why}")
    return failures
