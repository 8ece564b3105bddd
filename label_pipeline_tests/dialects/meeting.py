"""One server that speaks every behaviour, and what becomes of three pairs that are asked there.

Keep out: what is expected (test_dialects.py), the page (page.py).
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp import web

from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_access import Extras
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.operations.project import Project
from label_pipeline.rehearsal.behaviours import Behaviour, behaviours
from label_pipeline.rehearsal.completion import json_reply
from label_pipeline.rehearsal.protocol import ChatRequest, ModelAnswer
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline_tests.core.judging.scripted import DictJournal, clock, make_pairs
from label_pipeline_tests.small_project import KEY, data, settings

ALWAYS = replace(json_reply("because", 2), belief={1: 0.1, 2: 0.9})


class Certain:
    """A model that always says 2."""

    name = "rehearsal-large"
    served_as = "rehearsal-large-2026-08"
    fingerprint = "fp"

    def answer(self, request: ChatRequest) -> ModelAnswer:
        return ALWAYS


class PassingTime:
    """Seconds that pass only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Met:
    """What became of three pairs: rows, or the error that ended the run."""

    judging: Judging | None
    error: ProviderRejectedError | ProviderUnavailableError | None


@contextmanager
def every_behaviour() -> Iterator[str]:
    """The address of a server with every behaviour, each under its name; asked once, as some count their requests."""
    root = web.Application()
    for one in behaviours():
        root.add_subapp(f"/{one.name}/", make_app([Certain()], api_key=KEY, dialect=one.dialect))
    with running_provider(root) as url:
        yield url.removesuffix("/v1")


def member_of(one: Behaviour, home: Path, endpoint: Mapping[str, object]) -> Member:
    """The judge that asks, at an endpoint of these settings."""
    given = data(home)
    stated = {**given["endpoints"]["rehearsal"], **endpoint}
    candidate = {**given["candidates"][0], "parameters": dict(one.judge)}
    [found] = Project(settings(home, endpoints={"rehearsal": stated}, candidates=[candidate])).members
    return found


def client_of(server: str, one: Behaviour, endpoint: Mapping[str, object], home: Path) -> OpenAIChatClient:
    """The client of an endpoint of these settings, whose waits take no time."""
    given = data(home)
    stated = {**given["endpoints"]["rehearsal"], **endpoint}
    found = settings(home, endpoints={"rehearsal": stated}).endpoints["rehearsal"]
    passing = PassingTime()
    query = {name: str(value) for name, value in found.query.items()}
    return OpenAIChatClient(
        f"{server}/{one.name}/v1", KEY, extras=Extras({}, query, found.api_key_header, ()), timeout_s=10, max_retries=2,
        limiter=Limiter(1, clock=passing, sleep=passing.sleep, patience_s=0), sleep=passing.sleep, lean=True,
    )  # fmt: skip


def meet(server: str, one: Behaviour, home: Path, endpoint: Mapping[str, object]) -> Met:
    """Asks about three pairs, one after the other.

    Args:
        server: of `every_behaviour`.
        one: which of them.
        home: of the project the judge is made by.
        endpoint: settings of the endpoint.
    """
    order = JudgingOrder(member_of(one, home, endpoint), make_pairs(3), "check", 0)

    async def run() -> Judging:
        client = client_of(server, one, endpoint, home)
        try:
            return await judge_pairs(
                order, client=client, journal=DictJournal(), concurrency=1, run_id="r", clock=clock
            )
        finally:
            await client.close()

    try:
        return Met(asyncio.run(run()), None)
    except (ProviderRejectedError, ProviderUnavailableError) as error:
        return Met(None, error)


def models(server: str, one: Behaviour, home: Path) -> tuple[str, ...]:
    """The names its list of models holds."""

    async def run() -> tuple[str, ...]:
        client = client_of(server, one, one.settings, home)
        try:
            return await client.models()
        finally:
            await client.close()

    return asyncio.run(run())
