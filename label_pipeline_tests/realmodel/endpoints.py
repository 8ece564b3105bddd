"""Both endpoints the contract is tested on, what this project's client makes of them, and the bare bytes.

Keep out: what they must answer (test_contract.py).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import polars as pl

from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.core.judging.engine import judge_pairs
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.ports import PairText, Reply
from label_pipeline.rehearsal import SampleWorld, make_app, running_provider, simulated_models
from label_pipeline_tests.core.judging.scripted import DictJournal, clock
from label_pipeline_tests.realmodel.pairs import PAIRS, member
from label_pipeline_tests.realmodel.serving import MODEL, llama_server
from label_pipeline_tests.rehearsal.asking import Response, get, send

REHEARSED = "rehearsal-medium"
OVERLONG = "word " * 4000
"""More than either endpoint takes: 4,000 tokens, 20,000 characters."""


@dataclass(frozen=True)
class Endpoint:
    """One running endpoint.

    Attributes:
        url: base URL.
        key: its key.
        model: a model it serves.
        reported: ids it may report for that model.
    """

    url: str
    key: str = field(repr=False)
    model: str
    reported: tuple[str, ...]

    @property
    def member(self) -> Member:
        """A member that asks it."""
        return self.asking()

    def asking(self, **parameters: object) -> Member:
        """The same with other parameters."""
        return replace(member(self.model, **parameters), served_as=self.reported)

    def client(self, key: str | None = None) -> OpenAIChatClient:
        """This project's client, one try per request."""
        limiter = Limiter(2)
        return OpenAIChatClient(self.url, key or self.key, timeout_s=120, max_retries=0, limiter=limiter)

    def complete(self, *bodies: Mapping[str, object], key: str | None = None) -> list[Reply]:
        """The replies to these bodies, one after the other."""

        async def run() -> list[Reply]:
            client = self.client(key)
            try:
                return [await client.complete(body) for body in bodies]
            finally:
                await client.close()

        return asyncio.run(run())

    def models(self, key: str | None = None) -> tuple[str, ...]:
        """The ids it lists."""

        async def run() -> tuple[str, ...]:
            client = self.client(key)
            try:
                return await client.models()
            finally:
                await client.close()

        return asyncio.run(run())

    def judge(self, who: Member, pairs: Sequence[PairText] = PAIRS) -> pl.DataFrame:
        """JUDGEMENTS rows of these pairs."""

        async def run() -> pl.DataFrame:
            client = self.client()
            try:
                done = await judge_pairs(
                    JudgingOrder(who, pairs, "calibrate", 0), client=client, journal=DictJournal(), concurrency=2,
                    run_id="r", clock=clock,
                )  # fmt: skip
                done.refuse_ended()
                return done.judgements
            finally:
                await client.close()

        return asyncio.run(run())

    def send(self, *bodies: Mapping[str, object] | bytes, key: str | None = None) -> list[Response]:
        """The bare responses."""
        return send(self.url, *[b if isinstance(b, bytes) else dict(b) for b in bodies], key=key or self.key)

    def get(self, path: str) -> Response:
        """The bare response to a GET below the base URL."""
        return get(f"{self.url}/{path}", self.key)


@contextmanager
def rehearsal_endpoint() -> Iterator[Endpoint]:
    """The local provider, its context as small as the real one's."""
    app = make_app(simulated_models(SampleWorld.generate()), api_key="sk-rehearsal", max_input_chars=8000)
    with running_provider(app) as url:
        yield Endpoint(url, "sk-rehearsal", REHEARSED, (f"{REHEARSED}-2026-08",))


@contextmanager
def real_endpoint() -> Iterator[Endpoint]:
    """The llama.cpp server; skips where it is absent."""
    with llama_server() as served:
        yield Endpoint(served.url, served.key, MODEL, (MODEL,))
