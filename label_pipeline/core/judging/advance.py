"""How far judging is, how fast it goes, and what gave no grade so far: one sentence for terminal and log.

Keep out: when to say it, and bars (cli/view.py, operations/judging.py).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

RECENT_S = 60.0
"""Seconds that a speed is measured over: a run that began in its journal, or behind an outage, is told as it is now."""


@dataclass(frozen=True)
class Advance:
    """How far judging is.

    Attributes:
        done: pairs that have an outcome.
        total: pairs of the whole work.
        cost_usd: US dollars spent so far.
        ungraded: by outcome, requests that gave no grade.
    """

    done: int
    total: int
    cost_usd: float
    ungraded: Mapping[str, int] = field(default_factory=dict)


class Speed:
    """Pairs a second, of the last ``RECENT_S`` seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._last = 0

    def of(self, done: int, at_s: float) -> float | None:
        """Pairs a second now; None before it can be told.

        Args:
            done: pairs that have an outcome; fewer than at the last look: other work has begun.
            at_s: seconds of a monotonic clock.
        """
        seen = self._seen
        if done < self._last:
            seen.clear()
        self._last = done
        if not seen or at_s - seen[-1][0] >= RECENT_S / 60:  # sixty points do
            seen.append((at_s, done))
        # the oldest point may be just outside: the speed is of a whole span
        while len(seen) > 1 and at_s - seen[1][0] >= RECENT_S:
            seen.popleft()
        since, before = seen[0]
        return (done - before) / (at_s - since) if at_s > since and done > before else None


def sentence(advance: Advance, speed: float | None) -> str:
    """E.g. ``4,500 of 10,000 pairs, 120 a second, 46 s left, $0.0432; no grade: 12 failed, 3 malformed``.

    Args:
        advance: how far it is.
        speed: pairs a second; None: not known.
    """
    left = advance.total - advance.done
    pace = f", {speed:,.{0 if speed >= 10 else 1}f} a second" if speed else ""
    if speed and left >= speed:
        pace += f", {lasting(left / speed)} left"
    ungraded = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(advance.ungraded.items(), key=_most) if n)
    without = f"; no grade: {ungraded}" if ungraded else ""
    return f"{advance.done:,} of {advance.total:,} pairs{pace}, ${advance.cost_usd:.4f}{without}"


def lasting(seconds: float) -> str:
    """So long, as a person says it: ``46 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def _most(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]
