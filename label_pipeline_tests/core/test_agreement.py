"""Agreement: published constants, other people's implementations on random data, and real published tables."""

import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import krippendorff
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from label_pipeline.core.agreement import (
    Level,
    alpha_interval,
    applicable,
    cohen_kappa,
    gwet_ac2,
    human_mse,
    krippendorff_alpha,
    quadratic_kappa,
)
from label_pipeline.core.intervals import resample_counts

_DEFAULT_DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
DATA = Path(os.environ.get("LABEL_PIPELINE_TEST_DATA", _DEFAULT_DATA))

NAN = math.nan
GRADES = (0, 1, 2, 3)
LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval", "ratio")

# Krippendorff (2011), 4 observers x 12 units; unit 12 has one rating and says nothing
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def panel(seed: int, raters: int = 4, units: int = 60, missing: float = 0.3) -> NDArray[np.float64]:
    """Grades 0-3 around a latent grade, some missing."""
    rng = np.random.default_rng(seed)
    latent = rng.uniform(0, 3, units)
    ratings = np.clip(np.round(latent + rng.normal(0, 0.8, (raters, units))), 0, 3)
    ratings[rng.random(ratings.shape) < missing] = NAN
    return ratings


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.7434), ("ordinal", 0.8154), ("interval", 0.8491), ("ratio", 0.7974)]
)
def test_alpha_of_the_published_example(level: Level, published: float) -> None:
    assert krippendorff_alpha(KRIPPENDORFF, level) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_equals_the_krippendorff_package(level: Level) -> None:
    for seed in range(15):
        ratings = panel(seed)
        oracle = krippendorff.alpha(reliability_data=ratings, level_of_measurement=level)
        assert krippendorff_alpha(ratings, level) == pytest.approx(oracle, abs=1e-12)


def test_alpha_by_hand() -> None:
    # units (0,0), (1,1), (0,1): o_01 = o_10 = 1, n_0 = n_1 = 3, n = 6; D_o = 2/6, D_e = 2*9/30; alpha = 1 - 10/18
    assert krippendorff_alpha([[0, 1, 0], [0, 1, 1]], "nominal") == pytest.approx(1 - 10 / 18)


def test_unknown_level_and_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="choose nominal, ordinal, interval or ratio"):
        krippendorff_alpha(KRIPPENDORFF, "ordnal")  # type: ignore[arg-type]  # the typo is the test
    with pytest.raises(ValueError, match=r"\(raters, units\)"):
        krippendorff_alpha([1.0, 2.0], "ordinal")


def test_published_ac2_of_the_same_table() -> None:
    assert gwet_ac2(KRIPPENDORFF, (1, 2, 3, 4, 5)) == pytest.approx(0.9140, abs=5e-5)


def test_ac2_survives_the_kappa_paradox() -> None:
    # 98 % of units agree on the commonest grade: kappa is about 0, AC2 is not
    a, b = np.zeros(100), np.zeros(100)
    a[0], b[1] = 1, 1
    assert cohen_kappa(a, b) < 0
    assert gwet_ac2(np.array([a, b]), GRADES) > 0.95


def test_qwk_of_the_published_example_and_of_sklearn() -> None:
    a, b = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [1, 2, 3, 4, 4, 2, 2, 3, 5, 5]
    assert quadratic_kappa(a, b, (1, 2, 3, 4, 5)) == pytest.approx(0.91892, abs=5e-6)
    for seed in range(15):
        first, second = panel(seed, raters=2, missing=0.0).astype(int)
        oracle = cohen_kappa_score(first, second, weights="quadratic", labels=list(GRADES))
        assert quadratic_kappa(first, second, GRADES) == pytest.approx(oracle)
        assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_a_grade_off_the_scale_is_refused_where_the_scale_matters() -> None:
    with pytest.raises(ValueError, match=r"\[5.0\] outside the grades"):
        quadratic_kappa([0, 5], [0, 1], GRADES)
    with pytest.raises(ValueError, match=r"\[1.5\] outside the grades"):
        gwet_ac2([[0.0, 1.5], [0.0, 1.0]], GRADES)
    assert cohen_kappa([0, 5, 1], [0, 1, 1]) == pytest.approx(cohen_kappa_score([0, 5, 1], [0, 1, 1]))


def test_human_mse_is_the_mean_over_units_of_the_mean_over_pairs() -> None:
    # unit 1: pairs (0,1) (0,3) (1,3): (1 + 9 + 4) / 3; unit 2: (2-1)^2 = 1; unit 3 has one rating
    ratings = [[0.0, 2.0, 3.0], [1.0, NAN, NAN], [3.0, 1.0, NAN]]
    assert human_mse(ratings) == pytest.approx((14 / 3 + 1) / 2)


FIGURES: dict[str, Callable[[NDArray[np.float64]], float]] = {
    **{f"alpha {level}": partial(krippendorff_alpha, level=level) for level in LEVELS},
    "AC2": lambda r: gwet_ac2(r, GRADES),
    "human MSE": human_mse,
    "kappa": lambda r: cohen_kappa(r[0], r[1]),
    "QWK": lambda r: quadratic_kappa(r[0], r[1], GRADES),
}


