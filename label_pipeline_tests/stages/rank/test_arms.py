import json
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from label_pipeline.adapters.lightgbm_ranker import LightGBMTrainer
from label_pipeline.core.catalogue import RANKERS
from label_pipeline.core.errors import TableError
from label_pipeline.core.ranker import Floats, Parameters, Ranker, RankingRows
from label_pipeline.core.ranking import ndcg_by_query
from label_pipeline.core.scale import Scale
from label_pipeline.stages.rank.arms import TrainedArms, choose, load_trained, train
from label_pipeline.stages.rank.features import FeatureSpace
from label_pipeline.stages.rank.ridge import RidgeTrainer
from label_pipeline.stages.rank.training_set import TrainingSets, build_training_sets
from label_pipeline_tests.stages.rank import world

GAINS = (0.0, 1.0, 3.0, 7.0)


@dataclass(frozen=True)
class Directed:
    """Scores a row by one feature, forwards or backwards."""

    direction: float
    family: str
    feature: int

    @property
    def parameters(self) -> Parameters:
        return {"direction": self.direction}

    @property
    def text(self) -> str:
        return str(self.direction)

    def score(self, features: Floats) -> Floats:
        return self.direction * features[:, self.feature]


@dataclass
class Scripted:
    """A learner that learns nothing: its path is the given directions. Keeps the sizes it was shown."""

    directions: tuple[float, ...]
    family: str
    feature: int = 0

    def __post_init__(self) -> None:
        self.shown: list[set[int]] = []

    def path(self, rows: RankingRows, seed: int) -> tuple[Ranker, ...]:
        self.shown.append(set(rows.query_index.tolist()))
        return tuple(Directed(direction, self.family, self.feature) for direction in self.directions)

    def load(self, text: str) -> Ranker:
        return Directed(float(text), self.family, self.feature)


def ordered_rows(n_queries: int = 10) -> RankingRows:
    """Feature 0 is the label itself; feature 1 is noise."""
    labels = np.tile(np.array([0, 1, 2, 3]), n_queries)
    noise = np.random.default_rng(0).normal(size=labels.size)
    return RankingRows(np.column_stack([labels, noise]), labels, np.repeat(np.arange(n_queries), 4), GAINS)


def test_the_strength_with_the_best_validated_ndcg_is_chosen_and_trained_on_all_queries() -> None:
    learner = Scripted((-1.0, 0.0, 1.0, 1.0), "fake")
    chosen = choose(ordered_rows(), [learner], seed=0)
    assert chosen.ranker.parameters == {"direction": 1.0}
    assert chosen.validated_ndcg == pytest.approx(1)
    assert [len(queries) for queries in learner.shown] == [8] * 5 + [10]  # five folds, then everything
    assert set.intersection(*learner.shown[:5]) == set()  # every query was held out once


def test_the_better_learner_is_chosen_and_a_tie_goes_to_the_first() -> None:
    bad, good, same = Scripted((-1.0,), "bad"), Scripted((1.0,), "good"), Scripted((1.0,), "same")
    assert choose(ordered_rows(), [bad, good], seed=0).ranker.family == "good"
    assert choose(ordered_rows(), [good, bad], seed=0).ranker.family == "good"
    assert choose(ordered_rows(), [good, same], seed=0).ranker.family == "good"


def test_ridge_finds_a_planted_direction_and_ignores_differences_between_queries() -> None:
    rows = ordered_rows(100)
    shifts = np.repeat(np.arange(100) % 2, 4) * 100.0  # in half of the queries every document has 100 more
    planted = RankingRows(rows.features + np.column_stack([shifts, 0 * shifts]), rows.labels, rows.query_index, GAINS)
    weakest = RidgeTrainer().path(planted, 0)[-1]
    steps = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    base, along, aside = weakest.score(steps)
    assert along - base == pytest.approx(400 / 410, abs=0.01)  # a step is a grade, shrunk by n / (n + alpha)
    assert abs(aside - base) < 0.1


