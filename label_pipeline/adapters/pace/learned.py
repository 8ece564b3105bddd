"""The pace of an endpoint that refuses and names no limit: found from what it lets through between two refusals.

A quota is a bucket that fills at a steady rate. It is empty at a refusal; so what was let through from one refusal to
the next, divided by the time, is the rate at which it fills, whatever its size. Until two refusals are far enough
apart the pace is halved at each. In between it grows, slowly at first, faster the longer nothing is refused.

A quota lets something through after each cut. Where several cuts in a row were followed by no answer, and nothing had
been refused for a while before, it was no quota but a short outage: what was found before it holds again.

Keep out: pauses an endpoint asks for (adapters/limiter.py), latency (window.py).
"""

import math
from collections import deque

from label_pipeline.adapters.pace.quota import Quota

ENOUGH = 20
"""Requests let through between two refusals from which their rate is believed: one more or less is 5 % of them."""

ENOUGH_S = 1.0

BELOW = 0.98
"""Share of the found rate that is asked for next: the bucket, empty now, fills a little."""

HALVED = 0.5
SOFTENED = 0.8
"""Cut before a rate was ever found, and after one that was found turned out too high."""

FULL = 0.7
"""What was let through is below this share of the refused pace only where the bucket was full in between."""

GROWTH_S = 0.001
"""Share by which a found pace grows in a second; doubles every ``QUIET_S`` seconds (and ``ENOUGH`` requests) without a
refusal."""

QUIET_S = 10.0
FASTEST_S = 0.125
"""Greatest growth in a second, and that of a pace below the found one or before any was found: twice in six seconds."""

PAUSE_S = 0.25
"""After a cut nothing goes out so long: an empty bucket refuses whoever comes first."""

IDLE_S = 10.0
"""Longer gaps between two requests were a pause of ours and say nothing about the endpoint's rate."""

KEPT_S = 0.1
"""Seconds of unused allowance that may be spent at once."""

UNANSWERED_PER_S = 1.0
"""No slower than this where nothing is answered at all: then it is no quota, and a run must come to its end."""

SILENT = 3
"""Cuts in a row without an answer in between that show a short outage. Longer ones are the breaker's."""

STEADY_S = 30.0
"""Nothing may have been refused so long before: a quota that is slower than our cuts is silent too, again and again."""

SLOWEST_PER_S = 1 / 60
FASTEST_PER_S = 1e5


class LearnedPace:
    """Additive increase, multiplicative decrease of requests a second; no limit until the first refusal."""

    def __init__(self) -> None:
        self.quota = Quota(None, burst_s=KEPT_S)
        self._per_s = math.inf
        self._found = False
        self._aim = math.inf
        self._answered = True
        self._before: tuple[float, float, bool] = (math.inf, math.inf, False)
        self._cut_at = self._grown_at = self._sent_at = -math.inf
        self._silent, self._steady, self._asked = 0, False, math.inf
        self._let_through = 0
        self._busy_s = 0.0
        self._recent: deque[float] = deque(maxlen=ENOUGH + 1)

    @property
    def per_s(self) -> float:
        """Requests a second; infinite until something was refused."""
        return self._per_s

    def sent(self, now: float) -> None:
        """One request goes out; it counts as let through until it is refused."""
        self._busy_s += min(now - self._sent_at, IDLE_S)
        self._let_through += 1
        self._sent_at = now
        self._recent.append(now)
        self._grow(now)
        self.quota.take(1, now)

    def answered(self, sent_at: float, now: float) -> None:
        """A request that went out at ``sent_at`` was answered: somebody is there, at the present pace."""
        if self._answered or sent_at < self._cut_at:
            return
        self._answered = True
        if self._steady and self._silent >= SILENT:
            self._recover(now)

    def refused(self, sent_at: float, now: float) -> None:
        """A request that went out at ``sent_at`` was refused. Those of before the last cut say nothing new."""
        self._let_through -= 1
        if sent_at < self._cut_at:
            return
        if self._answered:
            self._before, self._asked = (self._per_s, self._aim, self._found), self._asked_per_s(now)
            self._silent, self._steady = 0, now - self._cut_at >= STEADY_S
        self._silent += 1
        if math.isinf(self._per_s):
            self._begin(now)
        elif self._let_through >= ENOUGH and self._busy_s >= ENOUGH_S:
            rate = self._let_through / self._busy_s
            # else the bucket, full for a while, lost what came in: its rate is greater than that, by an unknown amount
            self._aim = BELOW * min(rate, self._per_s) if rate > FULL * self._per_s else SOFTENED * self._per_s
            self._settle(self._aim, now)
            self._found, self._let_through, self._busy_s = True, 0, 0.0
        else:
            least = SLOWEST_PER_S if self._answered else min(UNANSWERED_PER_S, self._per_s)
            self._settle(max(self._per_s * (SOFTENED if self._found else HALVED), least), now)
        self._answered = False
        self._cut_at = now
        self.quota.hold(now + PAUSE_S)

    def _begin(self, now: float) -> None:
        """The first refusal: what went out lately is the only guess there is; the bucket was full before."""
        self._settle(HALVED * self._asked_per_s(now), now)
        self._let_through, self._busy_s = 0, 0.0

    def _asked_per_s(self, now: float) -> float:
        """Requests a second of late."""
        return len(self._recent) / max(now - self._recent[0], 0.1) if self._recent else 0.0

    def _recover(self, now: float) -> None:
        """A short outage ended: half of what was asked before, which is soon what it was."""
        _, self._aim, self._found = self._before
        self._let_through, self._busy_s = 0, 0.0
        self._settle(max(self._per_s, HALVED * self._asked), now)

    def restore(self, now: float) -> None:
        """An outage ended: what it refused was no quota, and the pace of before holds again."""
        per_s, self._aim, self._found = self._before
        self._let_through, self._busy_s = 0, 0.0
        if math.isinf(per_s):
            self._per_s, self.quota = per_s, Quota(None, burst_s=KEPT_S)
        else:
            self._settle(per_s, now)

    def _settle(self, per_s: float, now: float) -> None:
        self._per_s, self._grown_at = min(max(per_s, SLOWEST_PER_S), FASTEST_PER_S), now
        self.quota.set_pace(self._per_s)

    def _grow(self, now: float) -> None:
        if math.isinf(self._per_s) or self._per_s > 4 * self._asked_per_s(now):
            return  # where it is not what limits, growing would only make the next cut too late
        growth_s = FASTEST_S
        if self._found and self._per_s >= self._aim:
            quiet = min((now - self._cut_at) / max(QUIET_S, ENOUGH / self._per_s), 60.0)
            growth_s = min(GROWTH_S * 2.0 ** int(quiet), FASTEST_S)
        self._settle(self._per_s * (1 + growth_s * min(now - self._grown_at, IDLE_S)), now)
