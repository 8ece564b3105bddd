"""The client of files and batches against scripted servers: what it retries, what it never does, what it says."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
from aiohttp import web

from label_pipeline.adapters.openai_batch_lines import output_line
from label_pipeline.adapters.openai_batch_objects import remote_of
from label_pipeline.adapters.openai_batches import OpenAIBatchClient
from label_pipeline.adapters.openai_replies import UnusableAnswerError, parse_reply
from label_pipeline.core.errors import (
    FileGoneError,
    ProviderRejectedError,
    ProviderUnavailableError,
    UnsureCreationError,
)  # fmt: skip
from label_pipeline.core.judging.batches.matching import NoAnswer, OutputLine
from label_pipeline.core.judging.batches.record import HASH
from label_pipeline.core.ports import Reply
from label_pipeline.rehearsal import running_provider
from label_pipeline_tests.core.judging.batches.made import TERMS, key_of, make_request
from label_pipeline_tests.core.judging.scripted import chat_answer

KEY = "sk-very-secret-key"
URL = "http://127.0.0.1/v1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")


def answers(*given: web.StreamResponse | dict[str, object] | None) -> Handler:
    """One after the other, the last for ever; None drops the connection."""
    left = list(given)

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))
        return web.json_response(answer)

    return handle


def no(status: int, message: str = "no", **error: object) -> web.Response:
    return web.json_response({"error": {"message": message, **error}}, status=status)


@contextmanager
def server(**routes: Handler) -> Iterator[str]:
    """A server whose routes are named like ``post_batches``."""
    app = web.Application()
    paths = {
        "files": "/v1/files", "file": "/v1/files/{id}", "content": "/v1/files/{id}/content", "batches": "/v1/batches",
        "batch": "/v1/batches/{id}", "cancel": "/v1/batches/{id}/cancel",
    }  # fmt: skip
    for name, handler in routes.items():
        method, _, path = name.partition("_")
        app.router.add_route(method.upper(), paths[path], handler)
    with running_provider(app) as url:
        yield url


def using(url: str, work: Callable[[OpenAIBatchClient], Awaitable[T]], *, key: str = KEY, max_retries: int = 2) -> T:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    async def main() -> T:
        client = OpenAIBatchClient(url, key, timeout_s=10, max_retries=max_retries, sleep=sleep)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(main())


def batch_json(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "id": f"b{number}", "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "f1",
        "completion_window": "24h", "status": "validating", "created_at": 1, "metadata": {HASH: "h" * 64}, **changes,
    }  # fmt: skip


pytestmark = pytest.mark.outside


# creating is not idempotent


@pytest.mark.parametrize("answer", [None, no(500), no(503), web.Response(text="<html>a proxy</html>")])
def test_a_creation_without_an_answer_is_tried_once_and_is_unsure(answer: web.Response | None) -> None:
    calls = []

    async def create(request: web.Request) -> web.StreamResponse:
        calls.append(await request.json())
        return await answers(answer)(request)

    with server(post_batches=create) as url, pytest.raises(UnsureCreationError) as unsure:
        using(url, lambda client: client.create("f1", {HASH: "h"}))
    assert calls == [
        {"input_file_id": "f1", "endpoint": "/v1/chat/completions", "completion_window": "24h", "metadata": {HASH: "h"}}
    ]
    assert KEY not in str(unsure.value)


def test_a_creation_that_was_refused_or_never_sent_is_sure() -> None:
    with server(post_batches=answers(no(429, "too many batches"))) as url:
        with pytest.raises(ProviderUnavailableError, match="too many batches") as later:
            using(url, lambda client: client.create("f1", {}))
        assert not isinstance(later.value, UnsureCreationError)
    with pytest.raises(ProviderUnavailableError, match="cannot be reached") as unconnected:
        using(url, lambda client: client.create("f1", {}))
    assert not isinstance(unconnected.value, UnsureCreationError)
    with server(post_batches=answers(no(400, f"bad {KEY}"))) as url, pytest.raises(ProviderRejectedError) as rejected:
        using(url, lambda client: client.create("f1", {}))
    assert KEY not in str(rejected.value)


# what may be repeated is


def test_passing_troubles_of_a_poll_are_tried_again() -> None:
    with server(get_batch=answers(no(503), None, batch_json(status="in_progress"))) as url:
        found = using(url, lambda client: client.retrieve("b1"))
    assert found is not None
    assert found.status == "in_progress"
    with server(get_batch=answers(no(503, f"down {KEY}"))) as url, pytest.raises(ProviderUnavailableError) as down:
        using(url, lambda client: client.retrieve("b1"))
    assert "in 3 tries" in str(down.value)
    assert KEY not in str(down.value)
    assert "down" not in str(down.value.bare)


def test_a_batch_nobody_knows_is_none_and_what_has_ended_cannot_be_cancelled_twice() -> None:
    with server(get_batch=answers(no(404)), post_cancel=answers(no(409))) as url:
        assert using(url, lambda client: client.retrieve("b1")) is None
        using(url, lambda client: client.cancel("b1"))


def test_a_file_that_is_gone_is_deleted() -> None:
    asked = []

    async def gone(request: web.Request) -> web.StreamResponse:
        asked.append(request.match_info)
        return no(404)

    with server(delete_file=gone) as url:
        using(url, lambda client: client.delete("f1"))
    assert len(asked) == 1, "asked once, and content"


def test_a_file_is_sent_whole_again_after_a_trouble() -> None:
    sizes = []

    async def upload(request: web.Request) -> web.StreamResponse:
        sizes.append(len(await request.read()))
        file = {"id": "f9", "object": "file", "bytes": 1, "created_at": 1, "filename": "n", "purpose": "batch"}
        return web.json_response(file) if len(sizes) > 1 else no(502)

    async def work(client: OpenAIBatchClient) -> str:
        return await client.upload("n.jsonl", (make_request(number).line() for number in range(50)))

    with server(post_files=upload) as url:
        assert using(url, work) == "f9"
    assert sizes[0] == sizes[1] > 50 * 500


# what is found


def test_batches_are_looked_for_on_every_page() -> None:
    async def listing(request: web.Request) -> web.StreamResponse:
        start = int(request.query["after"][1:]) if "after" in request.query else 0
        ids = range(start + 1, min(start + 100, 250) + 1)
        data = [batch_json(number, metadata={HASH: "h" * 64 if number in (3, 250) else "x"}) for number in ids]
        return web.json_response({"object": "list", "data": data, "has_more": ids[-1] < 250})

    with server(get_batches=listing) as url:
        found = using(url, lambda client: client.find("h" * 64))
    assert [batch.batch_id for batch in found] == ["b3", "b250"]


def test_the_account_is_what_the_provider_says_or_cannot_be_turned_into_the_key() -> None:
    empty = {"object": "list", "data": [], "has_more": False}
    named = web.json_response(empty, headers={"openai-organization": "org-1", "openai-project": "proj_2"})
    with server(get_batches=answers(named)) as url:
        assert using(url, lambda client: client.account()).endswith("/v1 org-1 proj_2")
    with server(get_batches=answers(empty)) as url:
        accounts = {using(url, lambda client: client.account(), key=key) for key in (KEY, KEY, "sk-another", "")}
        assert len(accounts) == 3
        assert not any(KEY in account or "another" in account for account in accounts)


def test_an_endpoint_without_batches_says_so() -> None:
    with server() as url, pytest.raises(ProviderRejectedError, match="takes no batches"):
        using(url, lambda client: client.account())


@pytest.mark.parametrize("data", [{}, {"id": 7, "status": "completed"}, {"id": "b1"}])
def test_an_answer_that_is_no_batch_is_no_answer(data: dict[str, object]) -> None:
    with pytest.raises(UnusableAnswerError):
        remote_of(data)


def test_odd_fields_of_a_batch_are_nothing() -> None:
    odd = batch_json(request_counts={"total": "3", "completed": -1}, errors="no", metadata=None, output_file_id="")
    found = remote_of({**odd, "status": "failed"})
    assert (found.total, found.completed, found.metadata, found.output_file_id) == (None, None, {}, None)
    assert found.code == "failed"


# what a file says


def results(url: str) -> list[OutputLine]:
    async def work(client: OpenAIBatchClient) -> list[OutputLine]:
        return [line async for line in client.results("f1", {key_of(1): 100}, TERMS)]

    return using(url, work)


def text_line(text: str) -> bytes:
    body = chat_answer(content=text)
    line = {"custom_id": key_of(1), "response": {"status_code": 200, "request_id": "r", "body": body}, "error": None}
    return json.dumps(line, ensure_ascii=False).encode()


def test_a_file_comes_in_pieces_and_only_a_line_feed_ends_a_line() -> None:
    text = "a\u2028b\u0085c\x1ed" + "é" * 70_000

    async def content(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        whole = text_line(text) + b"\n\n" + text_line("second")  # an empty line, and no line feed at the end
        for start in range(0, len(whole), 9973):
            await response.write(whole[start : start + 9973])
        return response

    with server(get_content=content) as url:
        first, second = results(url)
    assert isinstance(first.answer, Reply)
    assert first.answer.content == text
    assert isinstance(second.answer, Reply)
    assert second.answer.content == "second"


def test_a_file_that_breaks_off_on_the_way_is_trouble_and_no_short_file() -> None:
    async def content(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(text_line("whole") + b"\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    with server(get_content=content) as url, pytest.raises(ProviderUnavailableError, match="broke off"):
        results(url)


def test_a_file_that_is_gone_is_told_apart() -> None:
    with server(get_content=answers(no(404))) as url, pytest.raises(FileGoneError):
        results(url)


# what a line says


def line(**fields: object) -> OutputLine:
    raw = json.dumps({"id": "x", "custom_id": key_of(1), "response": None, "error": None, **fields}).encode()
    return output_line(raw, {key_of(1): request_bytes()}, TERMS, URL, "host")


def request_bytes() -> int:
    return make_request(1).sent_bytes


def response(status: object, body: object) -> dict[str, object]:
    return {"status_code": status, "request_id": "req-1", "body": body}


@pytest.mark.parametrize("usage", [True, False, None])
def test_a_reply_is_the_one_the_same_answer_would_be_online(usage: bool | None) -> None:
    """Also where its token counts are absent, or impossible for what was sent: the length of the texts is kept."""
    answer = chat_answer(3)
    if usage is False:
        del answer["usage"]
    if usage is None:
        answer["usage"] = {"prompt_tokens": 1, "completion_tokens": 0}
    online = parse_reply(answer, make_request(1).body, "req-1", 0.0, "host")
    assert line(response=response(200, answer)) == OutputLine(key_of(1), online)
    assert online.estimated is (usage is not True)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"error": {"code": "batch_expired", "message": "too late"}}, NoAnswer("batch_expired")),
        ({"error": {"code": "the document says: secret", "message": "x"}}, NoAnswer("no_response")),
        ({}, NoAnswer("no_response")),
        ({"response": response(429, {"error": {"code": "rate_limit_exceeded"}})}, NoAnswer("429 rate_limit_exceeded")),
        ({"response": response(500, "oops")}, NoAnswer("500")),
        ({"response": response(400, {"error": {"code": "content_filter", "message": "secret"}})},
         NoAnswer("400 content_filter", "text")),
        ({"response": response(400, {"error": {"message": "x", "code": "unsupported_parameter", "param": "seed"}})},
         NoAnswer("400 unsupported_parameter", "everyone")),
        ({"response": response(404, {"error": {"code": "model_not_found"}})},
         NoAnswer("404 model_not_found", "everyone")),
        ({"response": response(429, {"error": {"code": "insufficient_quota"}})},
         NoAnswer("429 insufficient_quota", "everyone")),
        ({"response": response("200", chat_answer())}, NoAnswer("no_status")),
        ({"response": response(200, {"choices": []})}, NoAnswer("200 unusable")),
        ({"response": response(200, {"choices": [], "usage": {"prompt_tokens": 3}})},
         NoAnswer("200 unusable", lost=True)),
        ({"response": response(200, "text")}, NoAnswer("200 unusable", lost=True)),
    ],
)  # fmt: skip
def test_a_line_without_a_reply_says_what_is_to_be_done(fields: dict[str, object], expected: NoAnswer) -> None:
    assert line(**fields) == OutputLine(key_of(1), expected)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b'{"custom_id": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_line_that_cannot_be_read_has_no_key(raw: bytes) -> None:
    assert output_line(raw, {}, TERMS, URL, "host") == OutputLine(None, None)
