"""How fast one endpoint is asked: requests under way, requests and tokens per minute, and a shared cool-down.

Keep out: which replies mean "slower" and retries (adapters/openai_client.py).
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

BURST_S = 1.0
"""Seconds of unused allowance that may be spent at once: requests are paced, not sent a minute's worth at a time."""


class _Pace:
    """An allowance of units a minute as one number: when the next unit is free (generic cell rate algorithm)."""

    def __init__(self, per_minute: float | None) -> None:
        self._unit_s = 60.0 / per_minute if per_minute else 0.0
        self._free_at = -math.inf

    def reserve(self, units: float, now: float) -> float:
        """Takes ``units`` and returns the seconds until they may be used. Whoever asks first is served first."""
        start = max(self._free_at, now - BURST_S)
        self._free_at = start + units * self._unit_s
        return max(0.0, start - now)


class Limiter:
    """Shared by every worker that talks to one endpoint.

    Args:
        concurrency: requests under way at once.
        requests_per_minute: None = no limit.
        tokens_per_minute: input tokens and the largest allowed output, as estimated; None = no limit.
        clock: monotonic seconds.
        sleep: waits seconds.
    """

    def __init__(
        self,
        concurrency: int,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; at least one request must be allowed")
        self.concurrency = concurrency
        self.counts_tokens = tokens_per_minute is not None
        self._requests, self._tokens = _Pace(requests_per_minute), _Pace(tokens_per_minute)
        self._clock, self._sleep = clock, sleep
        self._resume_at = -math.inf
        self._slots = asyncio.Semaphore(concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def slot(self, tokens: int = 0) -> AsyncIterator[None]:
        """Waits until one request of ``tokens`` tokens may be sent, and counts it as under way inside the block."""
        async with self._semaphore():
            now = self._clock()
            wait = max(self._requests.reserve(1, now), self._tokens.reserve(tokens, now), self._resume_at - now)
            while wait > 0:
                await self._sleep(wait)
                wait = self._resume_at - self._clock()  # a cool-down may have begun meanwhile
            yield

    def cool_down(self, seconds: float) -> None:
        """No request starts for ``seconds``: one worker was told to slow down, and that holds for all of them."""
        self._resume_at = max(self._resume_at, self._clock() + seconds)

    def _semaphore(self) -> asyncio.Semaphore:
        # asyncio's primitives belong to one loop; a limiter outlives several (one per run_judging).
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._slots = loop, asyncio.Semaphore(self.concurrency)
        return self._slots
