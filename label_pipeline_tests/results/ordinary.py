"""Runs of many simulated years against the judge's own ordinary: the exact test, asked only where it is in doubt."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.drift.detectors import distances
from label_pipeline.core.drift.exchange import newest_p
from label_pipeline.core.scale import Scale

Values = NDArray[np.int64] | NDArray[np.float64]

NEAR = 2.0
"""Standard deviations of its own null below which no run has a p-value of 1e-3 (see test_ordinary.py)."""

TILTS = (2.0, 4.0, 8.0)
"""Of the exponential bound, in standard deviations."""


def loss_beyond(before: Values, run: Values, level: float) -> bool:
    """Whether the losses (n,) of ``run`` have ``newest_p`` of at most ``level``, 1e-3 or less, beside ``before``."""
    return _beyond(np.concatenate([before, run[None]]), level)


def flips_beyond(before: NDArray[np.float64], run: NDArray[np.float64], scale: Scale, level: float) -> bool:
    """The same of how far raw grades are from those of the other runs."""
    return _beyond(distances(np.concatenate([before, run[None]]), scale), level)


def first(alarms: Iterable[bool]) -> float:
    """Number of the first alarm, 1 = the first run; nan for none. No later run is looked at."""
    return next((number + 1.0 for number, alarm in enumerate(alarms) if alarm), float("nan"))


def _beyond(values: Values, level: float) -> bool:
    centred = values - values.mean(axis=0)
    excess, variance = float(centred[-1].sum()), float(values.var(axis=0).sum())
    if excess <= NEAR * np.sqrt(variance):
        return False
    return _surely(centred, excess, variance, level) or newest_p(values) <= level


def _surely(centred: NDArray[np.float64], excess: float, variance: float, level: float) -> bool:
    """Whether Chernoff's bound, E exp(t S) exp(-t excess), is below the level already."""
    for tilt in TILTS:
        t = tilt / np.sqrt(variance)
        if float(np.log(np.exp(t * centred).mean(axis=0)).sum()) - t * excess <= np.log(level):
            return True
    return False
