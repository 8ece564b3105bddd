"""Flips, unreadable replies, bias and repeatability against figures worked out by hand."""

import math

import numpy as np
import pytest

from label_pipeline.core.drift import detectors
from label_pipeline.core.drift.exchange import newest_p
from label_pipeline.core.scale import Scale

SCALE = Scale(1, 5)


def test_codes_round_half_up_and_an_unreadable_reply_is_a_code_of_its_own() -> None:
    assert detectors.grade_codes([1.0, 2.5, 4.49, 5.0, math.nan], SCALE).tolist() == [1, 3, 4, 5, 0]
    assert detectors.grade_codes([0.0, math.nan, 3.0], Scale(0, 3)).tolist() == [1, 0, 4]


def test_a_flip_is_held_against_the_other_runs_by_hand() -> None:
    # ten items agree; in the others run 3 differs, and without one of the first two it ties (the lower code, 1)
    codes = np.array([[2] * 2 + [4] * 3] * 2 + [[2] * 2 + [1] * 3])
    # runs 1 and 2 see {4, 1}, mode 1: a flip; run 3 sees {4, 4}: a flip
    assert detectors.flipped(codes).tolist() == [[0, 0, 1, 1, 1]] * 3


def test_an_unreadable_reply_is_a_flip_too_and_a_usual_one_is_none() -> None:
    codes = np.array([[0, 3], [0, 3], [0, 3], [2, 0]])
    assert detectors.flipped(codes)[-1].tolist() == [1, 1]
    assert detectors.flipped(codes)[0].tolist() == [0, 0]


def test_one_run_has_nothing_to_flip_from() -> None:
    with pytest.raises(ValueError, match="a flip needs 2 runs at least, got 1"):
        detectors.flipped(np.ones((1, 4), dtype=np.int64))


def test_the_share_of_flips_a_judge_shows_every_run_is_its_usual_one() -> None:
    rng = np.random.default_rng(4)
    codes = np.where(rng.random((11, 4000)) < 0.06, 3, 2)
    found = detectors.flipped(codes).mean(axis=1)
    assert found == pytest.approx(np.full(11, 0.06), abs=0.015)


def test_the_distance_to_the_other_runs_by_hand() -> None:
    raw = np.array([[1.0, 3.0, math.nan], [1.0, 3.0, math.nan], [5.0, 2.0, 4.0]])
    found = detectors.distances(raw, SCALE)
    assert found == pytest.approx(np.array([[0.5, 0.125, 0.5], [0.5, 0.125, 0.5], [1.0, 0.25, 1.0]]))
    with pytest.raises(ValueError, match="a distance needs 2 runs at least, got 1"):
        detectors.distances(raw[:1], SCALE)


def test_distances_find_another_model_that_counted_flips_miss() -> None:
    """A tenth of the pairs never moves and now is two grades off, beside pairs that move every other time."""
    rng = np.random.default_rng(5)
    raw = np.where(np.arange(300) < 150, rng.integers(2, 4, (11, 300)), 3).astype(float)
    raw[-1, 270:] = 1.0
    counted = newest_p(detectors.flipped(detectors.grade_codes(raw, SCALE)))
    assert newest_p(detectors.distances(raw, SCALE)) < 1e-6 * counted


def test_a_shift_of_the_mean_by_hand() -> None:
    base = np.array([[0.2, 0.5], [0.4, 0.5]])  # variances .02 and 0; at least 1 / (4 * 2) in sum: the floor holds
    found = detectors.mean_shift(np.array([[0.4, 0.8]]), base)
    assert found.size == pytest.approx((0.1 + 0.3) / 2)
    assert found.z == pytest.approx(0.2 / math.sqrt(1 / 8 * (1 + 1 / 2)))
    noisy = detectors.mean_shift(np.array([[0.5, 0.5]]), np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert noisy.size == 0


def test_a_shift_uses_what_was_read_on_both_sides() -> None:
    base = np.array([[0.2, 0.5, math.nan], [0.2, 0.5, math.nan]])
    found = detectors.mean_shift(np.array([[math.nan, 0.8, 0.9]]), base)
    assert found.size == pytest.approx(0.3)
    nothing = detectors.mean_shift(np.array([[math.nan]]), np.array([[0.1], [0.1]]))
    assert math.isnan(nothing.size)
    assert math.isnan(nothing.z)


def test_repeatability_counts_couples_that_differ_by_hand() -> None:
    base = np.array([[1, 2, 2], [1, 2, 3]])  # one couple of runs, one item of three differs
    recent = np.array([[1, 2, 1], [2, 3, 2]])  # one couple, all three differ
    found = detectors.repeatability(recent, base)
    assert found.ratio == pytest.approx(1 / (1 / 3))
    # which two of the four runs are the recent ones: item 1 (1, 1 | 1, 2) differs in 3 of 6, item 2 in 3, item 3
    # (2, 3 | 1, 2) in 5; all three at once
    assert found.p == pytest.approx((3 / 6) * (3 / 6) * (5 / 6))


def test_a_perfectly_repeatable_baseline_is_granted_one_moved_judgement() -> None:
    base, recent = np.full((10, 100), 2), np.full((2, 100), 2)
    recent[1, :3] = 3
    found = detectors.repeatability(recent, base)
    assert found.ratio == pytest.approx(0.03 / (2 / 1000))
    assert found.p == pytest.approx((2 / 12) ** 3)  # the moved run is one of the two drawn of twelve: 11 of 66 couples


def test_repeatability_is_one_for_equal_runs_and_unknown_for_one() -> None:
    codes = np.random.default_rng(0).integers(1, 4, (14, 400))
    equal = detectors.repeatability(codes[10:], codes[:10])
    assert equal.ratio == pytest.approx(1.0, abs=0.05)
    assert equal.p > 0.01
    assert math.isnan(detectors.repeatability(codes[:1], codes).ratio)
    assert detectors.repeatability(codes[10:], np.tile(codes[:10], (5, 1))).ratio == pytest.approx(equal.ratio)


def test_a_pure_shift_is_repaired_and_pure_noise_is_not() -> None:
    rng = np.random.default_rng(1)
    gold = rng.random(2000)
    judge = gold + rng.normal(0, 0.1, 2000)
    base = float(((judge - gold) ** 2).mean())
    shifted = judge[None] + 0.2
    assert detectors.repaired_share(shifted, gold, base, 0.2) == pytest.approx(1.0)
    noisier = (gold + rng.normal(0, 0.3, 2000))[None]
    assert abs(detectors.repaired_share(noisier, gold, base, float((noisier - judge).mean()))) < 0.05
    assert math.isnan(detectors.repaired_share(judge[None], gold, base, 0.0))
