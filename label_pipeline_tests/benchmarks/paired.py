"""Two ways to the same answer, timed turn about in one process, so that a busy machine slows both alike.

Keep out: what is timed (bulk.py, arithmetic.py), the page (page.py).
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 7
"""Odd, so that the median is a round that happened."""


@dataclass(frozen=True)
class Paired:
    """One comparison.

    Attributes:
        question: what it answers.
        ours: what is timed.
        baseline: what it is compared with, by name.
        unit: what one figure is the cost of, e.g. ``a request``.
        ours_s: seconds per unit of each round.
        baseline_s: seconds per unit of each round, of the baseline.
        clock: ``CPU`` or ``wall``.
    """

    question: str
    ours: str
    baseline: str
    unit: str
    ours_s: tuple[float, ...]
    baseline_s: tuple[float, ...]
    clock: str

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours through the baseline, round by round, ascending; below 1 = ours is faster."""
        return tuple(sorted(a / b for a, b in zip(self.ours_s, self.baseline_s, strict=True)))

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)


def paired(
    question: str,
    ours: tuple[str, Callable[[], object]],
    baseline: tuple[str, Callable[[], object]],
    *,
    unit: str,
    ours_units: int = 1,
    baseline_units: int = 1,
    cpu: bool = False,
    rounds: int = ROUNDS,
) -> Paired:
    """Times both in every round, the one that starts alternating; a round before the first is thrown away.

    Args:
        question: what it answers.
        ours: name and work.
        baseline: name and work.
        unit: what a figure is the cost of.
        ours_units: units ``ours`` does in one call.
        baseline_units: units the baseline does in one call; fewer where it is too slow for as many.
        cpu: count this process's CPU seconds instead of wall seconds.
        rounds: rounds counted.
    """
    clock = time.process_time if cpu else time.perf_counter
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        order = [(0, ours[1], ours_units), (1, baseline[1], baseline_units)]
        for side, work, units in order if turn % 2 else reversed(order):
            started = clock()
            work()
            if turn:
                found[side].append((clock() - started) / units)
    return Paired(question, ours[0], baseline[0], unit, tuple(found[0]), tuple(found[1]), "CPU" if cpu else "wall")
