"""The rule of before, as a baseline: a fixed number of requests under way, and a pause for all at a refusal."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from label_pipeline.adapters.limiter import Limiter, Turn
from label_pipeline.adapters.openai_client import BACKOFF_MAX_S, BACKOFF_S
from label_pipeline.adapters.pace.troubles import Blame, Trouble


class FixedLimiter(Limiter):
    """Concurrency from the settings, stated paces, a cool-down; every failed try is its request's own."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.slots = asyncio.Semaphore(self.concurrency)
        self.tries: Counter[int] = Counter()
        self.rng = np.random.default_rng(2)

    @asynccontextmanager
    async def slot(self, tokens: int = 0) -> AsyncIterator[Turn]:
        """Whoever comes first has a place; all who waited for a pause go on at once."""
        async with self.slots:
            wait = max(self.requests.wait_s(self.now()), self.tokens.wait_s(self.now()), self._resume_at - self.now())
            self.requests.take(1, self.now())
            self.tokens.take(tokens, self.now())
            while wait > 0:
                await self._sleep(wait)
                wait = self._resume_at - self.now()
            yield FixedTurn(self, 0, self.now())

    def take(self, tokens: float, now: float) -> None:
        """Nothing is learned."""


class FixedTurn(Turn):
    """Pauses everybody at a 429, and counts it as a try."""

    _limiter: FixedLimiter

    def begin(self) -> None:
        """Nothing is measured."""

    def answered(self, headers: Mapping[str, str], used: int | None = None, *, timed: bool = True) -> None:
        """Nothing is learned."""

    def failed(self, trouble: Trouble, request: int, asked_s: float | None = None) -> Blame:
        """The longer, the more often this request was refused."""
        limiter = self._limiter
        if trouble is Trouble.BUSY:
            backoff_s = min(BACKOFF_MAX_S, BACKOFF_S * 2.0 ** limiter.tries[request])
            limiter.cool_down(asked_s if asked_s is not None else float(limiter.rng.uniform(0.5, 1.0)) * backoff_s)
        limiter.tries[request] += 1
        return Blame.REQUEST
