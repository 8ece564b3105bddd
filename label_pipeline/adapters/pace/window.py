"""How many requests may be under way: more while latency stays that of an idle endpoint, fewer where they queue.

A server that queues never says no: with more requests than it can work on, all of them take longer and no more come
back a second. So the mean latency of one window's requests is compared with that of the first, small windows (the
gradient of Netflix' concurrency-limits, and TCP Vegas). One decision a window: only requests sent after the last
decision count, so one burst is cut once. Keep out: refusals (learned.py), outages (breaker.py).
"""

import math

START = 4
"""Requests under way at first, doubled every window until the first sign of a queue (slow start)."""

ROOM = 1.25
"""Below this ratio of latency to that of the idle endpoint, more may be asked."""

QUEUE = 1.5
"""Above it, requests queue: fewer are asked. In between all is well."""

AIM = 1.35
"""Where a cut aims: a little queue keeps every place of the server busy."""

SURE = 2.0
"""Standard errors by which latency must be above ``ROOM`` or ``QUEUE``: latencies differ by chance."""

LEAST = 32
"""Replies a decision takes at least, after slow start: latencies differ by chance."""

OURS = 0.9
"""Where half as many requests take more than this share of what they took, it is not they who queue: the endpoint
itself became slower, and its latency is that of an idle one from now on."""

NEARLY = 0.9
"""Share of a cohort that must be answered before its latency is known."""

AFTER_OUTAGE = 4


class Cohort:
    """The first requests sent after a decision, and their mean latency once nearly all of them were answered.

    The quick ones are answered first, so that the mean of the answered alone would be too low: the time the others have
    waited counts too (total time on test).

    Args:
        size: requests in it.
        limit: how many might be under way meanwhile.
    """

    def __init__(self, size: int, limit: float) -> None:
        self.limit = limit
        self._room, self._open, self._sent_sum = size, 0, 0.0
        self._count, self._sum, self._squares = 0, 0.0, 0.0

    def sent(self, now: float) -> bool:
        """A request goes out; whether it is one of them."""
        if self._room == 0:
            return False
        self._room, self._open, self._sent_sum = self._room - 1, self._open + 1, self._sent_sum + now
        return True

    def ended(self, sent_at: float, latency_s: float | None) -> None:
        """One of them is under way no more; answered after ``latency_s`` seconds, or not at all."""
        self._open, self._sent_sum = self._open - 1, self._sent_sum - sent_at
        if latency_s is not None:
            self._count, self._sum = self._count + 1, self._sum + latency_s
            self._squares += latency_s**2

    @property
    def count(self) -> int:
        """Answered so far."""
        return self._count

    @property
    def complete(self) -> bool:
        """Whether nearly all of them were answered."""
        return self._room == 0 and self._count > 0 and self._open <= (1 - NEARLY) * (self._count + self._open)

    def mean(self, now: float) -> float:
        """Seconds a request took."""
        return (self._sum + self._open * now - self._sent_sum) / self._count

    @property
    def error(self) -> float:
        """Standard error of the mean, seconds."""
        variance = max(self._squares / self._count - (self._sum / self._count) ** 2, 0.0)
        return math.sqrt(variance / self._count)


class Window:
    """Additive increase, multiplicative decrease of the requests under way, driven by latency and time-outs.

    Args:
        most: its upper bound.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(START, most))
        self._slow_start = True
        self._idle: float | None = None
        self._idle_count = 0
        self._full = False
        self._cohort = Cohort(self.limit, self._limit)
        self._before_cuts: tuple[float, float] | None = None
        self._latency: float | None = None

    @property
    def limit(self) -> int:
        """Requests that may be under way now."""
        return max(1, int(self._limit))

    @property
    def per_s(self) -> float:
        """Requests a second that fill the window twice in a round trip: a doubled window is not sent in one burst."""
        return math.inf if not self._latency else 2.0 * self._limit / self._latency

    def filled(self) -> None:
        """As many as may be were under way, and another one was waiting."""
        self._full = True

    def sent(self, now: float) -> Cohort | None:
        """A request goes out; the cohort it belongs to, for ``ended``."""
        return self._cohort if self._cohort.sent(now) else None

    def ended(self, cohort: Cohort | None, sent_at: float, latency_s: float | None, now: float) -> None:
        """A request is under way no more: answered after ``latency_s`` seconds, or not."""
        if latency_s is not None:
            self._latency = latency_s if self._latency is None else self._latency + (latency_s - self._latency) / 16
        if cohort is not None:
            cohort.ended(sent_at, latency_s)
            if cohort is self._cohort and cohort.complete:
                self._decide(now)

    def timed_out(self, cohort: Cohort | None) -> None:
        """Silence until the time-out: half as many, once for all that were sent before."""
        if cohort is self._cohort:
            self._slow_start, self._before_cuts = False, None
            self._begin(self._limit / 2)

    def restart(self) -> None:
        """After an outage: as at first, but from a quarter of what was borne before."""
        self._slow_start, self._before_cuts = True, None
        self._begin(max(self._limit / AFTER_OUTAGE, min(START, self._most)))

    def _begin(self, limit: float) -> None:
        self._limit = min(max(limit, 1.0), float(self._most))
        size = self.limit if self._slow_start else max(LEAST, self.limit)
        self._cohort, self._full = Cohort(size, self._limit), False

    def _decide(self, now: float) -> None:
        latency, idle = self._cohort.mean(now), self._idle
        surely = latency - SURE * self._cohort.error
        before, self._before_cuts = self._before_cuts, None
        if idle is None:
            self._learn(latency)
            self._begin(self._grown())
        elif before is not None and self._limit <= before[0] / 2 and latency > OURS * before[1]:
            self._idle, self._idle_count = latency, self._cohort.count
            self._begin(before[0])
        elif surely > QUEUE * idle:
            self._slow_start = False
            self._before_cuts = before or (self._limit, latency)
            self._begin(self._limit * AIM * idle / latency)
        elif surely > ROOM * idle:
            self._slow_start = False
            self._begin(self._limit)
        else:
            self._learn(latency)
            self._begin(self._grown())

    def _grown(self) -> float:
        if not self._full:
            return self._limit
        return self._limit * 2 if self._slow_start else self._limit + math.sqrt(self._limit)

    def _learn(self, latency: float) -> None:
        """The idle endpoint's latency: every reply of slow start, later only what is lower."""
        if self._slow_start or self._idle is None:
            before, self._idle_count = self._idle or 0.0, self._idle_count + self._cohort.count
            self._idle = before + (latency - before) * self._cohort.count / self._idle_count
        elif latency + SURE * self._cohort.error < self._idle:
            self._idle += (latency - self._idle) / 4
