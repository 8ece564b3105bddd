"""The shortcut of the simulations decides as the exact test does."""

import math

import numpy as np
import pytest

from label_pipeline.core.drift.detectors import flipped
from label_pipeline.core.drift.exchange import newest_p
from label_pipeline_tests.results.ordinary import first, flips_beyond, loss_beyond

LEVEL = 1e-3


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3, 1.0])
def test_whether_a_run_is_beyond_is_what_the_exact_test_says(shift: float) -> None:
    rng = np.random.default_rng(2)
    for rate in (0.01, 0.05, 0.3):
        place, far = rng.integers(0, 80, 120), rng.integers(0, 200, 120)
        before = np.where(rng.random((10, 120)) < rate, far, place)
        for run in np.where(rng.random((20, 120)) < rate + shift * 0.2, far, place):
            exact = newest_p(np.concatenate([before, run[None]])) <= LEVEL
            assert loss_beyond(before, run, LEVEL) == exact
            codes = newest_p(flipped(np.concatenate([before, run[None]]) % 5)) <= LEVEL
            assert flips_beyond(before % 5, run % 5, LEVEL) == codes


def test_the_first_alarm_is_counted_from_one_and_nothing_after_it_is_asked() -> None:
    asked = iter([False, True, True])
    assert first(asked) == 2
    assert list(asked) == [True]
    assert math.isnan(first([]))
