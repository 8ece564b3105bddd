"""The stream against the anchor: closed forms, and streams that do and do not look alike."""

import math

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.scale import Scale
from label_pipeline.stages.anchor.population import compare, stability_index, text_shapes

SCALE = Scale(0, 3)
WORDS = ("tax", "leave", "laptop", "policy", "q3", "2024", "budget", "travel", "access", "key")


def pairs(rng: np.random.Generator, n: int, words: float = 40, shift: float = 0.0, first: int = 0) -> pl.DataFrame:
    """``n`` pairs of n / 10 queries with documents of about ``words`` words and grades of mean 1.5 + ``shift``."""
    lengths = rng.poisson(words, n) + 1
    grades = np.rint(1.5 + shift + rng.normal(0, 0.8, n)).clip(0, 3)
    return pl.DataFrame(
        {
            "task": "relevance",
            "collection": "main",
            "query_id": [f"q{first + row // 10}" for row in range(n)],
            "query": [" ".join(rng.choice(WORDS, 3)) for _ in range(n)],
            "document": [" ".join(rng.choice(WORDS, length)) for length in lengths],
            "source": rng.choice(["wiki", "mail"], n),
            "raw_grade": grades,
        }
    )


def test_the_stability_index_by_hand() -> None:
    expected, found = np.repeat([0, 1, 2, 3], 50), np.repeat([0, 1, 2, 3], [250, 150, 75, 25])
    q, p = np.full(4, 50.5 / 202), np.array([250.5, 150.5, 75.5, 25.5]) / 502
    assert stability_index(expected, found, SCALE) == pytest.approx(float(((p - q) * np.log(p / q)).sum()))
    assert stability_index(expected, np.tile(expected, 3), SCALE) == pytest.approx(0, abs=1e-4)


def test_a_stability_index_needs_five_hundred_labels() -> None:
    assert math.isnan(stability_index(np.ones(300), np.ones(499), SCALE))
    assert stability_index(np.ones(300), np.ones(500), SCALE) < 0.01
    assert math.isnan(stability_index(np.ones(49), np.ones(500), SCALE))


def test_a_stream_of_the_same_kind_is_not_told_apart() -> None:
    rng = np.random.default_rng(0)
    found = compare(pairs(rng, 300), pairs(rng, 1000, first=100), SCALE, rng)
    assert found.auc == pytest.approx(0.5, abs=0.08)
    assert found.psi < 0.1
    assert abs(found.grade_shift_se) < 3
    assert (found.n_seed, found.n_stream) == (300, 1000)


def test_longer_documents_are_told_apart_whatever_their_grades() -> None:
    rng = np.random.default_rng(1)
    found = compare(pairs(rng, 300), pairs(rng, 1000, words=55, first=100), SCALE, rng)
    assert found.auc > 0.9
    assert found.psi < 0.1


def test_another_source_is_told_apart() -> None:
    rng = np.random.default_rng(2)
    stream = pairs(rng, 600, first=100).with_columns(source=pl.lit("chat"))
    assert compare(pairs(rng, 300), stream, SCALE, rng).auc > 0.9
    assert compare(pairs(rng, 300), stream.drop("source"), SCALE, rng).auc < 0.6  # only what both sides have


def test_lower_grades_are_seen_whatever_the_texts() -> None:
    rng = np.random.default_rng(3)
    found = compare(pairs(rng, 300), pairs(rng, 1000, shift=-0.8, first=100), SCALE, rng)
    assert found.psi > 0.2
    assert found.grade_shift_se < -3
    assert found.auc < 0.6


def test_the_standard_error_counts_queries_not_pairs() -> None:
    rng = np.random.default_rng(4)
    one = pairs(rng, 300).with_columns(raw_grade=(pl.col("query_id").str.slice(1).cast(pl.Int64) % 4).cast(pl.Float64))
    spread = one["raw_grade"].to_numpy()[::10]  # a query's ten grades are one fact
    se = spread.std(ddof=1) / math.sqrt(30)
    found = compare(one, one.head(200).with_columns(pl.col("raw_grade") / 2), SCALE, rng)
    other = spread[:20] / 2
    expected = (other.mean() - spread.mean()) / math.hypot(se, other.std(ddof=1) / math.sqrt(20))
    assert found.grade_shift_se == pytest.approx(expected)


def test_what_only_names_a_query_does_not_tell_the_sides_apart() -> None:
    rng = np.random.default_rng(8)
    both = pairs(rng, 100).select(pl.all().repeat_by(2).explode()).with_columns(source=pl.col("query_id"))
    odd = both["query_id"].str.slice(1).cast(pl.Int64) % 2 == 1  # whole queries on one side, each its own source
    assert compare(both.filter(~odd), both.filter(odd), SCALE, rng).auc < 0.8


def test_a_query_on_both_sides_is_not_remembered() -> None:
    rng = np.random.default_rng(5)
    both = pairs(rng, 600)
    shuffled = both.with_row_index().with_columns(odd=pl.col("index") % 2)
    seed, stream = (shuffled.filter(pl.col("odd") == side).drop("odd", "index") for side in (0, 1))
    assert compare(seed, stream, SCALE, rng).auc == pytest.approx(0.5, abs=0.08)


def test_too_little_to_compare_is_unknown() -> None:
    rng = np.random.default_rng(6)
    found = compare(pairs(rng, 300), pairs(rng, 40, first=100), SCALE, rng)
    assert math.isnan(found.auc)
    assert math.isnan(found.psi)
    none = compare(pairs(rng, 300), pairs(rng, 40).clear(), SCALE, rng)
    assert none.n_stream == 0
    assert all(math.isnan(figure) for figure in none[:3])


def test_pairs_without_a_grade_are_left_out_of_the_grades() -> None:
    rng = np.random.default_rng(7)
    seed, stream = pairs(rng, 300), pairs(rng, 1000, first=100)
    holes = stream.with_columns(raw_grade=pl.when(pl.int_range(pl.len()) < 600).then("raw_grade"))
    found = compare(seed, holes, SCALE, np.random.default_rng(0))
    assert math.isnan(found.psi) is False
    kept = compare(seed, stream.head(600), SCALE, np.random.default_rng(0))
    assert found.psi == pytest.approx(kept.psi)
    assert found.grade_shift_se == pytest.approx(kept.grade_shift_se)


def test_shapes_say_how_a_pair_looks() -> None:
    frame = pl.DataFrame({"query": ["tax form 2024"], "document": ["The tax form, the form."], "language": ["en"]})
    lengths = [math.log1p(3), 11 / 3, 1 / 3, math.log1p(5), 17 / 5, 0.0]  # log length, letters a word, share of numbers
    assert text_shapes(frame).tolist() == [pytest.approx([*lengths, 2 / 3, 1.0])]
