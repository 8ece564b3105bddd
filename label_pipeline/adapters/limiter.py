"""How fast one endpoint is asked: who waits, for what, and in which order. What it waits for is decided in pace/.

Requests go out in the order in which they asked. Only the first in line looks at the clock; after a pause or an outage
the others follow it at the pace then in force, never all at once. Keep out: which replies mean what, and retries
(adapters/openai_client.py); the rules (adapters/pace/).
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from label_pipeline.adapters.pace.breaker import Breaker
from label_pipeline.adapters.pace.learned import LearnedPace
from label_pipeline.adapters.pace.quota import Quota
from label_pipeline.adapters.pace.told import told_limits
from label_pipeline.adapters.pace.troubles import REFUSALS, Blame, Trouble
from label_pipeline.adapters.pace.window import Cohort, Window
from label_pipeline.core.errors import ProviderUnavailableError

PATIENCE_S = 300.0
WINDOW_BURST_S = 0.02
"""The window's own pace is kept in steps of this many seconds: a timer for every request would cost more than it."""

LOOK_S = 1.0
"""Who is first in line looks again at least so often: what a reply gave back may have shortened its wait."""

USED_SHARE = 0.05
"""Weight of one reply in the share of the estimated tokens that requests use."""


class Limiter:
    """Shared by every worker that talks to one endpoint.

    Args:
        concurrency: the most requests under way at once; how many really are follows from latency and refusals.
        requests_per_minute: None = no limit is known; one that replies name or refusals show holds all the same.
        tokens_per_minute: input tokens and output tokens; a request takes its estimate and gives back what it did not
            use. None = no limit is known.
        clock: monotonic seconds.
        sleep: waits seconds.
        patience_s: seconds an endpoint that has answered may be gone before its requests are given up.
    """

    def __init__(
        self,
        concurrency: int,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience_s: float = PATIENCE_S,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; at least one request must be allowed")
        self.concurrency, self.patience_s = concurrency, patience_s
        self._stated = (requests_per_minute or math.inf, tokens_per_minute or math.inf)
        self.requests, self.tokens = Quota(requests_per_minute), Quota(tokens_per_minute)
        self.learned, self.window, self.breaker = LearnedPace(), Window(concurrency), Breaker(patience_s)
        self._burst = Quota(None, WINDOW_BURST_S)
        self.used_share = 1.0
        self._clock, self._sleep = clock, sleep
        self._resume_at = -math.inf
        self._under_way = self._numbered = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def slot(self, tokens: int = 0) -> AsyncIterator["Turn"]:
        """Waits until one request of at most ``tokens`` tokens may be sent; it is under way inside the block.

        Raises:
            ProviderUnavailableError: the endpoint was given up while this one waited.
        """
        self._enter_loop()
        given_up = self.breaker.given_up
        async with self._line:
            while True:
                if self.breaker.given_up != given_up:
                    said = f"nobody had an answer for {self.patience_s:.0f} s (`patience_s` of the endpoint)"
                    raise ProviderUnavailableError(said, bare=said)
                wait = self._wait_s()
                if wait <= 0:
                    break
                await self._pass(wait)
            turn = Turn(self, tokens, self._clock())
        self._under_way += 1
        loop = self._loop
        try:
            yield turn
        except BaseException:
            turn.abandon()
            raise
        finally:
            turn.end()
            if self._loop is loop:
                self._under_way -= 1
                self._freed.set()

    @property
    def counts_tokens(self) -> bool:
        """Whether anybody limits tokens: their number need not be estimated otherwise."""
        return self.tokens.limited

    def cool_down(self, seconds: float) -> None:
        """No request starts for ``seconds``: one worker was told to slow down, and that holds for all of them."""
        self._resume_at = max(self._resume_at, self._clock() + seconds)
        self.learned.quota.hold(self._resume_at)

    def read_limits(self, headers: Mapping[str, str]) -> None:
        """Keeps to the limits that a reply names, where they are below the stated ones."""
        for quota, stated, told in zip((self.requests, self.tokens), self._stated, told_limits(headers), strict=True):
            if told is not None:
                quota.set_pace(min(stated, told) / 60.0)

    def now(self) -> float:
        """Monotonic seconds of the limiter's clock."""
        return self._clock()

    def new_number(self) -> int:
        """A number that no other request to this endpoint has."""
        self._numbered += 1
        return self._numbered

    def _wait_s(self) -> float:
        """Seconds until the first in line may go; infinite where only the end of another request can tell."""
        now = self._clock()
        if self._under_way >= self.window.limit:
            self.window.filled()
            return math.inf
        paces = (self.requests, self.tokens, self.learned.quota, self._burst)
        return max(self._resume_at - now, self.breaker.wait_s(now), *(pace.wait_s(now) for pace in paces))

    async def _pass(self, wait: float) -> None:
        if math.isfinite(wait):
            await self._sleep(min(wait, LOOK_S))
        else:
            self._freed.clear()
            await self._freed.wait()

    def take(self, tokens: float, now: float) -> None:
        """One request of ``tokens`` tokens goes out."""
        self.requests.take(1, now)
        self.tokens.take(tokens, now)
        self.learned.sent(now)
        if math.isfinite(self.window.per_s):
            self._burst.set_pace(self.window.per_s)
            self._burst.take(1, now)

    def _enter_loop(self) -> None:
        # asyncio's primitives belong to one loop; a limiter outlives several (one per run_judging).
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._line, self._freed = loop, asyncio.Lock(), asyncio.Event()
            self._under_way = 0


class Turn:
    """One try of one request, and what is told of it. A try that is told nothing taught nothing.

    Args:
        limiter: whose turn it is.
        tokens: the most it may use, estimated.
        now: monotonic seconds.
    """

    def __init__(self, limiter: Limiter, tokens: int, now: float) -> None:
        self._limiter, self._tokens = limiter, tokens
        self._reserved = tokens * limiter.used_share
        self._sent_at = now
        self._went_out = False
        self._cohort: Cohort | None = None
        self._latency_s: float | None = None
        self.probe = limiter.breaker.sent()
        limiter.take(self._reserved, now)

    def begin(self) -> None:
        """It goes out now: from here on its latency counts."""
        self._sent_at, self._went_out = self._limiter.now(), True
        self._cohort = self._limiter.window.sent(self._sent_at)

    def answered(self, headers: Mapping[str, str], used: int | None = None, *, timed: bool = True) -> None:
        """Somebody answered, if only with a no to this text.

        Args:
            headers: of the answer.
            used: tokens it took; None where it does not say.
            timed: whether its latency is that of a chat request.
        """
        limiter, now = self._limiter, self._limiter.now()
        limiter.read_limits(headers)
        limiter.learned.answered(self._sent_at, now)
        if limiter.breaker.answered(now):
            limiter.window.restart()
            limiter.learned.restore(now)
        if timed:
            self._latency_s = now - self._sent_at
        if used is not None and self._tokens:
            limiter.tokens.take(used - self._reserved, now)
            limiter.used_share += (min(used / self._tokens, 1.0) - limiter.used_share) * USED_SHARE

    def failed(self, trouble: Trouble, request: int, asked_s: float | None = None) -> Blame:
        """No answer came.

        Args:
            trouble: of which kind.
            request: its number, the same at each of its tries.
            asked_s: seconds the endpoint asks everybody to wait.
        """
        limiter, now = self._limiter, self._limiter.now()
        if trouble in REFUSALS and not limiter.breaker.is_open:
            limiter.learned.refused(self._sent_at, now)
        elif trouble is Trouble.SILENT:
            limiter.window.timed_out(self._cohort)
        if trouble in REFUSALS or trouble is Trouble.GONE:
            limiter.tokens.take(-self._reserved, now)
        if asked_s is not None:
            limiter.cool_down(asked_s)
        return limiter.breaker.failed(trouble, request, now, probe=self.probe)

    def end(self) -> None:
        """It is under way no more."""
        limiter = self._limiter
        limiter.breaker.ended(probe=self.probe)
        limiter.window.ended(self._cohort, self._sent_at, self._latency_s, limiter.now())

    def abandon(self) -> None:
        """Its block was left by an error; one that never went out gives everything back."""
        if not self._went_out:
            self._limiter.tokens.take(-self._reserved, self._limiter.now())
            self._limiter.requests.take(-1, self._limiter.now())
