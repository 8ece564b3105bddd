"""Paired tests: exact enumeration, size under the null, power under a shift."""

import itertools
import math

import numpy as np
import pytest

from label_pipeline.core.significance import holm, paired_bootstrap, paired_randomisation


def test_p_value_approaches_the_exact_one() -> None:
    differences = np.array([0.3, -0.1, 0.5, 0.2, 0.05, -0.2, 0.4, 0.1])
    sums = [abs(float(np.dot(s, differences))) for s in itertools.product([1, -1], repeat=8)]
    exact = np.mean([total >= abs(differences.sum()) - 1e-12 for total in sums])
    assert paired_randomisation(differences, np.random.default_rng(0)) == pytest.approx(exact, abs=0.015)


def test_p_value_is_two_sided_and_bounded_away_from_zero() -> None:
    strong = np.random.default_rng(1).normal(1, 0.1, 60)
    for sign in (1, -1):
        assert paired_randomisation(sign * strong, np.random.default_rng(0), n=999) == pytest.approx(1 / 1000)
    assert paired_randomisation(np.zeros(30), np.random.default_rng(0), n=50) == 1.0
    assert paired_randomisation([0.1], np.random.default_rng(0), n=50) == 1.0  # one query proves nothing


def test_equal_sums_in_another_order_of_addition_count_as_equal() -> None:
    assert paired_randomisation([0.1, 0.2, 0.3] * 10, np.random.default_rng(0), n=20) > 0
    # every sign vector of two equal and opposite differences has |sum| 0 or .2: half of them reach .2
    p = paired_randomisation([0.1, 0.1], np.random.default_rng(0), n=4000)
    assert p == pytest.approx(0.5, abs=0.03)


def test_the_test_keeps_its_size() -> None:
    rng = np.random.default_rng(2)
    rejected = [
        paired_randomisation(rng.exponential(size=40) * rng.choice([-1, 1], 40), rng, n=300) <= 0.05 for _ in range(400)
    ]
    assert 0.02 <= np.mean(rejected) <= 0.085


def test_differences_without_a_figure_are_left_out() -> None:
    known = np.random.default_rng(3).normal(0.2, 1, 50)
    padded = np.append(known, [math.nan, math.nan])
    assert paired_randomisation(padded, np.random.default_rng(0)) == paired_randomisation(
        known, np.random.default_rng(0)
    )
    assert paired_bootstrap(padded, np.random.default_rng(0)) == paired_bootstrap(known, np.random.default_rng(0))
    assert math.isnan(paired_randomisation([math.nan], np.random.default_rng(0)))
    assert all(math.isnan(number) for number in paired_bootstrap([], np.random.default_rng(0)))


def test_bootstrap_interval_of_a_mean() -> None:
    differences = np.random.default_rng(4).normal(0.05, 0.12, 200)
    estimate = paired_bootstrap(differences, np.random.default_rng(0))
    se = differences.std() / math.sqrt(200)
    assert estimate.value == pytest.approx(differences.mean())
    assert estimate.low == pytest.approx(differences.mean() - 1.96 * se, abs=0.15 * se)
    assert estimate.high == pytest.approx(differences.mean() + 1.96 * se, abs=0.15 * se)
    wider = paired_bootstrap(differences, np.random.default_rng(0), level=0.99)
    assert wider.low < estimate.low < estimate.high < wider.high


def test_holm_by_hand() -> None:
    # sorted .005 .01 .03 .04: times 4 3 2 1 = .02 .03 .06 .04, then never decreasing
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_holm_counts_a_test_that_could_not_be_computed() -> None:
    adjusted = holm([0.01, math.nan])
    assert adjusted[0] == pytest.approx(0.02)
    assert math.isnan(adjusted[1])
