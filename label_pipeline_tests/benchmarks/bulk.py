"""Bulk labelling and resume: the whole engine against the plain `openai` loop everybody writes first.

The provider is a process of its own, so that its work is not counted. Keep out: arithmetic (arithmetic.py).
"""

import asyncio
import json
import multiprocessing
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import openai
from aiohttp import web

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.ports import PairText
from label_pipeline_tests.benchmarks.paired import Paired, paired
from label_pipeline_tests.core.judging.scripted import ScriptedProvider, clock, graded, make_member, make_pairs, reply

PAIRS = 1_000
CONCURRENCY = 32
MEMBER = make_member()


async def _answer(number: int, body: object) -> web.StreamResponse:
    assert isinstance(body, dict)
    return web.json_response(graded(body))


def _serve(pipe: Connection) -> None:
    with ScriptedProvider(_answer) as provider:
        pipe.send(provider.url)
        pipe.recv()


@contextmanager
def provider() -> Iterator[str]:
    """A scripted provider in a process of its own; its address."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield mine.recv()
    finally:
        mine.send("stop")
        process.join(10)


def label(url: str, journal_file: Path, pairs: list[PairText], *, lean: bool = False) -> Judging:
    """Everything a run does for its labels: keys, journal, limiter, retries, reading, rows."""

    async def run() -> Judging:
        pace = Limiter(CONCURRENCY, None, None)
        client = OpenAIChatClient(url, "key", timeout_s=60, max_retries=3, limiter=pace, lean=lean)
        try:
            with SQLiteJournal(journal_file) as journal:
                return await judge_pairs(
                    JudgingOrder(MEMBER, pairs, "amplify", 0), client=client, journal=journal,
                    concurrency=CONCURRENCY, run_id="bench", clock=clock,
                )  # fmt: skip
        finally:
            await client.close()

    return asyncio.run(run())


def plain(url: str, pairs: list[PairText]) -> list[int]:
    """`asyncio.gather` over `chat.completions.create` behind a semaphore; keeps nothing, survives nothing."""

    async def run() -> list[int]:
        http = openai.DefaultAioHttpClient()
        async with openai.AsyncOpenAI(base_url=url, api_key="key", http_client=http) as client:
            slots = asyncio.Semaphore(CONCURRENCY)

            async def one(pair: PairText) -> int:
                async with slots:
                    body = MEMBER.body(pair, 0, 0)
                    found = await client.chat.completions.create(**body)  # type: ignore[call-overload]  # built as a dict
                    return int(json.loads(found.choices[0].message.content or "{}")["grade"])

            return await asyncio.gather(*map(one, pairs))

    return asyncio.run(run())


def bare(url: str, pairs: list[PairText]) -> list[int]:
    """The least that asking costs: `aiohttp` and `json` behind a semaphore, nothing kept, read or counted."""

    async def run() -> list[int]:
        async with aiohttp.ClientSession() as session:
            slots = asyncio.Semaphore(CONCURRENCY)

            async def one(pair: PairText) -> int:
                async with slots, session.post(f"{url}/chat/completions", json=MEMBER.body(pair, 0, 0)) as response:
                    found = await response.json()
                    return int(json.loads(found["choices"][0]["message"]["content"])["grade"])

            return await asyncio.gather(*map(one, pairs))

    return asyncio.run(run())


def bulk(folder: Path) -> Iterator[Paired]:
    """Labelling, resuming, and the journal's own part."""
    pairs = make_pairs(PAIRS)
    files = (folder / f"{number}.sqlite" for number in range(10_000))
    with provider() as url:
        full = folder / "full.sqlite"
        first = label(url, full, pairs)
        assert first.requests == PAIRS
        assert first.judgements["grade"].to_list() == plain(url, pairs), "both must read the same grades"
        for cpu in (True, False):
            yield paired(
                f"What does a request cost in {'CPU' if cpu else 'wall'} time, journal, retries and rows included?",
                ("`judge_pairs`, everything kept", lambda: label(url, next(files), pairs)),
                ("`openai` `create()` in `asyncio.gather`, nothing kept", lambda: plain(url, pairs)),
                unit="a request", ours_units=PAIRS, baseline_units=PAIRS, cpu=cpu,
            )  # fmt: skip

        assert bare(url, pairs) == plain(url, pairs), "all must read the same grades"
        yield paired(
            "What does a request to an endpoint of your own cost beside the least that asking can cost?",
            ("`judge_pairs`, `transport: lean`, everything kept", lambda: label(url, next(files), pairs, lean=True)),
            ("`aiohttp` in `asyncio.gather`, nothing kept", lambda: bare(url, pairs)),
            unit="a request", ours_units=PAIRS, baseline_units=PAIRS, cpu=True,
        )  # fmt: skip

        def resumed() -> None:
            assert label(url, full, pairs).requests == 0, "a resumed run sends nothing"

        yield paired(
            "What does a pair cost that an earlier run has paid for?",
            ("`judge_pairs` on a full journal", resumed),
            ("asking again with the plain `openai` loop", lambda: plain(url, pairs)),
            unit="a pair", ours_units=PAIRS, baseline_units=PAIRS,
        )  # fmt: skip
    yield paired(
        "What does it cost to make a reply durable?",
        ("`SQLiteJournal`, group commit", lambda: _remember(next(files))),
        ("`sqlite3`, one commit a reply", lambda: _commit_each(next(files))),
        unit="a reply", ours_units=PAIRS, baseline_units=PAIRS,
    )  # fmt: skip


def _remember(path: Path) -> None:
    async def run() -> None:
        with SQLiteJournal(path) as journal:
            slots = asyncio.Semaphore(CONCURRENCY)

            async def one(number: int) -> None:
                async with slots:
                    await journal.remember(f"{number:064d}", reply(number % 4))

            await asyncio.gather(*map(one, range(PAIRS)))

    asyncio.run(run())


def _commit_each(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE replies (request_key TEXT PRIMARY KEY, reply TEXT, created_at TEXT)")
    for number in range(PAIRS):
        row = (f"{number:064d}", json.dumps(asdict(reply(number % 4))), str(time.time()))
        connection.execute("INSERT INTO replies VALUES (?, ?, ?)", row)
        connection.commit()
    connection.close()