@pytest.mark.parametrize("name", FIGURES)
def test_order_of_units_and_of_raters_never_matters(name: str) -> None:
    figure = FIGURES[name]
    for seed in range(20):
        ratings = panel(seed)
        value = figure(ratings)
        units = np.random.default_rng(seed).permutation(ratings.shape[1])
        assert figure(ratings[:, units]) == pytest.approx(value)
        swapped = ratings[[1, 0, 2, 3]]
        assert figure(swapped) == pytest.approx(value)


@pytest.mark.parametrize("name", FIGURES)
def test_perfect_agreement(name: str) -> None:
    best = 0.0 if name == "human MSE" else 1.0
    for seed in range(10):
        grades = np.random.default_rng(seed).integers(0, 4, 30).astype(float)
        assert FIGURES[name](np.tile(grades, (4, 1))) == pytest.approx(best)
    assert FIGURES[name](np.full((4, 5), 2.0)) == best  # one grade only: nothing to disagree about


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("ratings", [np.full((4, 3), NAN), np.zeros((4, 0)), np.where(np.eye(4) == 1, 2.0, NAN)])
def test_without_two_ratings_of_anything_the_answer_is_nan(name: str, ratings: NDArray[np.float64]) -> None:
    assert math.isnan(FIGURES[name](ratings))
    assert not applicable(ratings)


def test_grades_dealt_at_random_agree_no_better_than_chance() -> None:
    ratings = np.random.default_rng(0).integers(0, 4, (3, 5000)).astype(float)
    for level in LEVELS:
        assert krippendorff_alpha(ratings, level) == pytest.approx(0, abs=0.03)


def test_applicable_needs_one_doubly_rated_unit() -> None:
    assert applicable([[1, NAN], [2, NAN]])
    assert not applicable([[1, NAN], [NAN, 2]])


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_interval_equals_alpha_of_the_resampled_table(level: Level) -> None:
    ratings, index = panel(3, units=80), np.repeat(np.arange(20), 4)
    counts = resample_counts(20, np.random.default_rng(9), b=101)
    drawn = [np.concatenate([np.flatnonzero(index == q) for q in np.repeat(np.arange(20), row)]) for row in counts]
    slow = sorted(krippendorff_alpha(ratings[:, units], level) for units in drawn)
    estimate = alpha_interval(ratings, index, 20, level, np.random.default_rng(9), b=101, confidence=0.9)
    assert estimate.value == pytest.approx(krippendorff_alpha(ratings, level))
    assert (estimate.low, estimate.high) == pytest.approx((slow[5], slow[95]))


def test_alpha_interval_is_wider_when_units_of_a_query_stand_and_fall_together() -> None:
    rng = np.random.default_rng(0)
    noise = np.repeat(rng.choice([0.0, 2.0], 40), 10)  # whole queries are understood or misread
    latent = rng.integers(0, 4, 400)
    ratings = np.clip(np.round(latent + noise * rng.normal(size=(3, 400))), 0, 3)
    by_query = alpha_interval(ratings, np.repeat(np.arange(40), 10), 40, "ordinal", rng, b=500)
    by_unit = alpha_interval(ratings, np.arange(400), 400, "ordinal", rng, b=500)
    assert by_query.high - by_query.low > 1.3 * (by_unit.high - by_unit.low)


def test_alpha_interval_without_data_is_nan() -> None:
    estimate = alpha_interval(np.full((2, 4), NAN), [0, 1, 2, 3], 4, "ordinal", np.random.default_rng(0), b=20)
    assert all(math.isnan(number) for number in estimate)


def need(path: str) -> Path:
    if not (DATA / path).exists():
        pytest.skip(f"{DATA / path} is absent; set LABEL_PIPELINE_TEST_DATA to the folder of the public judgments")
    return DATA / path


@pytest.mark.real
@pytest.mark.parametrize(("collection", "published"), [("dl19", 0.3626), ("dl20", 0.3413)])
def test_kappa_of_gpt4o_on_trec_dl(collection: str, published: float) -> None:
    pairs = pl.read_parquet(
        need("trecdl/dl1920_text_human_llm.parquet"), columns=["collection", "human_grade", "llm__gpt4o_umbrela"]
    ).filter(pl.col("collection") == collection)
    kappa = cohen_kappa(pairs["human_grade"].to_numpy(), pairs["llm__gpt4o_umbrela"].to_numpy())
    assert kappa == pytest.approx(published, abs=5e-5)


@pytest.mark.real
def test_kappa_and_alpha_of_all_33_llmjudge_submissions() -> None:
    columns = ["query_id", "zero", "doc_id", "grade"]
    human = pl.read_csv(need("llmjudge/human_test_qrel.txt"), separator=" ", has_header=False, new_columns=columns)
    published = pl.read_csv(need("llmjudge/published_agreement.csv"))
    assert (human.height, published.height) == (4423, 33)
    for name, kappa, alpha in published.select("submission", "pub_kappa", "pub_alpha").iter_rows():
        judge = pl.read_csv(
            need(f"llmjudge/llm_scores/{name}.txt"), separator=" ", has_header=False, new_columns=columns
        )
        both = human.join(judge, on=["query_id", "doc_id"], validate="1:1")
        assert both.height == 4423, name
        # two judges left the scale (two 5s, one 10); the published figures are those of clipped grades
        ratings = both.select("grade", pl.col("grade_right").clip(0, 3)).to_numpy().T
        assert round(cohen_kappa(*ratings), 4) == kappa, name
        assert round(krippendorff_alpha(ratings, "ordinal"), 4) == alpha, name
