"""Units a minute as one number, the moment at which the next unit is free: the generic cell rate algorithm.

Taken when a request goes out, corrected when its reply says what it used. Keep out: where the rate comes from
(settings, told.py, learned.py).
"""

import math

BURST_S = 1.0
"""Seconds of unused allowance that may be spent at once: requests are paced, not sent a minute's worth at a time."""


class Quota:
    """A pace of requests or tokens. A request larger than a minute passes once what went before is paid off.

    Source: ITU-T I.371 annex A, the virtual scheduling form.

    Args:
        per_minute: units; None = no limit.
        burst_s: seconds of unused allowance that are kept.
    """

    def __init__(self, per_minute: float | None, burst_s: float = BURST_S) -> None:
        self._unit_s = 60.0 / per_minute if per_minute else 0.0
        self._burst_s = burst_s
        self._free_at = -math.inf

    @property
    def limited(self) -> bool:
        """Whether there is a pace at all."""
        return self._unit_s > 0

    def set_pace(self, per_s: float) -> None:
        """Another pace from now on; what was taken stays taken."""
        self._unit_s = 1.0 / per_s

    def wait_s(self, now: float) -> float:
        """Seconds until another request may go out."""
        return max(0.0, self._free_at - now) if self._unit_s else 0.0

    def take(self, units: float, now: float) -> None:
        """Spends ``units``, negative to give back: whoever waits has them at once."""
        if self._unit_s:
            self._free_at = max(self._free_at, now - self._burst_s) + units * self._unit_s

    def hold(self, until: float) -> None:
        """Nothing before ``until``, and no burst of what was unused by then: everybody who waits would go at once."""
        self._free_at = max(self._free_at, until)
