"""What reaches an endpoint that is not OpenAI: its address, headers and key, over each transport and for batches."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp import web

from label_pipeline.adapters.key_command import KeyCommand, run_program
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_access import Access, Extras, KeySource
from label_pipeline.adapters.openai_batches import OpenAIBatchClient
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.core.errors import ProviderRejectedError
from label_pipeline.core.judging.shape import Shape
from label_pipeline.core.ports import Reply
from label_pipeline.rehearsal.completion import json_reply
from label_pipeline.rehearsal.dialect import Dialect, Refusal
from label_pipeline.rehearsal.protocol import ChatRequest, ModelAnswer
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline_tests.core.judging.scripted import make_member, make_pair

pytestmark = pytest.mark.usefixtures("one_tls_context")

KEY = "sk-very-secret-key"
AZURE = Dialect(
    base="/openai/deployments/judge", key_header="api-key", query={"api-version": "2024-10-21"},
    headers={"x-team": "search & rank"}, lists_models=False,
)  # fmt: skip
EXTRAS = Extras({"x-team": "search & rank"}, {"tag": "a&b=c"}, "api-key", ("search & rank",))


class Fixed:
    """A model that gives every document a 2."""

    name = served_as = "judge"
    fingerprint = "fp"

    def answer(self, request: ChatRequest) -> ModelAnswer:
        return json_reply("because" if request.with_rationale else None, 2)


def ask(
    url: str, key: str | KeySource = KEY, *, lean: bool, extras: Extras | None = None, shape: Shape | None = None,
    times: int = 1,
) -> list[Reply]:  # fmt: skip
    body = make_member(shape=shape or Shape(), logprobs=False).body(make_pair(), 0, 0)

    async def main() -> list[Reply]:
        client = OpenAIChatClient(url, key, extras=extras, timeout_s=10, max_retries=0, limiter=Limiter(4), lean=lean)
        try:
            return list(await asyncio.gather(*(client.complete(body) for _ in range(times))))
        finally:
            await client.close()

    return asyncio.run(main())


both = pytest.mark.parametrize("lean", [False, True], ids=["library", "lean"])


@pytest.mark.outside
@both
def test_a_deployment_with_a_version_in_its_address_and_a_key_header_answers(lean: bool) -> None:
    with running_provider(make_app([Fixed()], api_key=KEY, dialect=AZURE)) as base:
        url = base.removesuffix("/v1") + "/openai/deployments/judge"
        [reply] = ask(f"{url}?api-version=2024-10-21", lean=lean, extras=EXTRAS)
        assert reply.content == '{"rationale": "because", "grade": 2}'
        for wrong, extras in ((url, EXTRAS), (f"{url}?api-version=1", EXTRAS)):
            with pytest.raises(ProviderRejectedError, match="Resource not found") as refused:
                ask(wrong, lean=lean, extras=extras)
            assert "api-version" not in str(refused.value)
        with pytest.raises(ProviderRejectedError, match="rejects the API key"):
            ask(f"{url}?api-version=2024-10-21", lean=lean, extras=Extras(EXTRAS.headers))


@pytest.mark.outside
def test_batches_carry_the_same_address_headers_and_key() -> None:
    seen: list[tuple[dict[str, str], str | None]] = []

    async def listing(request: web.Request) -> web.Response:
        seen.append((dict(request.query), request.headers.get("api-key")))
        assert request.headers["x-team"] == "search & rank"
        assert "Authorization" not in request.headers
        return web.json_response({"object": "list", "data": []})

    app = web.Application()
    app.router.add_get("/v1/batches", listing)
    with running_provider(app) as url:
        client = OpenAIBatchClient(f"{url}?api-version=1", KEY, extras=EXTRAS, timeout_s=10, max_retries=0)

        async def main() -> str:
            try:
                return await client.account()
            finally:
                await client.close()

        account = asyncio.run(main())
    assert seen == [({"api-version": "1", "tag": "a&b=c", "limit": "1"}, KEY)]
    assert "api-version" not in account
    assert KEY not in account + repr(client)


SCHEMA_REFUSED = {"error": {"message": "This response_format type is unavailable now", "type": "invalid_request_error",
                            "param": None, "code": "invalid_request_error"}}  # fmt: skip
"""As DeepSeek writes it."""
NO_SYSTEM = {"error": {"message": "Developer instruction is not enabled for models/gemma-3-27b-it", "code": 400,
                       "status": "INVALID_ARGUMENT"}}  # fmt: skip
"""As Gemini's endpoint writes it of Gemma."""


@pytest.mark.outside
@both
def test_a_shape_that_fits_is_answered_where_the_plain_one_is_refused(lean: bool) -> None:
    plain = Refusal("response_format.type", ("json_schema",), 400, SCHEMA_REFUSED)
    strict = Dialect(refuses=(plain, Refusal("messages.role", ("system", "developer"), 400, [NO_SYSTEM])))
    with running_provider(make_app([Fixed()], api_key=KEY, dialect=strict)) as url:
        with pytest.raises(ProviderRejectedError, match="response_format type is unavailable"):
            ask(url, lean=lean)
        with pytest.raises(ProviderRejectedError, match="Developer instruction is not enabled"):
            ask(url, lean=lean, shape=Shape("json_object"))
        for reply_format in ("json_object", "text"):
            [reply] = ask(url, lean=lean, shape=Shape(reply_format, "fold"))
            assert reply.content == '{"rationale": "because", "grade": 2}'


