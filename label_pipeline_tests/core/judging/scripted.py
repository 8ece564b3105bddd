"""Small scripted stand-ins: a chat client, a journal in a dict, and a provider on localhost that follows a script."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from aiohttp import web

from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.prompt import PromptTemplate
from label_pipeline.core.ports import ChatClient, Intent, Journal, Paid, PairText, Price, Progress, Reply
from label_pipeline.core.rubric import GradeDefinition, Rubric
from label_pipeline.core.scale import Scale

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PRICE = Price(input_usd=1.0, cached_usd=0.5, output_usd=4.0)
# One reply of `reply()`: 100 fresh and 20 cached input tokens and 10 output tokens.
REPLY_USD = (80 * 1.0 + 20 * 0.5 + 10 * 4.0) / 1e6


def clock() -> datetime:
    return NOW


def make_rubric(lo: int = 0, hi: int = 3) -> Rubric:
    scale = Scale(lo, hi)
    grades = tuple(GradeDefinition(grade, f"title {grade}", f"definition {grade}") for grade in scale.grades)
    return Rubric("relevance", "1", "Grade the document.", scale, grades)


def make_member(**changes: object) -> Member:
    fields: dict[str, object] = {
        "name": "a", "endpoint": "main", "inside": False, "model": "judge",
        "prompt": PromptTemplate("p", "{{rubric}}", "{{query}}\n{{document}}\nGrade it."),
        "rubric": make_rubric(), "parameters": {"temperature": 0}, "price": PRICE,
    }  # fmt: skip
    return Member(**{**fields, **changes})  # type: ignore[arg-type]  # a factory: one field per test


def make_pair(i: int = 0, document: str | None = None, *, customer: bool = False) -> PairText:
    text = f"document {i}" if document is None else document
    return PairText("relevance", "main", f"q{i % 7}", f"d{i}", "v1", None, f"query {i % 7}", text, customer)


def make_pairs(count: int) -> list[PairText]:
    return [make_pair(i) for i in range(count)]


def reply(grade: object = 2, **changes: object) -> Reply:
    fields: dict[str, object] = {
        "content": json.dumps({"rationale": "because", "grade": grade}), "refusal": None, "finish_reason": "stop",
        "model": "judge", "fingerprint": "fp", "request_id": "r", "input_tokens": 100, "cached_tokens": 20,
        "output_tokens": 10, "latency_s": 0.5,
    }  # fmt: skip
    return Reply(**{**fields, **changes})  # type: ignore[arg-type]  # a factory: one field per test


class DictJournal:
    """A ``Journal`` in memory; ``on_remember`` is called before a reply counts."""

    def __init__(self, on_remember: Callable[[], None] = lambda: None) -> None:
        self.replies: dict[str, Reply] = {}
        self.on_remember = on_remember
        self.intents: list[Intent] = []
        self.paid: dict[int, Paid] = {}
        self.lost: dict[int, int] = {}
        self.ended: set[int] = set()
        self.withdrawn: set[int] = set()

    def lookup(self, request_keys: Sequence[str]) -> dict[str, Reply]:
        return {key: self.replies[key] for key in request_keys if key in self.replies}

    async def intend(self, intent: Intent) -> int:
        self.intents.append(intent)
        await asyncio.sleep(0)
        return len(self.intents) - 1

    async def remember(
        self, request_key: str, reply: Reply, receipt: int | None = None, paid: Paid | None = None
    ) -> None:
        self.on_remember()
        await asyncio.sleep(0)
        self.replies[request_key] = reply
        if receipt is not None and paid is not None:
            self.paid[receipt] = paid

    def settle(self, receipt: int, lost: int, *, ended: bool) -> None:
        self.lost[receipt] = lost
        if ended:
            self.ended.add(receipt)

    def withdraw(self, receipt: int) -> None:
        self.withdrawn.add(receipt)


class ScriptedClient:
    """A ``ChatClient`` whose answers come from a function of (number of the call, body)."""

    def __init__(self, answer: Callable[[int, Mapping[str, object]], Reply | Exception], delay_s: float = 0.0) -> None:
        self.answer, self.delay_s = answer, delay_s
        self.bodies: list[Mapping[str, object]] = []
        self.under_way = self.most_under_way = 0

    async def complete(self, body: Mapping[str, object]) -> Reply:
        number = len(self.bodies)
        self.bodies.append(body)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.delay_s)
        finally:
            self.under_way -= 1
        answer = self.answer(number, body)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def models(self) -> tuple[str, ...]:
        return ("judge",)

    async def close(self) -> None:
        return


def chat_answer(grade: object = 2, model: str = "judge", **message: object) -> dict[str, object]:
    """A chat completion as a provider writes it."""
    content = json.dumps({"rationale": "because", "grade": grade})
    return {
        "id": "c1", "object": "chat.completion", "model": model, "system_fingerprint": "fp",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": content, "refusal": None, **message}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 20}},
    }  # fmt: skip


def graded(body: Mapping[str, object], model: str = "judge") -> dict[str, object]:
    """An answer whose grade depends on the whole request, and is the same every time."""
    return chat_answer(sum(json.dumps(body, sort_keys=True).encode()) % 4, model)


Script = Callable[[int, Mapping[str, object]], Awaitable[web.StreamResponse]]


class ScriptedProvider:
    """A real server on localhost in a thread; each chat request is answered by ``script(number, body)``."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.bodies: Counter[str] = Counter()
        self.keys: list[str | None] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> int:
        return sum(self.bodies.values())

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        number = self.requests
        body = await request.json()
        self.bodies[json.dumps(body, sort_keys=True)] += 1
        self.keys.append(request.headers.get("authorization"))
        return await self._script(number, body)

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [{"id": "judge"}, {"id": "other"}]})


async def judging(
    pairs: Sequence[PairText], client: ChatClient, member: Member | None = None, journal: Journal | None = None,
    *, concurrency: int = 4, cap_usd: float = float("inf"), served: str | None = None, progress: Progress | None = None,
    drain_s: float = 60.0, whole_queries: bool = False,
) -> Judging:  # fmt: skip
    return await judge_pairs(
        JudgingOrder(
            member or make_member(), pairs, "gate", 3, served=served, cap_usd=cap_usd, whole_queries=whole_queries
        ),
        client=client,
        journal=journal or DictJournal(),
        concurrency=concurrency,
        run_id="run",
        clock=clock,
        progress=progress,
        drain_s=drain_s,
    )


def document_of(body: Mapping[str, object]) -> str:
    messages = body["messages"]
    assert isinstance(messages, list)
    return str(messages[-1]["content"])
