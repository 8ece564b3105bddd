"""The lean transport sends what the library sends, and its errors are read like the library's."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import numpy as np
import openai
import pytest
from aiohttp import web

from label_pipeline.adapters.lean import LeanConnection
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_access import Access
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.openai_connection import connection
from label_pipeline.core.errors import ProviderRejectedError
from label_pipeline_tests.core.judging.scripted import (
    ScriptedProvider,
    chat_answer,
    make_member,
    make_pair,
)

pytestmark = pytest.mark.outside

KEY = "sk-very-secret-key"


class Raw(ScriptedProvider):
    """Keeps the bytes of every request and its headers."""

    def __init__(self, answer: web.Response | None = None) -> None:
        super().__init__(self._say)
        self.sent: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.answer = answer

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.sent.append(await request.read())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.answer is not None:
            return web.Response(status=self.answer.status, body=self.answer.body, headers=dict(self.answer.headers))
        return web.json_response(chat_answer(2))

    async def _say(self, number: int, body: object) -> web.StreamResponse:
        raise AssertionError("nobody reads the body here")


@contextmanager
def both(url: str) -> Iterator[list[OpenAIChatClient]]:
    yield [
        OpenAIChatClient(url, KEY, timeout_s=10, max_retries=0, limiter=Limiter(2), lean=lean) for lean in (False, True)
    ]


async def ask(client: OpenAIChatClient, body: dict[str, object]) -> object:
    try:
        return await client.complete(body)
    finally:
        await client.close()


def bodies() -> list[dict[str, object]]:
    """Bodies with every sort of text and number a settings file or a document may hold."""
    rng = np.random.default_rng(0)
    texts = [
        "",
        "plain",
        'quote " and \\ and \n\t\r',
        "\x00\x1b\x7f\u2028\u2029",
        "日本語 ünï 🦜 \ufeff",
        "</query> & <b>",
    ]
    parameters: list[dict[str, object]] = [
        {"temperature": 0}, {"temperature": 0.1, "max_tokens": 300},
        {"top_p": 1e-7, "x": 1e22, "deep": {"a": [1, None]}},
        {"flag": True, "big": 2**63, "neg": -0.0},
    ]  # fmt: skip
    made = [
        make_member(parameters=given, votes=2, logprobs=bool(number % 2)).body(make_pair(number, text), 1, 0)
        for number, (given, text) in enumerate((p, t) for p in parameters for t in texts)
    ]
    for _ in range(20):
        text = "".join(chr(c) for c in rng.integers(1, 0xD7FF, 200))
        made.append(make_member().body(make_pair(0, text), 0, 0))
    return made


def test_the_bytes_are_those_of_the_library() -> None:
    with Raw() as provider, both(provider.url) as clients:
        for body in bodies():
            replies = [asyncio.run(ask(client, body)) for client in clients]
            library, lean = provider.sent[-2:]
            assert lean == library
            assert [vars(reply) | {"latency_s": 0.0} for reply in replies[:1]] == [
                vars(reply) | {"latency_s": 0.0} for reply in replies[1:]
            ]
    headers = provider.headers[-2:]
    for name in ("authorization", "content-type", "accept"):
        assert headers[0][name] == headers[1][name]
    assert not [name for name in headers[1] if name.startswith("x-stainless")]


def test_nothing_of_the_shell_s_account_leaks_to_an_endpoint_that_did_not_ask_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library sends the organisation and headers of the environment to whatever address it is given."""
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "of-the-shell")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: of-the-shell\nAuthorization: Bearer of-the-shell")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/of-the-shell")
    with Raw() as provider, both(provider.url) as clients:
        for client in clients:
            asyncio.run(ask(client, bodies()[0]))
            assert provider.headers[-1]["authorization"] == f"Bearer {KEY}"
            assert "of-the-shell" not in str(provider.headers[-1])
        bare = OpenAIChatClient(provider.url, "", timeout_s=10, max_retries=0, limiter=Limiter(1))
        asyncio.run(ask(bare, bodies()[0]))
        assert "of-the-shell" not in str(provider.headers[-1])
        assert "authorization" not in provider.headers[-1]
        batches = connection(Access(provider.url, KEY), timeout_s=10)
        asyncio.run(_raw(batches))
        assert "of-the-shell" not in str(provider.headers[-1])


async def _raw(client: openai.AsyncOpenAI) -> None:
    try:
        await client.post("/chat/completions", cast_to=httpx2.Response, body={})
    finally:
        await client.close()


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response({"error": {"message": "bad", "param": "top_p", "code": "unsupported_value"}}, status=400),
        web.json_response({"message": "overlong", "code": "context_length_exceeded"}, status=400),
        web.Response(status=401, text="no such key"),
        web.Response(status=404, body=b"\xff\xfe not text"),
        web.json_response({"detail": [{"loc": ["body"], "msg": "x"}]}, status=422),
        web.json_response(["a", "list"], status=403),
    ],
    ids=["openai", "bare", "text", "bytes", "fastapi", "list"],
)  # fmt: skip
def test_a_no_is_told_in_the_same_words(answer: web.Response) -> None:
    said = []
    with Raw(answer) as provider, both(provider.url) as clients:
        for client in clients:
            with pytest.raises(ProviderRejectedError) as caught:
                asyncio.run(ask(client, bodies()[0]))
            said.append((str(caught.value), caught.value.request_only, caught.value.account, caught.value.bare))
    assert said[0] == said[1]
    assert KEY not in said[1][0]


def test_an_address_that_moved_is_not_followed_with_the_key() -> None:
    moved = web.Response(status=307, headers={"Location": "http://127.0.0.1:9/elsewhere"})

    async def post(url: str) -> bytes:
        connection = LeanConnection(Access(url), 1)
        try:
            return (await connection.post("/chat/completions", cast_to=None, body={})).content
        finally:
            await connection.close()

    with Raw(moved) as provider:
        assert asyncio.run(post(provider.url)) == b""
        assert len(provider.sent) == 1


def test_a_number_that_json_has_no_word_for_is_no_request() -> None:
    async def post(url: str) -> None:
        connection = LeanConnection(Access(url), 1)
        try:
            await connection.post("/chat/completions", cast_to=None, body={"temperature": float("nan")})
        finally:
            await connection.close()

    with Raw() as provider, pytest.raises(ValueError, match="not JSON compliant"):
        asyncio.run(post(provider.url))
    assert provider.sent == []


def test_its_error_is_the_library_s() -> None:
    async def post(url: str) -> None:
        connection = LeanConnection(Access(url), 1)
        try:
            await connection.post("/chat/completions", cast_to=None, body={})
        finally:
            await connection.close()

    answer = web.json_response({"error": {"message": "busy"}}, status=429, headers={"Retry-After": "3"})
    with Raw(answer) as provider, pytest.raises(openai.APIStatusError) as caught:
        asyncio.run(post(provider.url))
    assert (caught.value.status_code, caught.value.body) == (429, {"message": "busy"})
    assert caught.value.response.headers["retry-after"] == "3"
    assert json.loads(caught.value.response.content)["error"]["message"] == "busy"
