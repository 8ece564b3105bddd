"""The shortcut of the simulations decides as the exact test does."""

import math

import numpy as np
import pytest

from label_pipeline.core.drift.detectors import distances
from label_pipeline.core.drift.exchange import newest_p
from label_pipeline.core.scale import Scale
from label_pipeline_tests.results.ordinary import first, flips_beyond, loss_beyond

LEVEL, SCALE = 1e-3, Scale(0, 4)


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3, 1.0])
def test_whether_a_run_is_beyond_is_what_the_exact_test_says(shift: float) -> None:
    rng = np.random.default_rng(2)
    for rate in (0.01, 0.05, 0.3):
        place, far = rng.integers(0, 80, 120), rng.integers(0, 200, 120)
        before = np.where(rng.random((10, 120)) < rate, far, place)
        for run in np.where(rng.random((20, 120)) < rate + shift * 0.2, far, place):
            exact = newest_p(np.concatenate([before, run[None]])) <= LEVEL
            assert loss_beyond(before, run, LEVEL) == exact
            raw = np.concatenate([before, run[None]]) % 5.0
            assert flips_beyond(raw[:-1], raw[-1], SCALE, LEVEL) == (newest_p(distances(raw, SCALE)) <= LEVEL)


def test_the_first_alarm_is_counted_from_one_and_nothing_after_it_is_asked() -> None:
    asked = iter([False, True, True])
    assert first(asked) == 2
    assert list(asked) == [True]
    assert math.isnan(first([]))
