"""Flips, unreadable replies, bias and repeatability against figures worked out by hand."""

import math

import numpy as np
import pytest

from label_pipeline.core.drift import detectors
from label_pipeline.core.scale import Scale

SCALE = Scale(1, 5)
ROUNDED_Z = 3.1


def test_codes_round_half_up_and_an_unreadable_reply_is_a_code_of_its_own() -> None:
    assert detectors.grade_codes([1.0, 2.5, 4.49, 5.0, math.nan], SCALE).tolist() == [1, 3, 4, 5, 0]
    assert detectors.grade_codes([0.0, math.nan, 3.0], Scale(0, 3)).tolist() == [1, 0, 4]


def test_the_baselines_mode_and_its_leave_one_out_flips_by_hand() -> None:
    # ten items agree; in ten the third run differs, and without one of the first two it ties (the lower code, 1)
    base = detectors.flip_baseline(np.array([[2] * 10 + [4] * 10] * 2 + [[2] * 10 + [1] * 10]), SCALE)
    assert base.mode.tolist() == [2] * 10 + [4] * 10
    # runs 1 and 2 see {4, 1}, mode 1: a flip; run 3 sees {4, 4}: a flip. Each in 10 of 20 items, far above the floor.
    assert base.rate == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "runs"), [(300, 10), (100, 5)])
def test_no_flip_ever_seen_is_three_in_all_of_the_baseline(n: int, runs: int) -> None:
    base = detectors.flip_baseline(np.full((runs, n), 3), SCALE)
    assert base.rate == pytest.approx(3 / (n * runs))
    assert base.mode.tolist() == [3] * n


@pytest.mark.parametrize("n", [100, 150, 300, 1000])
def test_of_a_repeatable_judge_two_changed_grades_pass_and_three_warn(n: int) -> None:
    base = detectors.flip_baseline(np.full((10, n), 3), SCALE)
    codes = np.full((4, n), 3)
    for run, flips in enumerate((0, 1, 2, 3)):
        codes[run, :flips] = 4
    z = detectors.flip_z(detectors.flip_shares(codes, base), base, n)
    assert (z > ROUNDED_Z).tolist() == [False, False, False, True]


def test_the_flip_statistic_by_hand() -> None:
    base = detectors.FlipBaseline(np.full(100, 2), np.asarray(0.2), 4)
    codes = np.full((1, 100), 2)
    codes[0, :30] = 0  # unreadable is a flip too
    shares = detectors.flip_shares(codes, base)
    assert shares == pytest.approx([0.3])
    assert detectors.flip_z(shares, base, 100) == pytest.approx([0.1 / math.sqrt(0.2 * 0.8 / 100 * 1.25)])


def test_a_judge_that_always_flipped_cannot_flip_more() -> None:
    base = detectors.FlipBaseline(np.full(10, 2), np.asarray(1.0), 4)
    assert detectors.flip_z(np.array([1.0]), base, 10)[0] < ROUNDED_Z


def test_three_malformed_of_150_after_none_of_1500_by_hand() -> None:
    by_hand = (150 * 149 * 148) / (1650 * 1649 * 1648)  # all three events fell into this run
    assert detectors.excess_rate_p(3, 150, 0, 1500) == pytest.approx(by_hand)
    assert detectors.excess_rate_p(1, 150, 0, 1500) == pytest.approx(1 / 11)
    assert detectors.excess_rate_p(0, 150, 7, 1500) == pytest.approx(1.0)


def test_a_usual_rate_is_no_excess_and_a_doubled_one_of_many_is() -> None:
    assert detectors.excess_rate_p(10, 300, 100, 3000) > 0.4
    assert detectors.excess_rate_p(40, 300, 100, 3000) < 0.001


def test_a_rate_without_trials_is_unknown_and_events_beyond_trials_are_refused() -> None:
    assert math.isnan(detectors.excess_rate_p(0, 0, 0, 100))
    assert math.isnan(detectors.excess_rate_p(0, 100, 0, 0))
    with pytest.raises(ValueError, match="events beyond trials: 2 of 1, baseline 0 of 5"):
        detectors.excess_rate_p(2, 1, 0, 5)


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


def test_repeatability_is_the_ratio_of_item_variances() -> None:
    base = np.array([[0.0, 0.5, 0.2], [0.2, 0.5, 0.4]])  # variances .02, 0, .02: mean .04/3, floor 1/6
    runs = np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])  # variances .5
    found = detectors.repeatability(runs, base)
    assert found.ratio == pytest.approx(0.5 / (1 / 6))
    difference = np.array([0.48, 0.5, 0.48])
    assert found.z == pytest.approx(difference.mean() / (difference.std(ddof=1) / math.sqrt(3)))


def test_repeatability_is_one_for_equal_runs_and_unknown_for_one() -> None:
    base = np.random.default_rng(0).random((10, 400))
    equal = detectors.repeatability(base, base)
    assert equal.ratio == pytest.approx(1.0)
    assert equal.z == 0
    assert math.isnan(detectors.repeatability(base[:1], base).ratio)


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
