"""People grade the anchor again: honestly, which is no news, or by another standard."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from label_pipeline.operations.drift_evidence import regraded
from label_pipeline.stages.anchor.signals import human_signal
from label_pipeline.stages.anchor.thresholds import DEFAULT
from label_pipeline_tests.sql.frames import rows
from label_pipeline_tests.stages.anchor.drift_world import anchored, same

QUERIES, PAIRS = 30, 10


def graded(rng: np.random.Generator, truth: NDArray[np.float64], shift: float = 0.0) -> NDArray[np.float64]:
    """One person's grades: in a quarter of the pairs a neighbour of the true one."""
    off = np.where(rng.random(len(truth)) < 0.25, rng.choice([-1, 1], len(truth)), 0)
    return np.clip(truth + off + np.where(rng.random(len(truth)) < shift, 1, 0), 0, 3)


def frame(table: str, grades: NDArray[np.float64]) -> pl.DataFrame:
    pairs = ({"query_id": f"q{i // PAIRS:02}", "doc_id": f"d{i:03}"} for i in range(len(grades)))
    return rows(table, *({**pair, "gold_mean": float(g), "n_grades": 1} for pair, g in zip(pairs, grades, strict=True)))


def fired(rng: np.random.Generator, touched: int, shift: float) -> bool:
    """Whether the detector fires when the pairs of so many queries were graded again."""
    truth = rng.integers(0, 4, QUERIES * PAIRS).astype(float)
    first, again = graded(rng, truth), graded(rng, truth, shift)
    again = np.where(np.arange(len(truth)) < touched * PAIRS, again, first)
    usual = float(np.mean((graded(rng, truth) - graded(rng, truth)) ** 2))
    evidence = replace(
        anchored([same()]), human_mse=usual, regraded=regraded(frame("anchor_items", first), frame("gold", again))
    )
    signal = human_signal(evidence, DEFAULT)
    return signal is not None and signal.fired


@pytest.mark.parametrize("touched", [5, 30])
def test_an_honest_second_grading_is_no_news(touched: int) -> None:
    """It fired in 300 of 300 when only the pairs whose grade changed were compared."""
    rng = np.random.default_rng(1)
    assert np.mean([fired(rng, touched, 0.0) for _ in range(100)]) <= 0.05


def test_people_who_grade_by_another_standard_are_found() -> None:
    rng = np.random.default_rng(2)
    assert np.mean([fired(rng, 30, 0.3) for _ in range(40)]) >= 0.95
    assert np.mean([fired(rng, 10, 0.4) for _ in range(40)]) >= 0.9


def test_nobody_graded_again() -> None:
    first = graded(np.random.default_rng(3), np.ones(QUERIES * PAIRS))
    assert regraded(frame("anchor_items", first), frame("gold", first)) is None
