import numpy as np
import pytest

from label_pipeline.adapters.lightgbm_ranker import LightGBMTrainer
from label_pipeline.core.errors import TableError
from label_pipeline.core.ranker import RankingRows
from label_pipeline.core.ranking import ndcg_by_query

GAINS = (0.0, 1.0, 3.0, 7.0)


def planted(seed: int, n_queries: int = 30, per_query: int = 20) -> RankingRows:
    """The label is a noisy step of feature 0 plus feature 1; features 2 to 5 are noise, one in ten values unknown."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_queries * per_query, 6))
    latent = features[:, 0] + features[:, 1] + 0.3 * rng.normal(size=len(features))
    labels = np.digitize(latent, [0, 1, 2])
    hidden = rng.random(features.shape) < 0.1
    return RankingRows(
        np.where(hidden, np.nan, features), labels, np.repeat(np.arange(n_queries) * 3, per_query), GAINS
    )


def ndcg(scores: np.ndarray, rows: RankingRows) -> float:
    _, index = np.unique(rows.query_index, return_inverse=True)
    return float(np.nanmean(ndcg_by_query(scores, rows.labels, index, int(index.max()) + 1)))


def test_it_learns_a_planted_order() -> None:
    test = planted(2)
    chance = ndcg(np.random.default_rng(0).normal(size=len(test.labels)), test)
    scores = LightGBMTrainer().path(planted(1), 0)[-1].score(test.features)
    assert ndcg(scores, test) > 0.85 > chance + 0.2


def test_permuted_labels_teach_nothing() -> None:
    rows, test = planted(1), planted(2)
    shuffled = np.random.default_rng(3).permutation(rows.labels)
    taught = LightGBMTrainer().path(RankingRows(rows.features, shuffled, rows.query_index, GAINS), 0)[-1]
    chance = np.mean([ndcg(np.random.default_rng(i).normal(size=len(test.labels)), test) for i in range(20)])
    assert abs(ndcg(taught.score(test.features), test) - chance) < 0.15


def test_the_path_holds_one_ranker_for_each_number_of_rounds() -> None:
    path = LightGBMTrainer(rounds=(5, 20)).path(planted(1), 0)
    assert [ranker.parameters["rounds"] for ranker in path] == [5, 20]
    assert [ranker.text.count("\nTree=") for ranker in path] == [5, 20]
    assert path[0].parameters["lambdarank_truncation_level"] == 15
    assert path[0].family == "lambdamart"


def test_the_same_seed_gives_the_same_ranker_and_another_one_does_not() -> None:
    first, again, other = (LightGBMTrainer(rounds=(20,)).path(planted(1), seed)[0] for seed in (0, 0, 1))
    assert again.text == first.text
    assert other.text != first.text


def test_threads_change_no_score() -> None:
    rows = planted(1)
    one, two = (LightGBMTrainer(num_threads=n, rounds=(20,)).path(rows, 0)[0] for n in (1, 2))
    assert np.array_equal(one.score(rows.features), two.score(rows.features))


def test_a_stored_ranker_scores_the_same() -> None:
    rows = planted(1)
    ranker = LightGBMTrainer(rounds=(30,)).path(rows, 0)[0]
    loaded = LightGBMTrainer().load(ranker.text)
    assert np.array_equal(loaded.score(rows.features), ranker.score(rows.features))
    assert loaded.text == ranker.text
    assert loaded.parameters == {"rounds": 30}


def test_gains_decide_what_is_worth_ordering() -> None:
    # labels 0 and 1 worth the same: only telling 2 and 3 from the rest pays
    rows = planted(1)
    flat = RankingRows(rows.features, np.minimum(rows.labels, 1), rows.query_index, (0.0, 0.0))
    assert np.unique(LightGBMTrainer(rounds=(20,)).path(flat, 0)[0].score(rows.features)).size == 1


def test_seven_rows_are_enough_not_to_fail() -> None:
    small = RankingRows(
        np.arange(14.0).reshape(7, 2), np.array([0, 1, 2, 0, 1, 0, 3]), np.array([0] * 4 + [1] * 3), GAINS
    )
    assert np.isfinite(LightGBMTrainer(rounds=(5,)).path(small, 0)[0].score(small.features)).all()


@pytest.mark.parametrize("text", ["", "{}", "tree\nversion=v4\nnonsense"])
def test_a_text_that_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(TableError, match="stored model"):
        LightGBMTrainer().load(text)


def test_another_number_of_features_is_refused() -> None:
    ranker = LightGBMTrainer(rounds=(5,)).path(planted(1), 0)[0]
    with pytest.raises(ValueError, match="trained on 6 features, got 5"):
        ranker.score(np.zeros((2, 5)))
    assert ranker.score(np.zeros((0, 6))).shape == (0,)
