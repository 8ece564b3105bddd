import asyncio
import gc
import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import numpy as np
import pytest
from aiohttp import web

from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.openai_refusals import retry_after_s
from label_pipeline.adapters.pace.window import START
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError
from label_pipeline.core.ports import Reply, TokenChoice
from label_pipeline_tests.core.judging.scripted import (
    Script,
    ScriptedProvider,
    chat_answer,
    make_member,
    make_pair,
    make_pairs,
)

pytestmark = pytest.mark.outside

KEY = "sk-very-secret-key"
BODY = make_member().body(make_pair(), 0, 0)
LEAN = False
"""Which transport ``client_of`` takes."""


@pytest.fixture(autouse=True, params=["openai", "lean"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever holds of one transport holds of the other."""
    monkeypatch.setattr(sys.modules[__name__], "LEAN", request.param == "lean")


def answered(*answers: web.Response | dict[str, object]) -> Script:
    """The answers in order; the last one for ever."""

    async def script(number: int, body: Mapping[str, object]) -> web.Response:
        answer = answers[min(number, len(answers) - 1)]
        if isinstance(answer, dict):
            return web.json_response(answer, headers={"x-request-id": f"req-{number}"})
        return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))

    return script


def refusal(status: int, message: str = "no", headers: dict[str, str] | None = None, **error: object) -> web.Response:
    return web.json_response({"error": {"message": message, **error}}, status=status, headers=headers)


def client_of(
    url: str, waits: list[float] | None = None, *, max_retries: int = 3, timeout_s: float = 10.0, key: str = KEY,
    limiter: Limiter | None = None,
) -> OpenAIChatClient:  # fmt: skip
    async def sleep(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)
        await asyncio.sleep(0)

    return OpenAIChatClient(
        url,
        key,
        timeout_s=timeout_s,
        max_retries=max_retries,
        limiter=limiter or Limiter(4),
        sleep=sleep,
        rng=np.random.default_rng(0),
        lean=LEAN,
    )


def complete(client: OpenAIChatClient, body: Mapping[str, object] = BODY) -> Reply:
    async def run() -> Reply:
        try:
            return await client.complete(body)
        finally:
            await client.close()

    return asyncio.run(run())


def test_a_reply_is_read_whole_and_the_body_arrives_unchanged() -> None:
    with ScriptedProvider(answered(chat_answer(3, "judge-2026-01-01"))) as provider:
        received = complete(client_of(provider.url))
        assert json.loads(next(iter(provider.bodies))) == BODY
        assert provider.keys == [f"Bearer {KEY}"]
    assert 0 < received.latency_s < 10
    assert json.loads(received.usage or "") == chat_answer()["usage"]
    assert replace(received, usage=None) == Reply(
        content='{"rationale": "because", "grade": 3}', refusal=None, finish_reason="stop", model="judge-2026-01-01",
        fingerprint="fp", request_id="req-0", input_tokens=100, cached_tokens=20, output_tokens=10,
        latency_s=received.latency_s, served_by="127.0.0.1",
    )  # fmt: skip


def test_the_provider_behind_a_router_is_named() -> None:
    routed = web.json_response({**chat_answer(), "provider": "DeepInfra"})
    with ScriptedProvider(answered(routed)) as provider:
        assert complete(client_of(provider.url)).served_by == "127.0.0.1 (DeepInfra)"


def test_a_server_that_sends_no_request_id_names_the_answer_in_its_body() -> None:
    """llama.cpp does; without either, a complaint could name no request."""
    bare = web.json_response({**chat_answer(), "id": "chatcmpl-7"})
    with ScriptedProvider(answered(bare)) as provider:
        assert complete(client_of(provider.url)).request_id == "chatcmpl-7"


def test_the_last_tokens_keep_their_alternatives_and_the_token_drawn() -> None:
    def entry(token: str, logprob: float, *others: tuple[str, float]) -> dict[str, object]:
        top = [{"token": t, "logprob": p, "bytes": None} for t, p in others]
        return {"token": token, "logprob": logprob, "bytes": None, "top_logprobs": top}

    answer = chat_answer()
    choices = answer["choices"]
    assert isinstance(choices, list)
    content = [entry("word", -0.5) for _ in range(100)]
    content += [entry("2", -0.1, ("2", -0.1), ("3", -2.5)), entry("}", -3.0, ("\n", -0.2))]
    choices[0]["logprobs"] = {"content": content}
    with ScriptedProvider(answered(answer)) as provider:
        tokens = complete(client_of(provider.url)).tokens
    assert len(tokens) == 16
    assert tokens[-2] == TokenChoice("2", (("2", -0.1), ("3", -2.5)))
    assert tokens[-1] == TokenChoice("}", (("}", -3.0), ("\n", -0.2)))


def test_a_refusal_and_a_cut_reply_are_replies() -> None:
    refused = chat_answer(content=None, refusal="I cannot help")
    with ScriptedProvider(answered(refused)) as provider:
        received = complete(client_of(provider.url))
    assert (received.content, received.refusal) == (None, "I cannot help")
    cut = chat_answer()
    choices = cut["choices"]
    assert isinstance(choices, list)
    choices[0]["finish_reason"] = "length"
    with ScriptedProvider(answered(cut)) as provider:
        assert complete(client_of(provider.url)).finish_reason == "length"


def test_without_usage_the_tokens_are_estimated_so_that_nothing_looks_free() -> None:
    answer = chat_answer()
    del answer["usage"]
    with ScriptedProvider(answered(answer)) as provider:
        received = complete(client_of(provider.url))
    assert received.input_tokens > len(json.dumps(BODY)) / 4
    assert received.output_tokens > 5


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_passing_troubles_are_tried_again_with_growing_jittered_waits(status: int) -> None:
    waits: list[float] = []
    with ScriptedProvider(answered(*[refusal(status)] * 3, chat_answer(1))) as provider:
        assert complete(client_of(provider.url, waits)).model == "judge"
        assert provider.requests == 4
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0 <= waits[2] <= 2.0


def test_retry_after_pauses_every_worker_of_the_endpoint() -> None:
    """A storm: the first requests are told to wait a second; nobody asks again before that second is over."""
    arrived: list[float] = []

    async def script(number: int, body: Mapping[str, object]) -> web.Response:
        now = asyncio.get_running_loop().time()
        arrived.append(now)
        if now - arrived[0] < 1.0:
            return refusal(429, "slow down", {"retry-after": "1"})
        return web.json_response(chat_answer())

    async def run(url: str) -> list[Reply]:
        client = client_of(url, limiter=Limiter(8))
        try:
            return await asyncio.gather(*(client.complete(make_member().body(p, 0, 0)) for p in make_pairs(60)))
        finally:
            await client.close()

    with ScriptedProvider(script) as provider:
        replies = asyncio.run(run(provider.url))
    assert len(replies) == 60
    storm = [at for at in arrived if at - arrived[0] < 1.0]
    assert len(storm) == START  # only those under way already, and a run begins with few
    assert len(arrived) == 60 + START


def test_a_pause_longer_than_two_minutes_is_not_waited_for() -> None:
    with ScriptedProvider(answered(refusal(429, "quota", {"retry-after": "3600"}))) as provider:
        with pytest.raises(ProviderUnavailableError, match="asks to wait 3600 s"):
            complete(client_of(provider.url))
        assert provider.requests == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
        (
            {
                "retry-after": format_datetime(datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC), usegmt=True),
                "date": format_datetime(datetime(2026, 1, 1, 0, 0, 4, tzinfo=UTC), usegmt=True),
            },
            5.0,
        ),
    ],
)
def test_retry_after_in_every_spelling(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            refusal(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key"),
            r"rejects the API key \(401.*check",
        ),
        (refusal(404, "The model `judge` does not exist", code="model_not_found"), "knows no model judge"),
        (refusal(402, "pay"), "402: pay"),
        (refusal(400, "Unsupported parameter", param="temperature"), "400: Unsupported parameter"),
        (refusal(400, "Unsupported", code="unsupported_value"), "correct the judge's settings"),
        (refusal(400, "Invalid model name passed in model=judge"), "rejects requests to model judge"),
        (refusal(429, "You exceeded your current quota", code="insufficient_quota"), "no credit left.*top it up"),
        (refusal(400, "Your credit balance is too low to access the API"), "no credit left.*top it up"),
        (refusal(400, "Billing hard limit has been reached", code="billing_hard_limit_reached"), "no credit left"),
    ],
)
def test_a_no_for_good_is_raised_at_once(answer: web.Response, words: str) -> None:
    with ScriptedProvider(answered(answer)) as provider:
        with pytest.raises(ProviderRejectedError, match=words) as caught:
            complete(client_of(provider.url))
        assert provider.requests == 1
    assert not caught.value.request_only


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, "maximum context length is 8192 tokens", code="context_length_exceeded", param="messages"),
        refusal(400, "This model's maximum context length is 8192 tokens. Please reduce the length of the messages."),
        refusal(400, "filtered", code="content_filter", param="messages[1].content"),
        refusal(413, "payload too large"),
        refusal(403, "region"),  # or a firewall: the engine sees whether others pass
        refusal(422, "no document block"),
    ],
)
def test_a_no_to_one_request_says_so(answer: web.Response) -> None:
    with ScriptedProvider(answered(answer)) as provider:
        with pytest.raises(ProviderRejectedError, match="rejects this request") as caught:
            complete(client_of(provider.url))
        assert provider.requests == 1
    assert caught.value.request_only


def test_the_key_is_in_no_message_no_traceback_and_no_repr() -> None:
    for status in (401, 429, 400):
        answer = refusal(status, f"your key {KEY} is odd", {"retry-after": "3600"})
        with ScriptedProvider(answered(answer)) as provider:
            client = client_of(provider.url)
            with pytest.raises((ProviderRejectedError, ProviderUnavailableError)) as caught:
                complete(client)
        printed = "".join(traceback.format_exception(caught.value))
        assert "your key *** is odd" in printed
        assert KEY not in printed + repr(client) + str(client)


def test_nobody_listening_is_unavailable_after_every_retry() -> None:
    waits: list[float] = []
    with ScriptedProvider(answered(chat_answer())) as provider:
        url = provider.url
    with pytest.raises(ProviderUnavailableError, match=r"no usable answer in 4 tries.*check that it is running"):
        complete(client_of(url, waits))
    assert len(waits) == 3


def test_a_silent_a_broken_and_a_nonsense_answer_are_tried_again() -> None:
    async def script(number: int, body: Mapping[str, object]) -> web.StreamResponse:
        if number == 0:
            await asyncio.sleep(5)
        if number == 1:
            return web.Response(text="<html>a proxy</html>", content_type="text/html")
        if number == 2:
            return web.json_response({"error": {"message": "in a success"}})
        if number == 3:
            return web.json_response({"choices": []})
        return web.json_response(chat_answer(1))

    with ScriptedProvider(script) as provider:
        assert complete(client_of(provider.url, max_retries=4, timeout_s=0.3)).model == "judge"
        assert provider.requests == 5


def test_an_answer_that_stays_nonsense_is_unavailable_and_a_wrong_address_is_said() -> None:
    with ScriptedProvider(answered({"hello": "world"})) as provider:
        with pytest.raises(
            ProviderUnavailableError, match=r"2 tries, the last one: .*no list `choices`; is the base URL"
        ):
            complete(client_of(provider.url, max_retries=1))
        with pytest.raises(ProviderRejectedError, match="no such address"):
            complete(client_of(provider.url.replace("/v1", "/elsewhere")))


def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_tried_again() -> None:
    async def run() -> Reply:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await reader.readuntil(b"\r\n\r\n")
            content = json.dumps(chat_answer(1)).encode()
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(content)
            if connections == 1:
                content = content[:20]  # half an answer, then nothing; the second connection gets not even that
            if connections != 2:
                writer.write(head + content)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        try:
            return await client.complete(BODY)
        finally:
            await client.close()
            server.close()

    assert asyncio.run(run()).model == "judge"


def test_models_are_listed() -> None:
    async def run(url: str) -> tuple[str, ...]:
        client = client_of(url)
        try:
            return await client.models()
        finally:
            await client.close()

    with ScriptedProvider(answered(chat_answer())) as provider:
        assert asyncio.run(run(provider.url)) == ("judge", "other")
        assert provider.requests == 0


def test_one_client_serves_several_event_loops() -> None:
    with ScriptedProvider(answered(chat_answer())) as provider:
        client = client_of(provider.url)
        assert complete(client).model == complete(client).model == "judge"


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_that_was_not_closed_serves_the_next_event_loop_all_the_same() -> None:
    with ScriptedProvider(answered(chat_answer())) as provider:
        client = client_of(provider.url)
        assert asyncio.run(client.complete(BODY)).model == "judge"
        assert complete(client).model == "judge"
        gc.collect()  # the first loop's connections complain here, not in another test
