"""Permanent random numbers and the allocation to strata: uniform, known, and more keeps what was."""

import numpy as np
import pytest
from scipy.stats import kstest

from label_pipeline.core.sampling import allocate, permanent_number


def test_a_number_is_the_same_for_ever_and_another_salt_is_another_draw() -> None:
    assert permanent_number("salt", "a", "b") == pytest.approx(0.143619339435, abs=1e-12)
    assert permanent_number("salt", "a", "b") != permanent_number("salt", "ab") != permanent_number("other", "a", "b")


def test_numbers_are_uniform_and_independent_of_each_other_over_two_salts() -> None:
    one = np.array([permanent_number("one", str(n)) for n in range(4000)])
    two = np.array([permanent_number("two", str(n)) for n in range(4000)])
    assert kstest(one, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.05
    assert one.min() >= 0
    assert one.max() < 1


def test_the_smallest_numbers_are_a_simple_random_sample() -> None:
    # 3 of 12 units over 4,000 salts: each is drawn with probability 1/4, each pair with 3 * 2 / (12 * 11) = 1/22
    drawn = np.array(
        [np.argsort([permanent_number(f"s{salt}", str(unit)) for unit in range(12)])[:3] for salt in range(4000)]
    )
    share = np.bincount(drawn.ravel(), minlength=12) / 4000
    assert share == pytest.approx(np.full(12, 0.25), abs=0.03)
    both = ((drawn == 0).any(axis=1) & (drawn == 1).any(axis=1)).mean()
    assert both == pytest.approx(1 / 22, abs=0.015)


def test_shares_are_proportional_capped_and_floored() -> None:
    assert allocate(10, [5, 3, 2], [99, 99, 99]).tolist() == [5, 3, 2]
    assert allocate(10, [5, 3, 2], [2, 99, 99]).tolist() == [2, 5, 3]
    assert allocate(10, [98, 1, 1], [99, 99, 99], floor=2).tolist() == [6, 2, 2]
    assert allocate(10, [98, 1, 1], [99, 1, 99], floor=2).tolist() == [7, 1, 2]
    assert allocate(10, [1, 1], [3, 4]).tolist() == [3, 4], "there are no more units than that"
    assert allocate(3, [0, 1], [9, 2]).tolist() == [0, 2], "a stratum of size 0 gets its floor only"
    assert allocate(0, [], []).tolist() == []


def test_more_places_take_none_away() -> None:
    # largest remainders would: 10 -> 11 places for sizes (6, 6, 2) are (4, 4, 2) -> (5, 5, 1), the Alabama paradox
    rng = np.random.default_rng(0)
    for _ in range(50):
        sizes, caps = rng.pareto(1.0, 6).tolist(), rng.integers(1, 40, 6).tolist()
        steps = np.array([allocate(total, sizes, caps, floor=1) for total in range(6, 60)])
        assert (np.diff(steps, axis=0) >= 0).all()
    assert [allocate(n, [6, 6, 2], [99] * 3).tolist() for n in (10, 11, 12)] == [[5, 4, 1], [5, 5, 1], [5, 5, 2]]


def test_floors_that_need_more_than_there_is_are_an_error() -> None:
    with pytest.raises(ValueError, match="3 strata with a floor of 2 need 6 places, there are 5"):
        allocate(5, [1, 1, 1], [9, 9, 9], floor=2)
