"""The provider's files and batches, spoken to by the openai library as anybody would."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import openai
import pytest
from openai.types import Batch

from label_pipeline.rehearsal import BatchFault, BatchScript, Pace, make_app, running_provider
from label_pipeline.rehearsal.batch_form import form_parts
from label_pipeline.rehearsal.protocol import ProtocolError
from label_pipeline_tests.core.judging.batches.carried import KEY, HashedJudge
from label_pipeline_tests.rehearsal.asking import fields, get, prompt, send, stats_url

pytestmark = pytest.mark.outside

CHAT: Final = "/v1/chat/completions"
T = TypeVar("T")


def body(number: int) -> dict[str, object]:
    return fields("judge", prompt(f"query é {number}", f"document \u2028 {number}"))


def lines(count: int, **changes: object) -> bytes:
    asked = [{"custom_id": f"k{i}", "method": "POST", "url": CHAT, "body": body(i), **changes} for i in range(count)]
    return b"".join(json.dumps(one).encode() + b"\n" for one in asked)


def with_client(url: str, work: Callable[[openai.AsyncOpenAI], Awaitable[T]]) -> T:
    async def main() -> T:
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
            return await work(client)

    return asyncio.run(main())


async def created(client: openai.AsyncOpenAI, content: bytes) -> Batch:
    file = await client.files.create(file=("in.jsonl", content), purpose="batch")
    return await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")


async def outcome(client: openai.AsyncOpenAI, batch: Batch, polls: int = 3) -> tuple[Batch, list[str]]:
    """The batch after so many polls, and every status it was seen in."""
    seen = [batch.status]
    for _ in range(polls):
        batch = await client.batches.retrieve(batch.id)
        seen.append(batch.status)
    return batch, [str(status) for status in seen]


def test_a_batch_goes_its_way_and_says_what_the_same_bodies_get_online() -> None:
    async def work(client: openai.AsyncOpenAI) -> tuple[Batch, list[str], list[dict[str, object]]]:
        batch, seen = await outcome(client, await created(client, lines(3)))
        text = (await client.files.content(str(batch.output_file_id))).text
        return batch, seen, [json.loads(line) for line in text.split("\n") if line]

    with running_provider(make_app([HashedJudge()], api_key=KEY)) as url:
        batch, seen, output = with_client(url, work)
        by_batch = get(stats_url(url)).json
        # the library's own spelling of a body, which its client sends online
        exact = [json.dumps(body(i), separators=(",", ":"), ensure_ascii=False).encode() for i in range(3)]
        online = send(url, *exact, key=KEY)
        after = get(stats_url(url)).json
    assert seen == ["validating", "in_progress", "completed", "completed"]
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (3, 3, 0)
    assert (batch.error_file_id, batch.errors) == (None, None)
    assert [line["custom_id"] for line in output] == ["k0", "k1", "k2"]
    for line, reply in zip(output, online, strict=True):
        answered = line["response"]
        assert isinstance(answered, dict)
        assert answered["status_code"] == 200
        assert answered["body"]["choices"] == reply.dig("choices")
        assert answered["body"]["usage"] == reply.dig("usage")
    assert (by_batch["requests"], after["requests"]) == (0, 3), "counted apart: they cost half"
    counted, told = by_batch["batched"], after["batched"]
    assert counted == told
    assert isinstance(counted, dict)
    assert (counted["requests"], counted["distinct_bodies"], counted["statuses"]) == (3, 3, {"200": 3})
    assert counted["prompt_tokens"] == after["prompt_tokens"]


def test_time_may_go_by_the_clock_instead_of_polls() -> None:
    now = [1000.0]

    async def work(client: openai.AsyncOpenAI) -> list[str]:
        batch, seen = await outcome(client, await created(client, lines(1)), polls=2)
        for now[0] in (1060.0, 1160.0):
            seen.append((await client.batches.retrieve(batch.id)).status)
        return seen

    app = make_app([HashedJudge()], api_key=KEY, clock=lambda: now[0], batch_pace=Pace(60, 100, unit="seconds"))
    with running_provider(app) as url:
        assert with_client(url, work) == ["validating"] * 3 + ["in_progress", "completed"]


def test_files_are_listed_read_and_deleted() -> None:
    async def work(client: openai.AsyncOpenAI) -> None:
        first = await client.files.create(file=("a.jsonl", b"1\r\n--2\n"), purpose="batch")
        second = await client.files.create(file=("b.jsonl", b""), purpose="batch")
        assert [file.id async for file in client.files.list()] == [second.id, first.id]
        assert [file.id async for file in client.files.list(limit=1)] == [second.id, first.id], "page by page"
        assert (await client.files.retrieve(first.id)).filename == "a.jsonl"
        assert (await client.files.content(first.id)).content == b"1\r\n--2\n"
        assert (await client.files.delete(first.id)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.files.content(first.id)
        with pytest.raises(openai.BadRequestError):
            await client.files.create(file=("a", b""), purpose="assistants")

    with running_provider(make_app([HashedJudge()], api_key=KEY)) as url:
        with_client(url, work)


def test_a_form_is_taken_apart_whatever_its_file_holds() -> None:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    found = form_parts("multipart/form-data; boundary=B", head + b"\r\n\r\n--C\n\r\n--B--\r\n")
    assert found["file"] == ("x", b"\r\n\r\n--C\n")
    with pytest.raises(ProtocolError, match="multipart"):
        form_parts("application/json", b"{}")


def test_batches_are_listed_newest_first_page_by_page_with_what_was_told_of_them() -> None:
    async def work(client: openai.AsyncOpenAI) -> tuple[list[str], list[str]]:
        file = await client.files.create(file=("in", lines(1)), purpose="batch")
        made = [
            await client.batches.create(
                input_file_id=file.id, endpoint=CHAT, completion_window="24h", metadata={"number": str(i)}
            )
            for i in range(5)
        ]
        listed = [batch async for batch in client.batches.list(limit=2)]
        assert [batch.metadata for batch in listed] == [{"number": str(i)} for i in reversed(range(5))]
        return [batch.id for batch in made], [batch.id for batch in listed]

    with running_provider(make_app([HashedJudge()], api_key=KEY)) as url:
        made, listed = with_client(url, work)
    assert listed == made[::-1]
    assert len(set(made)) == 5, "the same request twice makes two batches"


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "empty_file", None),
        (lines(1) + b"{\n", "invalid_json_line", 2),
        (lines(2) + lines(1), "duplicate_custom_id", 3),
        (lines(1, url="/v1/responses"), "invalid_url", 1),
        (lines(1, body=3), "invalid_request", 1),
        (lines(1) + lines(1, custom_id="z", body={**body(9), "model": "other"}), "mismatched_model", None),
    ],
)
def test_an_input_that_is_no_batch_fails_validation_and_costs_nothing(
    content: bytes, code: str, line: int | None
) -> None:
    async def work(client: openai.AsyncOpenAI) -> tuple[Batch, list[str]]:
        return await outcome(client, await created(client, content))

    with running_provider(make_app([HashedJudge()], api_key=KEY)) as url:
        batch, seen = with_client(url, work)
        assert get(stats_url(url)).dig("batched", "requests") == 0
    assert seen == ["validating", "failed", "failed", "failed"]
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [(error.code, error.line) for error in batch.errors.data] == [(code, line)]
    assert (batch.output_file_id, batch.error_file_id) == (None, None)


def test_a_batch_past_the_queue_s_limit_fails_as_it_does_at_openai() -> None:
    async def work(client: openai.AsyncOpenAI) -> tuple[Batch, Batch, Batch]:
        first, second = await created(client, lines(2)), await created(client, lines(2))
        second = await client.batches.retrieve(second.id)
        await outcome(client, first)
        third, _ = await outcome(client, await created(client, lines(2)))
        return first, second, third

    with running_provider(make_app([HashedJudge()], api_key=KEY, enqueued_tokens=200)) as url:
        _, second, third = with_client(url, work)
    assert second.status == "failed"
    assert second.errors is not None
    assert second.errors.data is not None
    assert second.errors.data[0].code == "token_limit_exceeded"
    assert "Limit: 200 enqueued tokens" in str(second.errors.data[0].message)
    assert third.status == "completed", "the first has left the queue"


def test_a_cancelled_batch_ends_with_what_it_had_and_cannot_be_cancelled_again() -> None:
    async def work(client: openai.AsyncOpenAI) -> Batch:
        batch = await created(client, lines(4))
        await client.batches.retrieve(batch.id)
        assert (await client.batches.cancel(batch.id)).status == "cancelling"
        batch = await client.batches.retrieve(batch.id)
        with pytest.raises(openai.ConflictError):
            await client.batches.cancel(batch.id)
        return batch

    with running_provider(make_app([HashedJudge()], api_key=KEY)) as url:
        batch = with_client(url, work)
    assert batch.status == "cancelled"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (2, 2)


@pytest.mark.parametrize(
    ("fault", "status", "output", "errors"),
    [
        (BatchFault(shuffled=True), "completed", ["k2", "k1", "k0"], []),
        (BatchFault(duplicated=1, differing=True), "completed", ["k0", "k1", "k2", "k0"], []),
        (BatchFault(missing=2), "completed", ["k2"], []),
        (BatchFault(failing=1), "completed", ["k1", "k2"], ["k0"]),
        (BatchFault(every_line_fails="error_file"), "completed", [], ["k0", "k1", "k2"]),
        (BatchFault(every_line_fails="output_file"), "completed", ["k0", "k1", "k2"], []),
        (BatchFault(expires_after=1), "expired", ["k0"], ["k1", "k2"]),
        (BatchFault(cancels_after=2), "cancelled", ["k0", "k1"], ["k2"]),
        (BatchFault(fails_with=("invalid_json_line", "no")), "failed", [], []),
        (BatchFault(never_validates=True), "validating", [], []),
    ],
)
def test_a_fault_is_told_as_openai_tells_it(
    fault: BatchFault, status: str, output: list[str], errors: list[str]
) -> None:
    async def ids(client: openai.AsyncOpenAI, file_id: str | None) -> list[str]:
        if file_id is None:
            return []
        text = (await client.files.content(file_id)).text
        return [json.loads(line)["custom_id"] for line in text.split("\n") if line]

    async def work(client: openai.AsyncOpenAI) -> tuple[str, list[str], list[str]]:
        batch, _ = await outcome(client, await created(client, lines(3)))
        return batch.status, await ids(client, batch.output_file_id), await ids(client, batch.error_file_id)

    with running_provider(make_app([HashedJudge()], api_key=KEY, batch_script=BatchScript([fault]))) as url:
        assert with_client(url, work) == (status, output, errors)


@pytest.mark.parametrize(("field", "value"), [("completion_window", "1h"), ("endpoint", "/v1/embeddings")])
def test_what_is_not_served_here_is_refused(field: str, value: str) -> None:
    async def work(client: openai.AsyncOpenAI) -> None:
        file = await client.files.create(file=("in", lines(1)), purpose="batch")
        asked = {"input_file_id": file.id, "endpoint": CHAT, "completion_window": "24h", field: value}
        with pytest.raises(openai.BadRequestError):
            await client.batches.create(**asked)  # type: ignore[arg-type]  # a value that is none

    with running_provider(make_app([HashedJudge()], api_key=KEY)) as url:
        with_client(url, work)


def test_without_the_key_nothing_is_told() -> None:
    with running_provider(make_app([HashedJudge()], api_key=KEY)) as url:
        assert [get(url + path, key="no").status for path in ("/files", "/batches", "/batches/b")] == [401] * 3