class Printer:
    """A program that prints another key each time it is asked, and counts."""

    def __init__(self, *keys: str | Exception) -> None:
        self.keys, self.asked = list(keys), 0

    def __call__(self, command: Sequence[str]) -> str:
        self.asked += 1
        key = self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]
        if isinstance(key, Exception):
            raise key
        return f"{key}\n"


@pytest.mark.outside
@both
def test_a_refused_key_is_printed_anew_once_for_all_who_wait(lean: bool) -> None:
    program = Printer("an-old-key", KEY)
    with running_provider(make_app([Fixed()], api_key=KEY)) as url:
        replies = ask(url, KeyCommand(["print-a-key"], 60, run=program), lean=lean, times=4)
    assert [reply.content for reply in replies] == ['{"rationale": "because", "grade": 2}'] * 4
    assert program.asked == 2


@pytest.mark.outside
@both
def test_a_fresh_key_that_is_refused_too_is_a_no_and_in_no_message(lean: bool) -> None:
    program = Printer("first-key", "second-key", "third-key")
    with running_provider(make_app([Fixed()], api_key=KEY)) as url, pytest.raises(ProviderRejectedError) as refused:
        ask(url, KeyCommand(["print-a-key"], 60, run=program), lean=lean)
    assert program.asked == 2
    assert "-key" not in str(refused.value).replace("api_key", "")


def test_a_key_is_printed_anew_when_it_is_too_old() -> None:
    now = [0.0]
    program = Printer("one", "two", "three")
    source = KeyCommand(["print-a-key"], 3000, run=program, clock=lambda: now[0])
    assert asyncio.run(source.key()) == "one"
    now[0] = 2999.0
    assert asyncio.run(source.key()) == "one"
    now[0] = 3000.0
    assert asyncio.run(source.key()) == "two"
    assert asyncio.run(source.renewed("one")) is True
    assert program.asked == 2, "somebody has asked since"
    assert set(source.seen()) == {"one", "two"}


SECRET = "the-secret-token"


@pytest.mark.parametrize(
    "trouble",
    [
        subprocess.CalledProcessError(3, ["p", SECRET], output=SECRET, stderr=SECRET), FileNotFoundError(SECRET),
        subprocess.TimeoutExpired(["p", SECRET], 60, output=SECRET), UnicodeDecodeError("utf-8", b"x", 0, 1, SECRET),
        "", f"{SECRET}\nand more", f"\u00e9{SECRET}",
    ],
)  # fmt: skip
def test_a_program_that_gives_no_key_says_so_and_shows_nothing(trouble: str | Exception) -> None:
    source = KeyCommand(["cloud", "--token", SECRET], 60, run=Printer(trouble))
    with pytest.raises(ProviderRejectedError, match=r"key_command cloud .*run it by hand") as refused:
        asyncio.run(source.key())
    assert refused.value.account, "no request will pass"
    assert SECRET not in f"{refused.value} {refused.value.bare} {refused.value.__cause__} {source!r} {source.owner}"


@pytest.mark.outside
def test_the_program_runs_without_a_shell(tmp_path: Path) -> None:
    script = tmp_path / "print a key.py"
    script.write_text("import sys; print(sys.argv[1])")
    assert run_program([sys.executable, str(script), "$HOME; `id`"]) == "$HOME; `id`\n"


@pytest.mark.parametrize(
    ("address", "base", "query"),
    [
        ("http://h/v1", "http://h/v1", {}), ("http://h/v1/", "http://h/v1", {}), ("http://h:8/", "http://h:8", {}),
        ("https://h/d?api-version=1", "https://h/d", {"api-version": "1"}),
        ("https://h/d/?a=1&b=x%20y&c=", "https://h/d", {"a": "1", "b": "x y", "c": ""}),
        ("https://h?a=1#part", "https://h", {"a": "1"}),
    ],
)  # fmt: skip
def test_an_address_is_cut_at_its_query(address: str, base: str, query: dict[str, str]) -> None:
    access = Access(address)
    assert (access.base_url, access.query) == (base, query)


def test_a_header_of_the_key_s_name_is_sent_in_its_place() -> None:
    assert Access("http://h", KEY).headers(KEY) == {"Authorization": f"Bearer {KEY}"}
    own = Extras({"authorization": "Basic abc"})
    assert Access("http://h", KEY, own).headers(KEY) == {"authorization": "Basic abc"}
    assert Access("http://h").headers("") == {}


@pytest.mark.outside
@both
def test_an_address_without_a_list_of_models_names_the_setting_for_it(lean: bool) -> None:
    async def listed(url: str) -> tuple[str, ...]:
        client = OpenAIChatClient(url, KEY, timeout_s=10, max_retries=0, limiter=Limiter(1), lean=lean)
        try:
            return await client.models()
        finally:
            await client.close()

    with (
        running_provider(make_app([Fixed()], api_key=KEY, dialect=Dialect(lists_models=False))) as url,
        pytest.raises(ProviderRejectedError, match=r"has no list of models.*state model_list: false"),
    ):
        asyncio.run(listed(url))
    with running_provider(make_app([Prefixed()], api_key=KEY)) as url:
        assert asyncio.run(listed(url)) == ("gemini-x",)


class Prefixed(Fixed):
    """Listed as Gemini lists its models, and asked for without what stands in front."""

    name = served_as = "models/gemini-x"
