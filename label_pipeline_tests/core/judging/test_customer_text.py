"""What a provider says about customer text: it may quote the text, and an error is printed, logged and stored."""

import asyncio
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.core.boundary import WITHHELD
from label_pipeline.core.errors import JudgeError, ProviderRejectedError, ProviderUnavailableError
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline_tests.core.judging.scripted import ScriptedClient, ScriptedProvider, clock, make_member, make_pair

DOCUMENT = "Dear support, my name is Jane Roe and my card ending 4711 was charged twice for the order of last May."


async def ask(client: OpenAIChatClient | ScriptedClient, journal: SQLiteJournal, customer: bool) -> Judging:
    pairs = [make_pair(i, f"{DOCUMENT} ({i})", customer=customer and i == 29) for i in range(30)]
    try:
        return await judge_pairs(
            JudgingOrder(make_member(inside=True), pairs, "gate", 0), client=client, journal=journal, concurrency=2,
            run_id="r", clock=clock,
        )  # fmt: skip
    finally:
        await client.close()


def failure_text(status: int, headers: dict[str, str], journal: Path, *, customer: bool) -> str:
    """What Dagster and the terminal would show of the run's failure."""

    async def echo(number: int, body: Mapping[str, object]) -> web.StreamResponse:
        error = {"message": f"prompt flagged: {DOCUMENT}", "code": "content_filter"}
        return web.json_response({"error": error}, status=status, headers=headers)

    with ScriptedProvider(echo) as provider, SQLiteJournal(journal) as kept:
        client = OpenAIChatClient(provider.url, "key-of-a-test", timeout_s=20, max_retries=0, limiter=Limiter(2))
        with pytest.raises(JudgeError) as caught:
            asyncio.run(ask(client, kept, customer))
    return "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)


def quoted(text: str) -> list[str]:
    pieces = [DOCUMENT[i : i + 20] for i in range(len(DOCUMENT) - 19)]
    return [piece for piece in pieces if piece in text]


@pytest.mark.outside
@pytest.mark.parametrize(
    ("status", "headers"), [(400, {}), (403, {}), (500, {}), (429, {"retry-after": "9999"})], ids=str
)
def test_an_error_about_customer_text_repeats_none_of_it(status: int, headers: dict[str, str], tmp_path: Path) -> None:
    told = failure_text(status, headers, tmp_path / "a.sqlite", customer=True)
    assert quoted(told) == []
    assert f"{status} content_filter" in told
    assert WITHHELD in told
    assert quoted(
        failure_text(status, headers, tmp_path / "b.sqlite", customer=False)
    )  # else it helps to find the cause


@pytest.mark.parametrize(
    "error",
    [
        ProviderRejectedError(DOCUMENT),
        ProviderRejectedError(DOCUMENT, request_only=True),
        ProviderUnavailableError(DOCUMENT),
    ],
)
def test_an_error_of_a_client_that_does_not_tell_its_words_apart_is_withheld_whole(
    error: JudgeError, tmp_path: Path
) -> None:
    with SQLiteJournal(tmp_path / "a.sqlite") as journal, pytest.raises(JudgeError) as caught:
        asyncio.run(ask(ScriptedClient(lambda n, body: error), journal, True))
    assert quoted("".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)) == []
