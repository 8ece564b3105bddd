"""Labels that order documents as people do, at random, or the wrong way round."""

import math

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.scale import Scale
from label_pipeline.stages.rank.label_order import LabelOrder, label_orders, refuse_no_better_than_chance
from label_pipeline_tests.stages.rank import world

SCALE = Scale(0, 3)


def asked(grades: np.ndarray, humans: np.ndarray, judge: str = "judge-1") -> tuple[pl.DataFrame, pl.DataFrame]:
    """What a judge said of pairs (Q, k), and what people did."""
    names = [(f"q{q:03}", f"d{d:03}") for q in range(humans.shape[0]) for d in range(humans.shape[1])]
    said, gold = (
        [(q, d, float(g)) for (q, d), g in zip(names, table.ravel(), strict=True)] for table in (grades, humans)
    )
    rows = world.labels(said).with_columns(judge_version=pl.lit(judge))
    return rows, world.gold(gold)


def orders(judged: pl.DataFrame, gold: pl.DataFrame, trains_on: str = "auto") -> tuple[LabelOrder, ...]:
    return label_orders(judged, gold, SCALE, np.random.default_rng(0), trains_on=trains_on)  # type: ignore[arg-type]


def humans(n_queries: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 4, (n_queries, 10)).astype(float)


def test_accuracy_by_counting() -> None:
    """Of 3 > 1, 3 > 0 and 1 > 0 the judge has the last one wrong."""
    [found] = orders(*asked(np.array([[1.0, 3.0, 2.0]]), np.array([[1.0, 3.0, 0.0]])))
    assert found.n_queries == 1
    assert found.accuracy == pytest.approx(2 / 3)


@pytest.mark.parametrize("n_queries", [12, 40])
def test_a_judge_that_agrees_is_let_through_and_one_turned_round_is_not(n_queries: int) -> None:
    rng = np.random.default_rng(1)
    truth = humans(n_queries, rng)
    seen = np.clip(np.round(truth + rng.normal(0, 0.7, truth.shape)), 0, 3)
    [right], [wrong] = orders(*asked(seen, truth)), orders(*asked(3 - seen, truth))
    assert right.low > 0.7
    refuse_no_better_than_chance([right])
    with pytest.raises(
        NotApplicableError,
        match=rf"nothing is trained: \[main\] labels of judge judge-1 against the human grades of {n_queries} "
        r"train and dev queries: pairwise accuracy 0\.\d+, 95 % lower bound 0\.\d+, needs above 0\.5, "
        r"which shuffled labels have",
    ):
        refuse_no_better_than_chance([right, wrong])


def test_labels_at_random_are_let_through_no_oftener_than_the_bound_may_err() -> None:
    rng = np.random.default_rng(2)
    through = []
    for _ in range(300):
        truth = humans(30, rng)
        [found] = orders(*asked(rng.integers(0, 4, truth.shape).astype(float), truth))
        through.append(found.better_than_chance)
    assert np.mean(through) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_what_cannot_be_known_is_not_better_than_chance() -> None:
    """One query has no spread, and equal human grades order nothing."""
    one = asked(np.array([[0.0, 3.0]]), np.array([[0.0, 3.0]]))
    alike = asked(np.array([[0.0, 3.0]] * 30), np.ones((30, 2)))
    for judged, gold in (one, alike):
        [found] = orders(judged, gold)
        assert math.isnan(found.low)
        assert not found.better_than_chance


def test_each_judge_and_collection_is_decided_on_its_own() -> None:
    rng = np.random.default_rng(3)
    truth = humans(30, rng)
    good, gold = asked(truth, truth, "good")
    bad, _ = asked(3 - truth, truth, "bad")
    found = orders(pl.concat([good, bad]), gold)
    assert [(one.judge_version, one.better_than_chance) for one in found] == [("bad", False), ("good", True)]


def test_it_is_about_the_grade_that_trains() -> None:
    rng = np.random.default_rng(4)
    truth = humans(30, rng)
    judged, gold = asked(truth, truth)
    turned = judged.with_columns(raw_grade=3 - pl.col("raw_grade"))
    assert orders(turned, gold)[0].better_than_chance
    assert not orders(turned, gold, "raw")[0].better_than_chance
