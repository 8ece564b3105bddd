from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.catalogue import RANKER_METRICS
from label_pipeline.core.errors import NotApplicableError, TableError
from label_pipeline.core.ranker import Floats, Parameters
from label_pipeline.core.scale import Scale
from label_pipeline.stages.rank.arms import TrainedArms
from label_pipeline.stages.rank.evaluation import Evaluation, evaluate
from label_pipeline.stages.rank.features import FeatureSpace
from label_pipeline_tests.stages.rank import world

SCALE = Scale(0, 3)
EXPONENTIAL, LINEAR = "nDCG@10 exponential gain", "nDCG@10 linear gain"


@dataclass(frozen=True)
class Prepared:
    """A ranker that returns prepared scores, one for each tested pair in pair-key order."""

    scores: Floats
    family: str = "prepared"
    text: str = ""

    @property
    def parameters(self) -> Parameters:
        return {}

    def score(self, features: Floats) -> Floats:
        return self.scores


@dataclass(frozen=True)
class World:
    space: FeatureSpace
    graded: list[tuple[str, str, int]]
    splits: pl.DataFrame

    @property
    def tested(self) -> list[tuple[str, str, int]]:
        """Rows of the 14 holdout and anchor queries, in pair-key order."""
        return sorted(row for row in self.graded if row[0] >= "q10")

    @property
    def grades(self) -> Floats:
        return np.array([grade for _, _, grade in self.tested], dtype=np.float64)


@pytest.fixture(scope="module")
def known() -> World:
    documents, queries, graded = world.graded_world(np.random.default_rng(9))
    names = {f"q{i:02}": "train" if i < 10 else "holdout" if i < 20 else "anchor" for i in range(world.N_QUERIES)}
    return World(FeatureSpace.fit(documents, queries, 0), graded, world.splits(names))


def run(known: World, evaluation: pl.DataFrame | None = None, scale: Scale = SCALE, **scores: Floats) -> Evaluation:
    """Evaluates prepared scores; an arm not named is random."""
    rng = np.random.default_rng(4)
    arms = {arm: scores.get(arm, rng.normal(size=len(known.tested))) for arm in ("amplified", "seed_only", "permuted")}
    trained = TrainedArms(
        rankers={arm: Prepared(values) for arm, values in arms.items()},
        ids={arm: f"id-{arm}" for arm in arms},
        features=known.space.names,
        frame=pl.DataFrame(),
    )
    rows = world.evaluation(known.graded) if evaluation is None else evaluation
    return evaluate(trained, known.space, rows, known.splits, scale, np.random.default_rng(1), world.NOW)


def figure(found: Evaluation, arm: str, metric: str = EXPONENTIAL) -> dict[str, float]:
    return found.metrics.row(by_predicate=(pl.col("arm") == arm) & (pl.col("metric") == metric), named=True)


def test_a_perfect_ranker_has_ndcg_1_and_beats_a_random_seed(known: World) -> None:
    found = run(known, amplified=known.grades)
    assert figure(found, "amplified")["estimate"] == pytest.approx(1)
    assert figure(found, "amplified")["low"] == pytest.approx(1)
    difference = figure(found, "amplified - seed_only")
    seed = figure(found, "seed_only")
    assert difference["estimate"] == pytest.approx(1 - seed["estimate"])
    assert 0 < difference["low"] < difference["estimate"] < difference["high"]
    assert difference["p_value"] < 0.01
    assert found.verdict.beats_seed_only
    assert found.verdict.failures == ()
    assert "amplified - seed_only: nDCG@10 exponential gain +0." in found.verdict.summary[-2]


def test_a_ranker_like_the_seed_does_not_pass_and_the_sentence_has_the_figures(known: World) -> None:
    rng = np.random.default_rng(0)
    noisy = known.grades + rng.normal(size=known.grades.size)
    found = run(known, amplified=noisy, seed_only=noisy + rng.normal(scale=0.01, size=noisy.size))
    assert not found.verdict.beats_seed_only
    difference = figure(found, "amplified - seed_only")
    assert f"{difference['low']:+.3f} to {difference['high']:+.3f} over 14 queries" in found.verdict.failures[0]
    assert "The lower bound must be above 0" in found.verdict.failures[0]


def test_a_worse_ranker_is_told_from_an_undecided_one(known: World) -> None:
    found = run(known, amplified=-known.grades, seed_only=known.grades)
    assert "make the ranker worse" in found.verdict.failures[0]
    assert figure(found, "amplified - seed_only")["high"] < 0


def test_both_gains_are_named_and_differ(known: World) -> None:
    found = run(known)
    assert set(found.metrics["metric"]) == {EXPONENTIAL, LINEAR}
    assert figure(found, "bm25")["estimate"] != figure(found, "bm25", LINEAR)["estimate"]
    ids = dict(found.metrics.filter(pl.col("metric") == LINEAR).select("arm", "ranker_id").iter_rows())
    assert (ids["amplified"], ids["bm25"], ids["amplified - bm25"]) == ("id-amplified", None, None)


def test_metrics_fit_their_table_and_only_holdout_and_anchor_are_tested(known: World) -> None:
    found = run(known)
    assert RANKER_METRICS.conform(found.metrics).equals(found.metrics)
    assert set(found.metrics["split"]) == {"holdout+anchor"}
    assert (figure(found, "bm25")["n_queries"], figure(found, "bm25")["n_pairs"]) == (14, 14 * world.PER_QUERY)
    assert found.by_query["query_id"].min() == "q10"
    assert found.by_query["language"].dtype == pl.String
    assert "200 evaluation rows of other queries are not used." in found.notes
    assert found.by_query.filter(pl.col("arm") == "bm25")["ndcg_linear"].mean() == pytest.approx(
        figure(found, "bm25", LINEAR)["estimate"]
    )


