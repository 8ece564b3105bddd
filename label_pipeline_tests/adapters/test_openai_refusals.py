"""Whom a no concerns, in the words of real providers, and what a run makes of it over a real connection."""

import asyncio
import json
from collections.abc import Mapping, Sequence

import pytest
from aiohttp import web

from label_pipeline.adapters.limiter import Limiter
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.ports import Journal, PairText
from label_pipeline_tests.adapters import provider_bodies as bodies
from label_pipeline_tests.adapters.test_openai_client import answered, client_of, complete
from label_pipeline_tests.core.judging.scripted import (
    DictJournal,
    Script,
    ScriptedProvider,
    chat_answer,
    judging,
    make_pairs,
)

pytestmark = pytest.mark.outside


def error(status: int, body: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers=headers)


ONE_TEXT = {
    "azure": (400, bodies.AZURE_FILTER),
    "vllm": (400, bodies.VLLM_OVERLONG),
    "older vllm": (400, bodies.VLLM_OVERLONG_FLAT),
    "openrouter": (403, bodies.OPENROUTER_MODERATED),
    "newest vllm": (400, bodies.VLLM_TOO_LARGE),
    "a firewall": (403, {"error": {"message": "blocked by WAF"}}),
    "a text about money": (422, {"error": {"message": "cannot read 'your credit balance is too low'"}}),
    "fastapi": (422, bodies.FASTAPI_QUOTES),
}


@pytest.mark.parametrize("name", ONE_TEXT)
def test_a_no_to_one_text_is_read_as_that(name: str) -> None:
    with ScriptedProvider(answered(error(*ONE_TEXT[name]))) as provider:
        with pytest.raises(ProviderRejectedError, match="rejects this request") as caught:
            complete(client_of(provider.url))
        assert provider.requests == 1
    assert (caught.value.request_only, caught.value.account) == (True, False)
    assert "old mine" not in str(caught.value), "what a server quotes of the request is not said again"


@pytest.mark.parametrize(
    ("status", "body", "account"),
    [(422, bodies.FASTAPI_FIELD, False), (422, bodies.MISTRAL_FIELD, False), (402, {"error": {"message": "pay"}}, True),
     (429, bodies.OPENAI_NO_CREDIT, True), (401, {"error": {"message": "bad key"}}, True)],
)  # fmt: skip
def test_a_no_to_everybody_is_read_as_that(status: int, body: object, account: bool) -> None:
    refused = ScriptedProvider(answered(error(status, body)))
    with refused as provider, pytest.raises(ProviderRejectedError) as caught:
        complete(client_of(provider.url))
    assert (caught.value.request_only, caught.value.account) == (False, account)


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [(bodies.GEMINI_RATE, {}, 26), (bodies.GEMINI_RATE_IN_WORDS, {}, 20.04466179), (bodies.OPENAI_RATE, {}, 62.5),
     (bodies.OPENAI_NO_CREDIT, {"retry-after": "7"}, 7)],
)  # fmt: skip
def test_a_429_that_names_a_delay_is_waited_for_and_never_no_credit(
    body: object, headers: dict[str, str], seconds: float
) -> None:
    class Cooled(Limiter):
        """A limiter that notes what it was told to wait, and does not."""

        def __init__(self) -> None:
            super().__init__(4)
            self.told: list[float] = []

        def cool_down(self, seconds: float) -> None:
            self.told.append(seconds)

    limiter = Cooled()
    with ScriptedProvider(answered(error(429, body, headers), chat_answer())) as provider:
        assert complete(client_of(provider.url, limiter=limiter)).model == "judge"
        assert provider.requests == 2
    assert limiter.told == [pytest.approx(seconds)]


@pytest.mark.parametrize(
    ("said", "meant"),
    [("max_tokens", "length"), ("MAX_TOKENS", "length"), ("safety", "content_filter"), ("eos_token", "eos_token"),
     (None, "unknown")],
)  # fmt: skip
def test_a_model_that_thought_all_its_tokens_away_has_answered_and_is_paid_once(said: str | None, meant: str) -> None:
    """Taken for a broken answer it was asked, and paid, six times, and booked at nothing."""
    answer = chat_answer()
    answer["choices"] = [{"index": 0, "finish_reason": said, "message": {"role": "assistant", "content": ""}}]
    answer["usage"] = {"prompt_tokens": 100, "completion_tokens": 4000}
    with ScriptedProvider(answered(answer)) as provider:
        received = complete(client_of(provider.url))
        assert provider.requests == 1
    assert (received.finish_reason, received.output_tokens) == (meant, 4000)


@pytest.mark.parametrize("name", bodies.BROKEN_OFF)
def test_a_success_that_holds_an_error_is_asked_again_and_never_the_judge_s_answer(name: str) -> None:
    with ScriptedProvider(answered(bodies.BROKEN_OFF[name], chat_answer(2))) as provider:
        assert complete(client_of(provider.url)).content == '{"rationale": "because", "grade": 2}'
        assert provider.requests == 2
    with ScriptedProvider(answered(bodies.BROKEN_OFF[name])) as provider, pytest.raises(ProviderUnavailableError):
        complete(client_of(provider.url, max_retries=1))


def judged(url: str, pairs: Sequence[PairText], max_retries: int = 3, journal: Journal | None = None) -> Judging:
    """The pairs, over a real connection, four at a time."""

    async def run() -> Judging:
        client = client_of(url, max_retries=max_retries)
        try:
            return await judging(pairs, client, journal=journal, concurrency=4)
        finally:
            await client.close()

    return asyncio.run(run())


def refusing(bad: str, answer: web.Response | Mapping[str, object]) -> Script:
    """Answers everything but texts that hold ``bad``."""

    async def script(number: int, body: Mapping[str, object]) -> web.Response:
        found = answer if bad in json.dumps(body) else chat_answer()
        if isinstance(found, web.Response):
            return web.Response(status=found.status, body=found.body, headers=dict(found.headers))
        return web.json_response(found)

    return script


@pytest.mark.parametrize("bad", [0, 30], ids=["the first text", "a text half-way"])
@pytest.mark.parametrize("name", ONE_TEXT)
def test_one_bad_document_of_sixty_costs_its_own_label_and_no_other(name: str, bad: int) -> None:
    """It ended every night at the same document, for providers spell "this text" each in their own way."""
    pairs = [pair._replace(document=f"text {i:02} ends") for i, pair in enumerate(make_pairs(60))]
    with ScriptedProvider(refusing(f"text {bad:02} ends", error(*ONE_TEXT[name]))) as provider:
        frame = judged(provider.url, pairs).judgements
    assert frame["outcome"].to_list() == ["rejected" if i == bad else "graded" for i in range(60)]


def test_an_answer_that_broke_off_is_asked_for_again_by_the_next_run() -> None:
    """30 of 30 stayed unreadable for ever: the error was kept as the judge's answer."""
    journal, pairs = DictJournal(), make_pairs(30)
    broken = ScriptedProvider(refusing("document", bodies.BROKEN_OFF["half a text"]))
    with broken as provider, pytest.raises(ProviderUnavailableError):
        judged(provider.url, pairs, 0, journal=journal)
    assert journal.replies == {}
    with ScriptedProvider(answered(chat_answer())) as provider:
        frame = judged(provider.url, pairs, journal=journal).judgements
        assert provider.requests == 30
    assert set(frame["outcome"]) == {"graded"}
