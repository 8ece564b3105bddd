"""Workers that ask one server as fast as its limiter lets them, on simulated time, and what came of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.openai_connection import Library
from label_pipeline.core.errors import ProviderUnavailableError
from label_pipeline_tests.adapters.pace.servers import ADDRESS, Server
from label_pipeline_tests.simulation.clock import SimulatedLoop, simulated

BODY: dict[str, object] = {
    "model": "judge", "messages": [{"role": "user", "content": "word " * 400}], "max_tokens": 300,
}  # fmt: skip


class CrowdClient(OpenAIChatClient):
    """The product's client, its connection but a call of a simulated server."""

    server: Server

    def _connected(self, key: str) -> Library:
        return self.server  # type: ignore[return-value]  # it has the one method that is called


@dataclass(frozen=True)
class Crowd:
    """What came of a run.

    Attributes:
        answers: requests answered.
        lost: requests given up.
        refusals: tries the server refused.
        seconds: simulated.
        server: what was asked.
        limiter: through which.
    """

    answers: int
    lost: int
    refusals: int
    seconds: float
    server: Server
    limiter: Limiter

    @property
    def refusals_an_answer(self) -> float:
        """Refusals through answers."""
        return self.refusals / max(self.answers, 1)


def ask(
    server: Server, in_flight: int, seconds: float, make: Callable[..., Limiter] = Limiter, *,
    requests_per_minute: float | None = None, tokens_per_minute: float | None = None, timeout_s: float = 120.0,
    patience_s: float = 300.0, max_retries: int = 5, gives_up: int = 20,
    beside: Callable[[OpenAIChatClient], Awaitable[None]] | None = None,
) -> Crowd:  # fmt: skip
    """``in_flight`` workers ask for ``seconds``; the first request goes out alone, as the engine's does.

    Args:
        server: is asked.
        in_flight: workers, and the setting ``concurrency``.
        seconds: simulated.
        make: the limiter's class.
        requests_per_minute: stated in the settings.
        tokens_per_minute: stated in the settings.
        timeout_s: of one try.
        patience_s: of the endpoint.
        max_retries: of one request.
        gives_up: unanswered requests in a row that end the run, as FAILURES_IN_A_ROW does.
        beside: asks too, and must end well before ``seconds`` are over.
    """
    loop = SimulatedLoop(0.0)
    limiter = make(max(1, in_flight), requests_per_minute, tokens_per_minute, clock=loop.time, patience_s=patience_s)
    client = CrowdClient(
        ADDRESS, "", timeout_s=timeout_s, max_retries=max_retries, limiter=limiter, rng=np.random.default_rng(1),
        clock=loop.time,
    )  # fmt: skip
    client.server = server
    answers = lost = in_a_row = 0

    async def one() -> None:
        nonlocal answers, lost, in_a_row
        try:
            await client.complete(BODY)
            answers, in_a_row = answers + 1, 0
        except ProviderUnavailableError:
            lost, in_a_row = lost + 1, in_a_row + 1

    async def worker() -> None:
        while in_a_row < gives_up:
            await one()

    async def crowd() -> None:
        await one()
        workers = [asyncio.create_task(worker()) for _ in range(in_flight)]
        if beside is not None:
            await beside(client)
        await asyncio.sleep(max(0.0, seconds - loop.time()))
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    simulated(loop, crowd())
    return Crowd(answers, lost, server.refused, seconds, server, limiter)