def test_gains_count_from_the_scales_lowest_grade(known: World) -> None:
    shifted = world.evaluation([(q, d, g + 1) for q, d, g in known.graded])
    assert figure(run(known, shifted, Scale(1, 4)), "bm25") | {"evaluation_id": ""} == figure(run(known), "bm25") | {
        "evaluation_id": ""
    }


def test_same_grades_and_rankers_are_the_same_evaluation(known: World) -> None:
    first = run(known)
    shuffled = world.evaluation(known.graded[::-1])
    again = run(known, shuffled)
    assert again.metrics.equals(first.metrics)
    changed = world.evaluation([(q, d, 3 - g) if q == "q20" else (q, d, g) for q, d, g in known.graded])
    assert set(run(known, changed).metrics["evaluation_id"]) != set(first.metrics["evaluation_id"])


def test_queries_without_a_positive_grade_are_counted_and_left_out(known: World) -> None:
    flat = world.evaluation([(q, d, 0 if q in ("q10", "q11") else g) for q, d, g in known.graded])
    found = run(known, flat)
    assert "2 of 14 test queries have no positive grade and are left out." in found.notes
    assert (figure(found, "bm25")["n_queries"], figure(found, "bm25")["n_pairs"]) == (12, 12 * world.PER_QUERY)
    assert found.by_query.filter(pl.col("query_id") == "q10")["ndcg_exponential"].is_nan().all()


def test_no_positive_grade_at_all_is_unknown_and_therefore_no_pass(known: World) -> None:
    found = run(known, world.evaluation([(q, d, 0) for q, d, _ in known.graded]))
    assert not found.verdict.beats_seed_only
    assert "is unknown: 0 test queries have a positive grade" in found.verdict.failures[0]
    assert np.isnan(figure(found, "amplified")["estimate"])


def test_the_incumbent_takes_part_only_when_every_test_pair_has_its_score(known: World) -> None:
    rows = world.evaluation(known.graded)
    scored = rows.with_columns(incumbent_score=pl.col("grade").cast(pl.Float64))
    assert figure(run(known, scored), "incumbent")["estimate"] == pytest.approx(1)
    one_missing = scored.with_columns(
        incumbent_score=pl.when(pl.col("doc_id") == "d10-00").then(None).otherwise(pl.col("incumbent_score"))
    )
    found = run(known, one_missing)
    assert "incumbent" not in set(found.metrics["arm"])
    assert any("incumbent is not compared" in note for note in found.notes)


def test_scores_that_order_nothing_are_refused_but_the_control_may_be_constant(known: World) -> None:
    n = known.grades.size
    per_query = np.repeat(np.arange(n // world.PER_QUERY), world.PER_QUERY).astype(np.float64)
    for useless in (np.zeros(n), per_query):
        with pytest.raises(NotApplicableError, match="arm amplified: every one of 14 queries has one score"):
            run(known, amplified=useless)
    chance = figure(run(known, permuted=np.zeros(n)), "permuted")
    assert 0.2 < chance["estimate"] < 0.7  # ties count what their permutations do on average
    broken = known.grades.copy()
    broken[3] = np.nan
    with pytest.raises(NotApplicableError, match="arm seed_only: 1 of 280 scores are not finite"):
        run(known, seed_only=broken)


def test_grades_of_changed_texts_are_left_out_and_no_test_pair_is_an_error(known: World) -> None:
    rows = world.evaluation(known.graded)
    stale = rows.with_columns(
        doc_version=pl.when(pl.col("query_id") == "q05").then(pl.lit("v2")).otherwise(pl.col("doc_version"))
    )
    assert run(known, stale).metrics.equals(run(known).metrics)  # q05 is no test query
    gone = rows.with_columns(doc_version=pl.lit("v2"))
    with pytest.raises(NotApplicableError, match="none of 480 evaluation rows"):
        run(known, gone)


def test_a_number_learnt_from_that_the_test_pairs_lack_is_refused(known: World) -> None:
    rows = world.evaluation(known.graded).with_columns(features=pl.lit('{"feature_clicks": 1}'))
    with_clicks = replace(known, space=replace(known.space, pair_features=("feature_clicks",)))
    assert run(with_clicks, rows).metrics.height == run(known).metrics.height
    with pytest.raises(TableError, match="feature_clicks, and 280 of 280 test pairs do not have it"):
        run(with_clicks, world.evaluation(known.graded))


def test_rankers_are_not_scored_on_the_words_of_another_tokeniser(known: World) -> None:
    trained = TrainedArms(rankers={}, ids={}, features=known.space.names, frame=pl.DataFrame(), tokeniser=1)
    with pytest.raises(TableError, match="words of tokeniser 1, the feature space has those of 2"):
        evaluate(
            trained, known.space, world.evaluation(known.graded), known.splits, Scale(0, 3),
            np.random.default_rng(1), world.NOW,
        )  # fmt: skip


def test_rankers_of_other_features_are_refused(known: World) -> None:
    trained = TrainedArms(rankers={}, ids={}, features=("bm25",), frame=pl.DataFrame())
    with pytest.raises(TableError, match="trained on features"):
        evaluate(
            trained, known.space, world.evaluation(known.graded), known.splits, Scale(0, 3),
            np.random.default_rng(1), world.NOW,
        )  # fmt: skip