def test_ridge_shrinks_along_its_path_and_fills_what_is_unknown() -> None:
    rows = ordered_rows()
    unknown = np.where(rows.features == 2, np.nan, rows.features)
    constant = np.column_stack([unknown, np.full(40, 7.0), np.full(40, np.nan)])
    path = RidgeTrainer().path(RankingRows(constant, rows.labels, rows.query_index, GAINS), 0)
    probe = np.array([[0.0, 0, 7, 0], [3.0, 0, 9, 1], [np.nan, 0, 7, np.nan]])
    scores = np.array([ranker.score(probe) for ranker in path])
    assert (np.diff(scores[:, 1] - scores[:, 0]) > 0).all()  # weaker regularisation, larger steps
    assert np.isfinite(scores).all()
    filled = np.array([[4 / 3, 0, 7, 0]])  # the mean of the known 0, 1 and 3
    assert path[-1].score(filled)[0] == pytest.approx(scores[-1, 2])


def test_ranking_rows_refuse_what_a_learner_would_misread() -> None:
    rows = ordered_rows()
    with pytest.raises(ValueError, match="sorted by query_index"):
        RankingRows(rows.features, rows.labels, rows.query_index[::-1], GAINS)
    with pytest.raises(ValueError, match="labels run from 0 to 3, expected 0 to 2"):
        RankingRows(rows.features, rows.labels, rows.query_index, GAINS[:3])
    with pytest.raises(ValueError, match="one label and one query"):
        RankingRows(rows.features, rows.labels[:-1], rows.query_index, GAINS)


@pytest.fixture(scope="module")
def learnt() -> tuple[TrainingSets, FeatureSpace, TrainedArms]:
    """All machine labels right; a seed of six pairs in each of four queries."""
    documents, queries, graded = world.graded_world(np.random.default_rng(5))
    seed_queries = ("q00", "q01", "q02", "q03")
    gold = [(q, d, float(g)) for q, d, g in graded if q in seed_queries and d[-2:] < "06"]
    labels = [(q, d, float(g)) for q, d, g in graded if q < "q12"]
    splits = world.splits(dict.fromkeys(seed_queries, "dev") | {f"q{i}": "holdout" for i in range(12, 24)})
    sets = build_training_sets(world.labels(labels), world.gold(gold), splits, Scale(0, 3), world.NOW)
    space = FeatureSpace.fit(documents, queries, 0)
    return sets, space, train(sets, space, LightGBMTrainer(rounds=(20, 60)), 7, world.NOW)


def test_every_arm_is_trained_on_its_own_rows(learnt: tuple[TrainingSets, FeatureSpace, TrainedArms]) -> None:
    sets, space, trained = learnt
    assert list(trained.rankers) == ["amplified", "seed_only", "permuted", "amplified_l2"]
    assert RANKERS.conform(trained.frame).equals(trained.frame)
    by_arm = {row["arm"]: row for row in trained.frame.iter_rows(named=True)}
    amplified, seed = sets.training_set_id("amplified"), sets.training_set_id("seed_only")
    assert [by_arm[arm]["training_set_id"] for arm in trained.rankers] == [amplified, seed, amplified, amplified]
    assert [by_arm[arm]["family"] for arm in ("amplified", "permuted", "amplified_l2")] == [
        "lambdamart", "lambdamart", "ridge",
    ]  # fmt: skip
    assert len(set(trained.ids.values())) == 4
    assert by_arm["amplified"]["mlflow_uri"] is None
    assert json.loads(by_arm["amplified"]["features"]) == list(space.names)
    assert json.loads(by_arm["amplified"]["parameters"])["rng_seed"] == 7
    assert "amplified: lambdamart on 240 labels of 12 queries" in trained.notes[0]


@pytest.mark.parametrize(("direction", "better"), [(1.0, "lambdamart"), (-1.0, "ridge")])
def test_the_seed_arm_is_the_better_of_two_learners(
    learnt: tuple[TrainingSets, FeatureSpace, TrainedArms], direction: float, better: str
) -> None:
    sets, space, _ = learnt
    coverage = space.names.index("coverage")  # in this world coverage is the grade
    trained = train(sets, space, Scripted((direction,), "lambdamart", coverage), 7, world.NOW)
    assert trained.rankers["seed_only"].family == better
    assert trained.rankers["amplified"].family == "lambdamart"


