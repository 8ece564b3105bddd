"""An endpoint that is gone: nobody spends tries on it, one request at a time probes whether it is back.

Closed: all is well. Open: several requests in a row failed and none was answered since; one probe goes out after a
wait that doubles. The first answer closes it. After ``patience_s`` without an answer it gives up, and everything is as
for an endpoint that never answered: requests spend their tries and the run ends (core/judging/workers.py).

Source: M. Nygard, Release It!, "Circuit Breaker". Keep out: how many requests may go out after it closed (window.py).
"""

import math

from label_pipeline.adapters.pace.troubles import REFUSALS, Blame, Trouble

IN_A_ROW = 5
"""Different requests that fail with no answer in between: one that always fails says nothing about the others."""

QUIET_S = 5.0
QUIET_GAPS = 10
"""A refusal shows that somebody is there: refusals alone open it only so long, and so many of the usual gaps between
two answers, after the last answer."""

PROBE_S = 1.0
PROBE_MAX_S = 10.0
"""Wait before the first probe and the greatest wait; doubled each time."""


class Breaker:
    """Shared by all requests to one endpoint.

    Args:
        patience_s: seconds an endpoint that has answered may leave everybody without an answer; 0 = every failed try is
            its request's own.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._alive = False
        self._failed: set[int] = set()
        self._since: float | None = None
        self._answered_at = -math.inf
        self._gap_s = 0.0
        self._probe_at: float | None = None
        self._probe_wait_s = PROBE_S
        self._probing = self._probed = False
        self.given_up = 0

    @property
    def is_open(self) -> bool:
        """Whether only probes may go out."""
        return self._probe_at is not None

    def wait_s(self, now: float) -> float:
        """Seconds until a request may go out; infinite while a probe is under way."""
        if self._probe_at is None:
            return 0.0
        return math.inf if self._probing else max(0.0, self._probe_at - now)

    def sent(self) -> bool:
        """One goes out; whether it is a probe."""
        if self.is_open:
            self._probing = self._probed = True
        return self.is_open

    def ended(self, *, probe: bool) -> None:
        """A request is under way no more, whatever became of it."""
        if probe:
            self._probing = False

    def answered(self, now: float) -> bool:
        """Somebody is there; whether an outage ended with it: one that lasted until a probe went out."""
        ended, self._probed = self._probed, False
        if self._alive and not ended:
            self._gap_s += (min(now - self._answered_at, self._patience_s) - self._gap_s) / 16
        self._alive, self._since, self._answered_at = True, None, now
        self._failed.clear()
        self._probe_at, self._probe_wait_s = None, PROBE_S
        return ended

    def failed(self, trouble: Trouble, request: int, now: float, *, probe: bool) -> Blame:
        """A try of the request numbered ``request`` got no answer: what that means for it."""
        if not self._alive or self._patience_s == 0:
            return Blame.REQUEST
        self._failed.add(request)
        self._since = now if self._since is None else self._since
        if now - self._since > self._patience_s:
            self._give_up()
            return Blame.PATIENCE
        if probe:
            self._probe_wait_s = min(2 * self._probe_wait_s, PROBE_MAX_S)
            self._probe_at = now + self._probe_wait_s
        elif not self.is_open and self._is_gone(trouble, now):
            self._probe_at = now + self._probe_wait_s
        # A gateway may say 503 to one text for ever: that counts against nobody only where others hear it too.
        several = trouble is Trouble.OVERLOADED and len(self._failed) > 1
        everybodys = trouble in (Trouble.BUSY, Trouble.GONE) or several or self.is_open
        return Blame.ENDPOINT if everybodys else Blame.REQUEST

    def _is_gone(self, trouble: Trouble, now: float) -> bool:
        if trouble in REFUSALS and now - self._answered_at < QUIET_S + QUIET_GAPS * self._gap_s:
            return False
        return trouble is Trouble.GONE or len(self._failed) >= IN_A_ROW

    def _give_up(self) -> None:
        self.given_up += 1
        self._alive, self._since, self._probe_at, self._probe_wait_s = False, None, None, PROBE_S
        self._failed.clear()
