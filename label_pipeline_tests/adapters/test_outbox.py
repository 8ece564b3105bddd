"""Receipts: written down before a request goes out, kept through a kill, booked once."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from aiohttp import web

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.outbox import Outbox
from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.errors import ProviderUnavailableError
from label_pipeline.core.judging.booking import payments, recovered
from label_pipeline.core.judging.receipts import Receipt
from label_pipeline.core.ports import Intent, Paid
from label_pipeline.core.scale import Scale
from label_pipeline_tests.core.judging.scripted import (
    NOW,
    REPLY_USD,
    ScriptedProvider,
    clock,
    graded,
    judging,
    make_pair,
    make_pairs,
    reply,
)

pytestmark = pytest.mark.outside


def intent(key: str = "k", run_id: str = "run", **changes: object) -> Intent:
    fields: dict[str, object] = {
        "request_key": key, "run_id": run_id, "purpose": "amplify", "epoch": 3, "member": "a", "member_hash": "h",
        "sample_index": 0, "attempt": 0, "pair": make_pair()[:6], "customer": False, "day": date(2026, 1, 2),
        "greatest_usd": 0.5,
    }  # fmt: skip
    return Intent(**{**fields, **changes})  # type: ignore[arg-type]  # a factory: one field per test


def taken(path: Path, run_id: str | None = None) -> list[Receipt]:
    outbox = Outbox(path)
    return [receipt for batch in outbox.take(run_id) for receipt in outbox.receipts(batch, replies=True)]


def test_a_receipt_comes_back_as_it_was_with_its_reply(tmp_path: Path) -> None:
    async def ask(journal: SQLiteJournal) -> None:
        number = await journal.intend(intent(customer=True))
        await journal.remember("k", reply(3), number, Paid(0.25, accepted=True, lost=2))

    with SQLiteJournal(tmp_path / "j", clock) as journal:
        asyncio.run(ask(journal))
    [found] = taken(tmp_path / "j", "run")
    assert found.intent == intent(customer=True)
    assert found.reply == reply(3)
    assert (found.answered, found.accepted, found.cost_usd, found.lost, found.possibly_usd) == (True, True, 0.25, 2, 1)
    assert (found.input_tokens, found.cached_tokens, found.output_tokens, found.ended_at) == (100, 20, 10, NOW)


def test_what_is_open_is_another_runs_business_until_nobody_else_asks(tmp_path: Path) -> None:
    async def ask(journal: SQLiteJournal) -> None:
        await journal.intend(intent("under way"))
        refused = await journal.intend(intent("refused"))
        journal.settle(refused, 0, ended=True)
        again = await journal.intend(intent("tried twice"))
        journal.settle(again, 1, ended=False)

    with SQLiteJournal(tmp_path / "j", clock) as journal:
        asyncio.run(ask(journal))
    assert [(r.intent.request_key, r.lost) for r in taken(tmp_path / "j", "run")] == [("refused", 0)]
    assert taken(tmp_path / "j", "another") == taken(tmp_path / "j", "run"), "named once, found until it is booked"
    left = {r.intent.request_key: r.lost for r in taken(tmp_path / "j")}
    assert left == {"refused": 0, "under way": 1, "tried twice": 2}


def test_a_batch_is_the_same_until_it_is_booked_and_then_gone(tmp_path: Path) -> None:
    async def ask(journal: SQLiteJournal, key: str) -> None:
        await journal.remember(key, reply(), await journal.intend(intent(key)), Paid(0.25, accepted=True))

    outbox = Outbox(tmp_path / "j")
    with SQLiteJournal(tmp_path / "j", clock) as journal:
        asyncio.run(ask(journal, "first"))
        [first] = outbox.take("run")
        asyncio.run(ask(journal, "second"))
    kept, second = outbox.take("run")
    assert kept == first
    assert [r.intent.request_key for r in outbox.receipts(first, replies=False)] == ["first"]
    outbox.booked(first)
    assert outbox.take() == [second]
    outbox.booked(second)
    assert outbox.take() == []
    with SQLiteJournal(tmp_path / "j") as journal:
        assert set(journal.lookup(["first", "second"])) == {"first", "second"}, "replies stay"


def test_a_request_that_is_given_up_before_it_goes_out_is_not_possibly_paid(tmp_path: Path) -> None:
    async def ask(journal: SQLiteJournal) -> None:
        waiting = asyncio.create_task(journal.intend(intent()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with SQLiteJournal(tmp_path / "j", clock) as journal:
        asyncio.run(ask(journal))
    assert taken(tmp_path / "j") == [], "it is no request at all"


def test_a_journal_of_an_older_version_gains_its_receipts(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "j") as old:
        old.execute("CREATE TABLE replies (request_key TEXT PRIMARY KEY, model TEXT, reply TEXT, created_at TEXT)")
    assert Outbox(tmp_path / "j").take() == []


def test_attempts_of_one_vote_are_one_judgement_that_costs_them_all(tmp_path: Path) -> None:
    async def ask(journal: SQLiteJournal) -> None:
        for attempt, said in enumerate([reply(content="no"), reply(2)]):
            number = await journal.intend(intent(f"k{attempt}", attempt=attempt))
            await journal.remember(f"k{attempt}", said, number, Paid(0.25, accepted=True))
        other = await journal.intend(intent("other", sample_index=1))
        await journal.remember("other", reply(1, model="another"), other, Paid(0.5, accepted=False))

    with SQLiteJournal(tmp_path / "j", clock) as journal:
        asyncio.run(ask(journal))
    found = taken(tmp_path / "j")
    rows = recovered(found, JUDGEMENTS.empty(), Scale(0, 3))
    assert rows.select("outcome", "grade", "attempt", "cost_usd", "request_key", "reused").rows() == [
        ("graded", 2, 1, 0.5, "k1", False), ("wrong_model", None, 0, 0.5, "other", False)
    ]  # fmt: skip
    assert recovered(found, rows, Scale(0, 3)).is_empty(), "what is stored is not stored again"
    assert recovered(found, rows.head(1).with_columns(attempt=0), Scale(0, 3)).height == 2, "a later attempt is"
    [paid] = payments("b", found).iter_rows(named=True)
    assert (paid["requests"], paid["replies"], paid["cost_usd"], paid["day"]) == (3, 3, 1.0, date(2026, 1, 2))


def test_a_time_out_may_have_been_paid_and_counts_against_the_cap(tmp_path: Path) -> None:
    """The server finishes what nobody waits for: 155 requests completed there, 100 were in the books."""
    served = 0

    async def slow_first(number: int, body: Mapping[str, object]) -> web.StreamResponse:
        nonlocal served
        if number % 2 == 0:
            await asyncio.sleep(0.6)
        served += 1
        return web.json_response(graded(body))

    async def run(url: str, cap_usd: float) -> float:
        client = OpenAIChatClient(url, "", timeout_s=0.3, max_retries=3, limiter=Limiter(4), sleep=no_wait)
        with SQLiteJournal(tmp_path / f"{cap_usd}", clock) as journal:
            found = await judging(make_pairs(12), client, journal=journal, concurrency=1, cap_usd=cap_usd)
        await client.close()
        return found.cost_usd

    with ScriptedProvider(slow_first) as provider:
        paid = asyncio.run(run(provider.url, 1.0))
        found = taken(tmp_path / "1.0")
        assert (len(found), sum(r.lost for r in found)) == (12, 12)
        assert paid == pytest.approx(12 * REPLY_USD)
        asyncio.run(asyncio.sleep(0.7))
        assert served == 24
        assert paid + sum(r.possibly_usd for r in found) >= served * REPLY_USD
        greatest = found[0].intent.greatest_usd
        capped = asyncio.run(run(provider.url, 3.5 * greatest))
        left = taken(tmp_path / f"{3.5 * greatest}")
        assert capped + sum(r.possibly_usd for r in left) <= 3.5 * greatest
        assert 1 <= len(left) <= 3


def test_no_connection_and_an_error_answer_cost_nothing(tmp_path: Path) -> None:
    async def no(number: int, body: Mapping[str, object]) -> web.StreamResponse:
        return web.json_response({"error": {"message": "busy"}}, status=503 if number % 2 else 200)

    async def run(url: str, name: str) -> None:
        client = OpenAIChatClient(url, "", timeout_s=1, max_retries=2, limiter=Limiter(4), sleep=no_wait)
        with SQLiteJournal(tmp_path / name, clock) as journal, pytest.raises(ProviderUnavailableError):
            await judging(make_pairs(2), client, journal=journal, concurrency=3)
        await client.close()

    with ScriptedProvider(no) as provider:
        asyncio.run(run(provider.url, "refusing"))
        url = provider.url
    asyncio.run(run(url, "gone"))
    for name in ("refusing", "gone"):
        found = taken(tmp_path / name)
        assert [(r.answered, r.lost, r.cost_usd) for r in found] == [(False, 0, 0.0)] * 2, name


def test_killed_at_any_moment_the_bill_is_what_is_paid_and_at_most_what_is_possibly(tmp_path: Path) -> None:
    """Five kills of a real process, at a real server that finishes what it began."""
    done = 0

    async def counting(number: int, body: Mapping[str, object]) -> web.StreamResponse:
        nonlocal done
        await asyncio.sleep(0.05)
        done += 1
        return web.json_response(graded(body))

    code = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from label_pipeline.adapters.journal import SQLiteJournal
        from label_pipeline.adapters.limiter import Limiter
        from label_pipeline.adapters.openai_client import OpenAIChatClient
        from label_pipeline_tests.core.judging.scripted import judging, make_pairs

        async def run():
            client = OpenAIChatClient(sys.argv[2], "", timeout_s=5, max_retries=0, limiter=Limiter(8))
            with SQLiteJournal(Path(sys.argv[1])) as journal:
                await judging(make_pairs(400), client, journal=journal, concurrency=8)
        asyncio.run(run())
    """)
    with ScriptedProvider(counting) as provider:
        for kill in range(5):
            seen = provider.requests
            process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "j"), provider.url])
            while provider.requests < seen + 11 * (kill + 1):
                assert process.poll() is None
                asyncio.run(asyncio.sleep(0.005))
            process.send_signal(signal.SIGKILL)
            process.wait()
        asyncio.run(asyncio.sleep(0.3))
        received, found = provider.requests, taken(tmp_path / "j")
    paid, lost = sum(r.answered for r in found), sum(r.lost for r in found)
    assert paid <= done <= received <= paid + lost
    assert lost <= 5 * 8, "at most what was under way at each kill"


async def no_wait(seconds: float) -> None:
    await asyncio.sleep(0)
