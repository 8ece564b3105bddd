"""Carries requests by batch between the local provider, over HTTP, and a journal on disk; dies where it is told to.

Keep out: assertions.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import Request, urlopen

import pytest

from label_pipeline.adapters.batch_book import SQLiteBatchBook
from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_batches import OpenAIBatchClient
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.outbox import Outbox
from label_pipeline.core.judging.batches.collecting import Collected, collect, release, take_over
from label_pipeline.core.judging.batches.cutting import USUAL_LIMITS, FileLimits
from label_pipeline.core.judging.batches.pricing import batch_price
from label_pipeline.core.judging.batches.record import BatchRecord
from label_pipeline.core.judging.batches.requests import requests_of, terms_of
from label_pipeline.core.judging.batches.steps import Patience
from label_pipeline.core.judging.batches.submitting import Submission, submit
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.receipts import Receipt
from label_pipeline.rehearsal import BatchFault, BatchScript, Pace, make_app, running_provider
from label_pipeline.rehearsal.completion import json_reply
from label_pipeline.rehearsal.protocol import ChatRequest, ModelAnswer
from label_pipeline_tests.core.judging.scripted import NOW, PRICE, make_member, make_pairs

KEY = "sk-very-secret-key"
RUN = "run-1"
ONE_POLL = Pace(0, 1)
"""A batch has ended when it is asked for the first time."""
T = TypeVar("T")


class HashedJudge:
    """A model whose grade is a function of the exact bytes it was sent; some replies cannot be read.

    Args:
        malformed: of 16 bodies, how many get a reply that is no JSON.
    """

    name, served_as, fingerprint = "judge", "judge", "fp"

    def __init__(self, malformed: int = 0) -> None:
        self._malformed = malformed

    def answer(self, request: ChatRequest) -> ModelAnswer:
        digest = hashlib.sha256(request.body).digest()
        if digest[0] % 16 < self._malformed:
            return ModelAnswer(before="I would say it is relevant.")
        return json_reply(f"because of {digest.hex()}", digest[1] % 4)


@contextmanager
def provider(
    *faults: BatchFault | None, malformed: int = 0, pace: Pace = ONE_POLL, enqueued_tokens: int | None = None
) -> Iterator[str]:
    """The local provider with ``HashedJudge``; ``faults`` of its batches in order of creation."""
    app = make_app(
        [HashedJudge(malformed)], api_key=KEY, batch_script=BatchScript(faults), batch_pace=pace,
        enqueued_tokens=enqueued_tokens,
    )  # fmt: skip
    with running_provider(app) as url:
        yield url


def order_of(count: int, **changes: Any) -> JudgingOrder:
    return JudgingOrder(make_member(vary_seed=True, **changes), make_pairs(count), "amplify", 7, cap_usd=1.0)


class SimulatedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class KilledError(BaseException):
    """The process ends here: nobody may catch it."""


class Mortal:
    """A process that dies right before one call of ``client`` or ``book``, counted over both.

    Args:
        at: number of the call, from 0; None never dies.
        names: gets the name of every call.
    """

    def __init__(self, at: int | None = None, names: list[str] | None = None) -> None:
        self.at, self.calls = at, 0
        self.names = names if names is not None else []

    def wrapping(self, inner: Any) -> Any:
        return _Wrapped(inner, self)

    def begin(self, name: str) -> None:
        number = self.calls
        self.calls += 1
        self.names.append(name)
        if number == self.at:
            self.die()

    def die(self) -> None:
        raise KilledError


class Killed9(Mortal):
    """A process that is killed in earnest."""

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class _Wrapped:
    def __init__(self, inner: Any, life: Mortal) -> None:
        self._inner, self._life = inner, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "results":
            return lambda *args: self._lines(found(*args))
        if asyncio.iscoroutinefunction(found):
            return lambda *args, **named: self._awaited(name, lambda: found(*args, **named))
        return lambda *args, **named: self._called(name, lambda: found(*args, **named))

    async def _awaited(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        self._life.begin(name)
        return await call()

    def _called(self, name: str, call: Callable[[], T]) -> T:
        self._life.begin(name)
        return call()

    async def _lines(self, lines: AsyncIterator[T]) -> AsyncIterator[T]:
        async for line in lines:
            self._life.begin("results")
            yield line


class Machine:
    """One machine: a journal on its disk, an address, a clock. Every call uses new objects, as a new process does."""

    def __init__(self, url: str, path: Path, order: JudgingOrder, limits: FileLimits = USUAL_LIMITS) -> None:
        self.url, self.path, self.order, self.limits = url, path, order, limits
        self.clock, self.patience, self.key = SimulatedClock(), Patience(), KEY
        self.booked: list[Receipt] = []

    def book(self) -> SQLiteBatchBook:
        return SQLiteBatchBook(self.path, self.clock)

    def open(self) -> list[BatchRecord]:
        with self.book() as book:
            return book.open()

    @property
    def held_usd(self) -> float:
        with self.book() as book:
            return book.held_usd()

    def client(self) -> OpenAIBatchClient:
        async def sleep(seconds: float) -> None:
            await asyncio.sleep(0)

        return OpenAIBatchClient(self.url, self.key, timeout_s=20, max_retries=0, sleep=sleep)

    def submit(self, life: Mortal | None = None) -> Submission:
        async def work(client: Any, book: Any) -> Submission:
            price = batch_price(PRICE)
            with SQLiteJournal(self.path, self.clock) as journal:
                requests = requests_of(self.order, journal, RUN, price)
            terms = terms_of(self.order, await client.account(), RUN, price)
            return await submit(
                requests, terms, client=client, book=book, clock=self.clock, limits=self.limits, patience=self.patience
            )

        return self._with(work, life)

    def collect(self, life: Mortal | None = None) -> Collected:
        async def work(client: Any, book: Any) -> Collected:
            return await collect("main", client=client, book=book, clock=self.clock, patience=self.patience, rows=2)

        return self._with(work, life)

    def release(self, batch: BatchRecord, *, possibly_paid: bool = True) -> None:
        with self.book() as book:
            release(batch, book, possibly_paid=possibly_paid)

    def take_over(self, batch: BatchRecord, batch_id: str) -> None:
        async def work(client: Any, book: Any) -> None:
            await take_over(batch, batch_id, client=client, book=book)

        self._with(work, None)

    def create_again(self, batch: BatchRecord) -> None:
        """What must never happen: the same batch is created once more."""

        async def work(client: Any, book: Any) -> None:
            await client.create(str(batch.file_id), batch.metadata)

        self._with(work, None)

    def upload_again(self, batch: BatchRecord) -> None:
        """What a try leaves whose answer was lost."""

        async def work(client: Any, book: Any) -> None:
            await client.upload(batch.file_name, [b"{}"])

        self._with(work, None)

    def _with(self, work: Callable[[Any, Any], Awaitable[T]], life: Mortal | None) -> T:
        async def main() -> T:
            client = self.client()
            mortal = life or Mortal()
            try:
                with self.book() as book:
                    return await work(mortal.wrapping(client), mortal.wrapping(book))
            finally:
                await client.close()

        return asyncio.run(main())

    def judge(self) -> Judging:
        """The ordinary engine over this journal, online where the journal has no reply."""

        async def work() -> Judging:
            client = OpenAIChatClient(self.url, self.key, timeout_s=20, max_retries=0, limiter=Limiter(4))
            try:
                with SQLiteJournal(self.path, self.clock) as journal:
                    return await judge_pairs(
                        self.order, client=client, journal=journal, concurrency=4, run_id="labels", clock=self.clock
                    )
            finally:
                await client.close()

        return asyncio.run(work())

    def settle_left(self) -> None:
        """Books every receipt, and takes open ones for lost, as operations/payments does between two runs."""
        outbox = Outbox(self.path)
        for batch in outbox.take():
            self.booked += outbox.receipts(batch, replies=True)
            outbox.booked(batch)

    def to_send(self) -> list[str]:
        with SQLiteJournal(self.path, self.clock) as journal:
            return [request.key for request in requests_of(self.order, journal, RUN, batch_price(PRICE))]

    def until_done(self, rounds: int = 40) -> list[Collected]:
        """Submits and collects until the journal answers everything and no batch is open."""
        seen: list[Collected] = []
        for _ in range(rounds):
            if not self.to_send() and not self.open():
                return seen
            self.submit()
            seen.append(self.collect())
            self.clock.move(minutes=20)
        raise AssertionError(f"not done after {rounds} rounds: {self.open()}")

    @property
    def paid_usd(self) -> float:
        return sum(receipt.cost_usd for receipt in self.booked)

    @property
    def possibly_usd(self) -> float:
        return sum(receipt.possibly_usd for receipt in self.booked)

    def answered(self) -> list[Receipt]:
        return [receipt for receipt in self.booked if receipt.answered]


def asked(url: str, path: str, method: str = "GET", body: object = None) -> dict[str, Any]:
    """The provider's answer to a plain request."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url + path, data, {"Authorization": f"Bearer {KEY}"}, method=method)
    with urlopen(request) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def batched(url: str) -> dict[str, Any]:
    """What the provider answered by batch."""
    stats = asked(url.removesuffix("/v1"), "/stats")["batched"]
    assert isinstance(stats, dict)
    return stats


def bill_usd(url: str) -> float:
    """What the provider charges for batches, from its own count of tokens, at half the price."""
    used = batched(url)
    cost = PRICE.cost_usd(used["prompt_tokens"], used["cached_tokens"], used["completion_tokens"])
    return cost / 2


def remote_batches(url: str) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(url, "/batches?limit=100")["data"]
    return found


def files(url: str) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(url, "/files")["data"]
    return found


if __name__ == "__main__":  # address, journal, number of pairs, number of the call it dies before
    Machine(sys.argv[1], Path(sys.argv[2]), order_of(int(sys.argv[3]))).submit(Killed9(int(sys.argv[4])))


def settled(machine: Machine) -> None:
    """The books of the machine are the bill of the provider, and nothing more may have been paid."""
    machine.settle_left()
    assert machine.paid_usd == pytest.approx(bill_usd(machine.url))
    assert machine.possibly_usd == 0
    assert machine.held_usd == 0
