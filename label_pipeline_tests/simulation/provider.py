"""The provider of a simulation: it answers as its seed says, finishes what it began, and writes a bill."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2
import numpy as np
import openai

from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.openai_connection import Library
from label_pipeline_tests.core.judging.scripted import REPLY_USD, chat_answer

ADDRESS = "https://simulated.example/v1"


@dataclass(frozen=True)
class Weather:
    """How a provider behaves: chances of each fault a request, and windows in which it says no to all, seconds."""

    faults: Mapping[str, float]
    bursts: tuple[tuple[float, float, int], ...]
    latency_s: float
    unreadable: float


@dataclass
class SimulatedProvider:
    """Counts what it received, and what it charges for, by request body.

    Attributes:
        weather: how it behaves.
        rng: its chance.
        received: moments of every request, in order.
        bodies: every request, by body.
        charged: requests it charges for, by body: whatever became of the connection.
        model: the model it serves.
        listening: whether anybody hears its answers; a dead process does not.
    """

    weather: Weather
    rng: np.random.Generator
    received: list[float] = field(default_factory=list)
    charged: Counter[str] = field(default_factory=Counter)
    bodies: Counter[str] = field(default_factory=Counter)
    model: str = "judge"

    @property
    def bill_usd(self) -> float:
        """What it charges in all, US dollars."""
        return self.charged.total() * REPLY_USD

    async def post(self, path: str, *, cast_to: object, body: Mapping[str, object]) -> httpx2.Response:
        """One chat request, as the ``openai`` library sends it."""
        now = asyncio.get_running_loop().time()
        self.received.append(now)
        said = json.dumps(body, sort_keys=True)
        self.bodies[said] += 1
        request = httpx2.Request("POST", f"{ADDRESS}{path}")
        for begins, ends, status in self.weather.bursts:
            if begins <= now < ends:
                await asyncio.sleep(0.01)
                raise _no(request, status, ends - now if self.rng.random() < 0.5 else None)
        fault = self._fault()
        if fault in ("429", "500", "503"):
            await asyncio.sleep(0.02)
            raise _no(request, int(fault), None)
        if fault == "refused connection":
            raise openai.APIConnectionError(request=request)
        answer = self._answer(body, said)
        if fault == "hang":
            if self.rng.random() < 0.5:
                self.charged[said] += 1
            await asyncio.sleep(10_000)
        self.charged[said] += 1
        await asyncio.sleep(float(self.rng.uniform(0.2, 5.0 if fault == "slow" else 1.0)) * self.weather.latency_s)
        if fault == "reset":
            raise openai.APIConnectionError(request=request)
        if fault == "garbage":
            return httpx2.Response(200, content=answer[: len(answer) // 2], request=request)
        return httpx2.Response(200, content=answer, request=request)

    def _fault(self) -> str | None:
        drawn, reached = self.rng.random(), 0.0
        for name, chance in self.weather.faults.items():
            reached += chance
            if drawn < reached:
                return name
        return None

    def _answer(self, body: Mapping[str, object], said: str) -> bytes:
        """The same for the same body, whenever it is asked: labels can be compared."""
        number = sum(said.encode())
        answer = chat_answer(number % 4, self.model)
        if (number * 2654435761 % 1000) / 1000 < self.weather.unreadable:
            choices = answer["choices"]
            assert isinstance(choices, list)
            choices[0]["message"]["content"] = "I would rather not say"
        return json.dumps(answer).encode()


class SimulatedClient(OpenAIChatClient):
    """The product's client, its connection but a call of the simulated provider."""

    provider: SimulatedProvider

    def _connected(self, key: str) -> Library:
        return self.provider  # type: ignore[return-value]  # it has the one method that is called


def _no(request: httpx2.Request, status: int, retry_after_s: float | None) -> openai.APIStatusError:
    headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:.3f}"}
    response = httpx2.Response(status, headers=headers, json={"error": {"message": "busy"}}, request=request)
    return openai.APIStatusError("busy", response=response, body={"message": "busy"})
