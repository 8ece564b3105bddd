"""Is the newest run like those before it? An exact test whose null is the judge's own runs, pair by pair.

Of a judge that has not changed, a pair's value in the newest run is as likely any of the R0 + 1 values that were seen
of that pair, whatever its own noise is: a grade that never moved, one that flips every other time, a text that is
unreadable now and then. Given those values the sum over pairs is a sum of independent draws, and its tail is computed,
not approximated. So the level holds for every judge, every number of pairs and however far in the tail, where a normal
approximation from ten runs promises .05 and delivers .31 (a greedy judge with rare large flips, 52 runs).

The newest run counts among its own reference, which is what shrinks a pair that was never seen to move: it moves with
probability 1 / (R0 + 1), not 0. Of a judge that never varied, k changed pairs have p = (R0 + 1)^-k.

Pairs are taken as independent within a run, as two requests to a model are; what is counted per reply is summed per
pair first, for the votes on one text fail together.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

RESOLUTION = 64
"""Steps that a standard deviation of the null's sum is divided into where values are no whole numbers."""


def newest_p(values: NDArray[np.int64] | NDArray[np.float64]) -> float:
    """One-sided p-value of "the newest run's sum is no larger than chance makes it".

    Values that are no whole numbers are rounded to steps first, ``RESOLUTION`` of them to a standard deviation of the
    sum. The step is the same whichever run is the newest, so the test of the rounded values is as exact.

    Args:
        values: (R0 + 1, n), the newest run last.

    Raises:
        ValueError: there is no run to compare with, or no pair.
    """
    if values.ndim != 2 or len(values) < 2 or values.shape[1] < 1:
        raise ValueError(f"a run is compared with one or more others over one or more pairs, got shape {values.shape}")
    step = 1.0 if values.dtype.kind == "i" else float(np.sqrt(values.var(axis=0).sum())) / RESOLUTION
    steps: Ints = np.rint((values - values.min(axis=0)) / (step or 1.0)).astype(np.int64)
    return tail_p(steps, steps[-1])


def tail_p(outcomes: Ints, found: Ints) -> float:
    """P(sum_i X_i >= sum_i found_i), X_i independent and uniform over column i.

    Args:
        outcomes: (K, n) what each pair's value could as well have been.
        found: (n,) what it was.
    """
    least = outcomes.min(axis=0)
    reach = int((found - least).sum())
    if reach <= 0:
        return 1.0
    moving = outcomes.max(axis=0) > least
    patterns = np.ascontiguousarray(np.sort(outcomes - least, axis=0)[:, moving].T)
    chances = np.ones(1)
    # pairs that might as well have been the same are one power; sorting them to find those would cost more than it all
    for pattern, count in Counter(row.tobytes() for row in patterns).items():
        own = np.bincount(np.frombuffer(pattern, dtype=patterns.dtype)) / len(outcomes)
        chances = np.convolve(chances, _powered(own, count))
    return min(float(chances[reach:].sum()), 1.0)


def _powered(chances: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Chances of the sum of ``count`` independent draws, count >= 1."""
    if count == 1:
        return chances
    half = _powered(chances, count // 2)
    both = np.convolve(half, half)
    return np.convolve(both, chances) if count % 2 else both