def test_the_amplified_ranker_orders_unseen_queries_and_the_permuted_control_does_not(
    learnt: tuple[TrainingSets, FeatureSpace, TrainedArms],
) -> None:
    _, space, trained = learnt
    _, _, graded = world.graded_world(np.random.default_rng(5))
    tested = [row for row in graded if row[0] >= "q12"]
    features = space.matrix(world.pairs(*((q, d) for q, d, _ in tested))).values
    grades = np.array([grade for _, _, grade in tested])
    query = np.array([int(q[1:]) - 12 for q, _, _ in tested])
    ndcg = {arm: ndcg_by_query(each.score(features), grades, query, 12).mean() for arm, each in trained.rankers.items()}
    assert ndcg["amplified"] > 0.9
    assert ndcg["amplified_l2"] > 0.9
    assert ndcg["permuted"] < ndcg["amplified"] - 0.2


def test_training_again_gives_the_same_rankers(learnt: tuple[TrainingSets, FeatureSpace, TrainedArms]) -> None:
    sets, space, trained = learnt
    again = train(sets, space, LightGBMTrainer(rounds=(20, 60)), 7, world.NOW)
    assert again.frame.equals(trained.frame)
    other = train(sets, space, LightGBMTrainer(rounds=(20, 60)), 8, world.NOW)
    assert other.ids["amplified"] != trained.ids["amplified"]


def test_stored_rankers_score_as_the_trained_ones(learnt: tuple[TrainingSets, FeatureSpace, TrainedArms]) -> None:
    _, space, trained = learnt
    loaded = load_trained(trained.frame.sample(fraction=1, shuffle=True, seed=1), LightGBMTrainer())
    assert loaded.features == space.names
    assert dict(loaded.ids) == dict(trained.ids)
    probe = np.random.default_rng(2).normal(size=(50, len(space.names)))
    for arm, ranker in trained.rankers.items():
        assert np.array_equal(loaded.rankers[arm].score(probe), ranker.score(probe)), arm


def test_a_ranker_says_which_words_it_was_trained_on_and_one_that_does_not_is_of_the_first(
    learnt: tuple[TrainingSets, FeatureSpace, TrainedArms],
) -> None:
    _, space, trained = learnt
    assert (space.tokeniser, trained.tokeniser, load_trained(trained.frame, LightGBMTrainer()).tokeniser) == (2, 2, 2)
    before_versions = [
        json.dumps({name: value for name, value in json.loads(text).items() if name != "tokeniser"})
        for text in trained.frame["parameters"]
    ]
    old = trained.frame.with_columns(parameters=pl.Series(before_versions))
    assert load_trained(old, LightGBMTrainer()).tokeniser == 1
    with pytest.raises(TableError, match=r"words of tokenisers \[1, 2\]"):
        load_trained(pl.concat([old[:1], trained.frame[1:]]), LightGBMTrainer())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.clear(), "no trained ranker is stored"),
        (lambda frame: pl.concat([frame, frame[:1]]), "one row an arm"),
        (lambda frame: frame.with_columns(family=pl.lit("forest")), r"unknown families \['forest'\]"),
        (lambda frame: frame.with_columns(model=pl.lit("{}")), "the stored model"),
    ],
)
def test_rankers_that_cannot_be_loaded_are_refused(
    learnt: tuple[TrainingSets, FeatureSpace, TrainedArms], change: object, message: str
) -> None:
    assert callable(change)
    with pytest.raises(TableError, match=message):
        load_trained(change(learnt[2].frame), LightGBMTrainer())


def test_a_training_pair_outside_the_feature_space_is_named(
    learnt: tuple[TrainingSets, FeatureSpace, TrainedArms],
) -> None:
    sets, _, _ = learnt
    other = FeatureSpace.fit(world.documents({"d": "x"}), world.queries({"q00": "x"}), 0)
    with pytest.raises(TableError, match="not loaded"):
        train(sets, other, LightGBMTrainer(rounds=(20,)), 7, world.NOW)
