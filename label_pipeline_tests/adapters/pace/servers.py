"""Servers whose best is known in closed form: buckets that refuse, places that queue, outages.

Keep out: who asks them (crowd.py).
"""

import asyncio
import heapq
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp
import httpx2
import numpy as np
import openai

from label_pipeline_tests.core.judging.scripted import chat_answer

ADDRESS = "https://server.example/v1"
REFUSAL_S = 0.05
"""Seconds after which a server says no: long before an answer would have come."""

REQUEST = httpx2.Request("POST", f"{ADDRESS}/chat/completions")
TEXT = json.dumps({**chat_answer(), "usage": {"prompt_tokens": 1, "completion_tokens": 2}}).replace("%", "%%")
TEXT = TEXT.replace('"prompt_tokens": 1', '"prompt_tokens": %d').replace(
    '"completion_tokens": 2', '"completion_tokens": %d'
)


class Answer(NamedTuple):
    """What the client reads of a response: making the library's own takes longer than all the rest."""

    content: str
    headers: Mapping[str, str]


@dataclass
class Server:
    """One endpoint that answers everything.

    Attributes:
        latency_s: mean seconds an answer takes.
        rng: its chance.
        spread: standard deviation of the logarithm of a latency.
        received: requests that arrived.
        refused: of these, those that were refused.
        accepted: moments at which a request was accepted.
        latencies: seconds between a request and its answer.
        tokens_used: of what was accepted.
    """

    latency_s: float
    rng: np.random.Generator
    spread: float = 0.25
    received: int = 0
    refused: int = 0
    accepted: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    tokens_used: int = 0

    async def post(self, path: str, *, cast_to: object, body: Mapping[str, object]) -> Answer:
        """One chat request, as the ``openai`` library sends it."""
        now = asyncio.get_running_loop().time()
        self.received += 1
        prompt, written = 520, int(self.rng.integers(20, 200))
        await self.admit(prompt + written, now)
        self.accepted.append(now)
        self.tokens_used += prompt + written
        await asyncio.sleep(self.takes_s(now))
        self.latencies.append(asyncio.get_running_loop().time() - now)
        return Answer(TEXT % (prompt, written), self.headers())

    def service_s(self) -> float:
        """Seconds the work on one answer takes."""
        return self.latency_s * float(self.rng.lognormal(-(self.spread**2) / 2, self.spread))

    def takes_s(self, now: float) -> float:
        """Seconds until the answer is there."""
        return self.service_s()

    def headers(self) -> dict[str, str]:
        """Of every answer."""
        return {}

    async def admit(self, tokens: int, now: float) -> None:
        """Raises where the request is refused."""

    async def refuse(self, status: int, headers: Mapping[str, str]) -> None:
        """Says no."""
        self.refused += 1
        await asyncio.sleep(REFUSAL_S)
        response = httpx2.Response(status, headers=headers, json={"error": {"message": "slow down"}}, request=REQUEST)
        raise openai.APIStatusError("slow down", response=response, body={"message": "slow down"})


@dataclass
class Bucket(Server):
    """Fills with ``per_s`` units a second up to ``burst_s`` seconds' worth; refuses what it does not hold.

    In T seconds it lets through at most ``per_s * (T + burst_s)`` units.

    Attributes:
        per_s: units a second.
        burst_s: what it holds, in seconds of its rate; full at first.
        in_tokens: units are tokens, not requests.
        tells: None, ``"retry-after"`` at a refusal, or ``"limits"`` in every answer.
    """

    per_s: float = 20.0
    burst_s: float = 1.0
    in_tokens: bool = False
    tells: str | None = None
    _level: float | None = None
    _at: float = 0.0

    async def admit(self, tokens: int, now: float) -> None:
        """Takes from the bucket."""
        most = self.per_s * self.burst_s
        level = most if self._level is None else min(most, self._level + (now - self._at) * self.per_s)
        units = float(tokens) if self.in_tokens else 1.0
        self._level, self._at = level, now
        if level < units:
            told = {"retry-after-ms": f"{1000 * (units - level) / self.per_s:.0f}"} if self.tells else {}
            await self.refuse(429, told)
        self._level = level - units

    def headers(self) -> dict[str, str]:
        """As OpenAI names limits."""
        if self.tells != "limits":
            return {}
        unit, missing = "tokens" if self.in_tokens else "requests", self.per_s * self.burst_s - (self._level or 0.0)
        return {
            f"x-ratelimit-limit-{unit}": f"{60 * self.per_s:.0f}",
            f"x-ratelimit-reset-{unit}": f"{1000 * missing / self.per_s:.0f}ms",
        }


@dataclass
class Places(Server):
    """Works on ``places`` requests at once, in order of arrival; the others queue. It never refuses.

    Its best throughput is ``places / latency_s``.

    Attributes:
        places: requests it works on at once.
        slower: (moment, factor): from then on the work takes so much longer.
    """

    places: int = 32
    slower: tuple[float, float] = (float("inf"), 1.0)
    _free: list[float] = field(default_factory=list)

    def takes_s(self, now: float) -> float:
        """The wait in the queue and the work."""
        if not self._free:
            self._free = [0.0] * self.places
        ends = max(now, heapq.heappop(self._free)) + self.service_s() * (self.slower[1] if now >= self.slower[0] else 1)
        heapq.heappush(self._free, ends)
        return ends - now


@dataclass
class Outage(Server):
    """Answers, but for a window in which it does not.

    Attributes:
        begins: seconds.
        lasts: seconds.
        how: ``"503"``, ``"429"``, ``"500"``, ``"refused"`` (nothing listens) or ``"hang"``.
    """

    begins: float = 30.0
    lasts: float = 60.0
    how: str = "503"

    async def admit(self, tokens: int, now: float) -> None:
        """Fails as told."""
        if not self.begins <= now < self.begins + self.lasts:
            return
        if self.how == "hang":
            await asyncio.sleep(10_000)
        if self.how == "refused":
            self.refused += 1
            await asyncio.sleep(0.001)
            raise openai.APIConnectionError(request=REQUEST) from _nobody_listens()
        await self.refuse(int(self.how), {})


def _nobody_listens() -> aiohttp.ClientConnectorError:
    from aiohttp.client_reqrep import ConnectionKey

    key = ConnectionKey("server.example", 443, True, True, None, None, None, None)
    return aiohttp.ClientConnectorError(key, OSError(111, "Connection refused"))
