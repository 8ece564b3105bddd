"""Limits in headers, as OpenAI, Azure and vLLM send them: read, and read off a real server's replies."""

import asyncio
from collections.abc import Mapping

import pytest
from aiohttp import web

from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.pace.told import Told, duration_s, told_limits
from label_pipeline_tests.core.judging.scripted import ScriptedProvider, chat_answer, make_member, make_pair

OPENAI = {
    "x-ratelimit-limit-requests": "5000", "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-reset-requests": "12ms", "x-ratelimit-limit-tokens": "160000",
    "x-ratelimit-remaining-tokens": "159976", "x-ratelimit-reset-tokens": "9ms",
}  # fmt: skip
BY_THE_DAY = {"x-ratelimit-limit-requests": "200", "x-ratelimit-reset-requests": "7m12s"}
AZURE = {"x-ratelimit-remaining-requests": "79", "x-ratelimit-remaining-tokens": "61353"}
AZURE_WITHOUT = {
    "x-ratelimit-limit-tokens": "-1",
    "x-ratelimit-remaining-tokens": "-1",
    "x-ratelimit-reset-tokens": "0",
}
AZURE_NAMED = {"x-ratelimit-limit-tokens": "30000", "x-ratelimit-reset-tokens": "55"}
VLLM: dict[str, str] = {}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (OPENAI, Told(5000, 160_000)), (BY_THE_DAY, Told(None, None)), (AZURE, Told(None, None)),
        (AZURE_WITHOUT, Told(None, None)), (AZURE_NAMED, Told(None, 30_000)), (VLLM, Told(None, None)),
        ({"x-ratelimit-limit-requests": "100, 100;w=60"}, Told(None, None)),
        ({"x-ratelimit-limit-requests": "nan", "x-ratelimit-limit-tokens": "inf"}, Told(None, None)),
    ],
)  # fmt: skip
def test_limits_by_the_minute_are_read_and_nothing_else(headers: dict[str, str], told: Told) -> None:
    assert told_limits(headers) == told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h2m3.5s", 3723.5),
        ("12ms", 0.012),
        ("6m0s", 360),
        ("7", 7),
        ("0", 0),
        ("-1", None),
        ("soon", None),
        ("", None),
    ],
)
def test_durations_in_every_spelling(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.outside
@pytest.mark.parametrize(
    ("headers", "stated", "requests", "tokens"),
    [(OPENAI, None, 60 / 5000, 60 / 160_000), (OPENAI, 300, 60 / 300, 60 / 160_000),
     (AZURE_NAMED, None, 0, 60 / 30_000), (VLLM, None, 0, 0)],
)  # fmt: skip
def test_a_real_server_s_headers_set_the_pace_and_never_above_the_stated_one(
    headers: dict[str, str], stated: float | None, requests: float, tokens: float
) -> None:
    """What is read is seen in how long a second request of 10,000 tokens must wait."""

    async def script(number: int, body: Mapping[str, object]) -> web.StreamResponse:
        return web.json_response(chat_answer(), headers=headers)

    async def run(url: str) -> None:
        client = OpenAIChatClient(url, "key", timeout_s=10, max_retries=0, limiter=limiter)
        try:
            await client.complete(make_member().body(make_pair(), 0, 0))
        finally:
            await client.close()

    limiter = Limiter(4, stated, None, clock=lambda: 100.0)
    with ScriptedProvider(script) as provider:
        asyncio.run(run(provider.url))
    for allowance, unit_s, units in ((limiter.requests, requests, 1_000), (limiter.tokens, tokens, 10_000)):
        before = allowance.wait_s(100.0)
        allowance.take(units, 100.0)
        assert allowance.limited == (unit_s > 0)
        assert allowance.wait_s(100.0) - before == pytest.approx(units * unit_s, abs=1.0 + unit_s)
