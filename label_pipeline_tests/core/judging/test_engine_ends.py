"""What ends a run, and what it keeps then: another model, a no, an outage, the cap, a cancel, a broken journal."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import polars as pl
import pytest

from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError, ServedModelError
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import plan
from label_pipeline.core.ports import Price, Reply
from label_pipeline_tests.core.judging.scripted import (
    REPLY_USD,
    DictJournal,
    ScriptedClient,
    document_of,
    judging,
    make_member,
    make_pair,
    make_pairs,
    reply,
)

DOWN = ProviderUnavailableError("no answer")


def test_another_model_stops_everything_after_one_request() -> None:
    journal = DictJournal()
    client = ScriptedClient(lambda n, body: reply(model="cheaper"), delay_s=0.001)
    done = asyncio.run(judging(make_pairs(50), client, journal=journal, concurrency=8))
    assert (done.outcome, done.requests) == ("other_model", 1)
    with pytest.raises(ServedModelError, match="answered with model cheaper, expected judge"):
        done.refuse_ended()
    assert len(client.bodies) == len(journal.replies) == 1


def test_a_model_swapped_half_way_stops_the_run_with_everything_under_way_journaled() -> None:
    journal = DictJournal()
    client = ScriptedClient(lambda n, body: reply(model="judge" if n < 20 else "cheaper"), delay_s=0.001)
    assert asyncio.run(judging(make_pairs(50), client, journal=journal, concurrency=8)).outcome == "other_model"
    assert 20 < len(client.bodies) == len(journal.replies) < 36
    # The other model's replies count for nothing: those pairs are asked again.
    healthy = ScriptedClient(lambda n, body: reply())
    done = asyncio.run(judging(make_pairs(50), healthy, journal=journal))
    assert done.requests == 30
    assert set(done.judgements["model_reported"]) == {"judge"}


def test_what_another_model_cost_is_handed_over() -> None:
    def answer(n: int, body: Mapping[str, object]) -> Reply:
        return reply(content="hm") if n == 3 else reply(model="judge" if n < 20 else "cheaper")

    client = ScriptedClient(answer, delay_s=0.001)
    pairs = [*make_pairs(50), make_pair(0)._replace(doc_id="copy")]
    done = asyncio.run(judging(pairs, client, concurrency=8))
    rows = done.judgements
    assert (done.outcome, done.requests) == ("other_model", len(client.bodies))
    assert rows.schema == JUDGEMENTS.schema
    assert rows["cost_usd"].sum() == pytest.approx(len(client.bodies) * REPLY_USD)
    other = rows.filter(outcome="wrong_model")
    assert other.height == len(client.bodies) - 20
    assert other["grade"].null_count() == other["rationale"].null_count() == other.height
    assert other.select("model_reported", "output_tokens", "reused").unique().rows() == [("cheaper", 10, False)]
    assert rows.filter(outcome="graded")["grade"].to_list() == [2] * 20  # 19 asks, one of them two pairs
    assert rows.height == other.height + 20  # nothing about what was never answered


def test_an_ask_cut_short_by_another_model_still_counts_what_it_cost() -> None:
    def answer(n: int, body: Mapping[str, object]) -> Reply:
        return reply(content="hm") if n == 0 else reply(model="cheaper")

    done = asyncio.run(judging(make_pairs(3), ScriptedClient(answer), concurrency=1))
    assert done.outcome == "other_model"
    rows = done.judgements
    assert rows["outcome"].to_list() == ["wrong_model"]
    assert rows["cost_usd"].item() == pytest.approx(2 * REPLY_USD)


def test_only_what_got_a_reply_is_handed_over_also_when_it_was_to_be_asked_again() -> None:
    no = ProviderRejectedError("too long", request_only=True)
    script: list[Reply | Exception] = [no, reply(model="cheaper"), reply(content="hm")]
    client = ScriptedClient(lambda n, body: script[n])
    done = asyncio.run(judging(make_pairs(9), client, concurrency=2))
    assert done.outcome == "other_model"
    rows = done.judgements
    assert rows.select("doc_id", "outcome").rows() == [("d1", "wrong_model"), ("d2", "failed")]
    assert rows["cost_usd"].to_list() == pytest.approx([REPLY_USD] * 2)


def test_the_certified_model_is_the_only_one_accepted() -> None:
    dated = ScriptedClient(lambda n, body: reply(model="judge-2026-01-01"))
    done = asyncio.run(judging(make_pairs(2), dated, served="judge-2026-01-01"))
    assert set(done.judgements["model_reported"]) == {"judge-2026-01-01"}
    other = asyncio.run(judging(make_pairs(2), dated, served="judge-2025-01-01"))
    with pytest.raises(ServedModelError, match="expected judge-2025-01-01"):
        other.refuse_ended()


def test_a_no_for_good_stops_everything() -> None:
    client = ScriptedClient(lambda n, body: ProviderRejectedError("bad key"))
    with pytest.raises(ProviderRejectedError, match="bad key"):
        asyncio.run(judging(make_pairs(50), client, concurrency=8))
    assert len(client.bodies) == 1


def test_a_no_to_one_text_is_a_final_answer_for_that_pair_only() -> None:
    def answer(n: int, body: Mapping[str, object]) -> Reply | Exception:
        long = "document 2" in document_of(body)
        return ProviderRejectedError("too long", request_only=True) if long else reply()

    frame = asyncio.run(judging(make_pairs(5), ScriptedClient(answer))).judgements
    assert frame["outcome"].to_list() == ["graded", "graded", "rejected", "graded", "graded"]
    assert "too long" in frame["detail"].to_list()[2]
    assert frame["model_reported"].to_list()[2] is None


def test_a_no_to_every_request_ends_the_run() -> None:
    client = ScriptedClient(lambda n, body: ProviderRejectedError("no such field", request_only=True))
    with pytest.raises(ProviderRejectedError, match=r"each of the first 20 requests.*no such field"):
        asyncio.run(judging(make_pairs(100), client, concurrency=4))
    assert len(client.bodies) <= 24


def test_an_endpoint_that_is_down_at_the_start_is_given_up_soon() -> None:
    client = ScriptedClient(lambda n, body: DOWN)
    with pytest.raises(
        ProviderUnavailableError, match=r"left 4 requests in a row unanswered.*0 of 100 replies are kept"
    ):
        asyncio.run(judging(make_pairs(100), client, concurrency=4))
    assert len(client.bodies) <= 7


def test_an_endpoint_that_goes_down_half_way_keeps_what_was_paid() -> None:
    journal = DictJournal()
    client = ScriptedClient(lambda n, body: reply() if n < 60 else DOWN)
    with pytest.raises(ProviderUnavailableError, match=r"left 20 requests in a row unanswered.*60 of 100 replies"):
        asyncio.run(judging(make_pairs(100), client, journal=journal))
    assert len(journal.replies) == 60
    back = ScriptedClient(lambda n, body: reply())
    assert asyncio.run(judging(make_pairs(100), back, journal=journal)).requests == 40


def test_single_unanswered_requests_are_failed_rows() -> None:
    client = ScriptedClient(lambda n, body: DOWN if n % 10 == 5 else reply())
    done = asyncio.run(judging(make_pairs(300), client))  # 30 in all, never 20 in a row
    assert done.judgements["outcome"].value_counts().sort("outcome")["count"].to_list() == [30, 270]
    assert done.judgements.filter(outcome="failed")["detail"].unique().to_list() == ["no answer"]
    assert done.cost_usd == pytest.approx(270 * REPLY_USD)


def test_a_request_that_never_succeeds_does_not_fail_the_next_run() -> None:
    journal = DictJournal()

    def answer(n: int, body: Mapping[str, object]) -> Reply | Exception:
        return DOWN if "document 99" in document_of(body) else reply()

    for _ in range(2):
        done = asyncio.run(judging(make_pairs(100), ScriptedClient(answer), journal=journal))
        assert done.judgements.filter(outcome="failed")["doc_id"].to_list() == ["d99"]


SHORT = make_member(parameters={"temperature": 0, "max_tokens": 10})
"""A judge whose greatest price is known: replies of ten tokens at most."""


def test_the_cap_stops_sending_and_the_journal_still_answers() -> None:
    journal = DictJournal()
    asyncio.run(judging(make_pairs(100)[90:], ScriptedClient(lambda n, body: reply()), SHORT, journal=journal))
    client = ScriptedClient(lambda n, body: reply())
    done = asyncio.run(
        judging(make_pairs(100), client, SHORT, journal=journal, concurrency=2, cap_usd=29.5 * REPLY_USD)
    )
    assert done.outcome == "cap"
    assert 25 < done.requests < 30
    frame = done.judgements
    assert frame.filter(outcome="graded").height == done.requests + 10
    assert frame.filter(outcome="over_cap").height == 90 - done.requests
    assert asyncio.run(judging(make_pairs(3), client)).outcome == "complete"


@pytest.mark.parametrize("concurrency", [1, 4, 64, 512])
def test_a_cap_cannot_be_overshot_however_many_are_under_way(concurrency: int) -> None:
    """A cap of 20 replies spent 24, 84, 276 and 532 at 4 to 512 requests at once."""
    greatest = plan(JudgingOrder(SHORT, make_pairs(1), "gate", 3), DictJournal()).cost_usd
    client = ScriptedClient(lambda n, body: reply())
    done = asyncio.run(judging(make_pairs(600), client, SHORT, concurrency=concurrency, cap_usd=20 * REPLY_USD))
    assert done.outcome == "cap"
    assert 20 * REPLY_USD - greatest <= done.cost_usd <= 20 * REPLY_USD
    assert done.cost_usd == pytest.approx(len(client.bodies) * REPLY_USD)


@pytest.mark.parametrize("concurrency", [1, 3, 16, 200])
@pytest.mark.parametrize("votes", [1, 3])
def test_a_cap_leaves_whole_queries_in_the_order_of_the_plan(concurrency: int, votes: int) -> None:
    """Twelve queries of five pairs, some of them answered before, some replies unreadable at first."""
    pairs = [make_pair(i)._replace(query_id=f"q{i // 5:02}", query=f"query {i // 5}") for i in range(60)]
    member = replace(SHORT, votes=votes, vary_seed=votes > 1)
    journal = DictJournal()
    asyncio.run(judging(pairs[7:9] + pairs[50:51], ScriptedClient(lambda n, body: reply()), member, journal=journal))
    client = ScriptedClient(lambda n, body: reply(content="hm") if n % 7 == 3 else reply())
    done = asyncio.run(
        judging(pairs, client, member, journal=journal, concurrency=concurrency, cap_usd=30 * votes * REPLY_USD,
                whole_queries=True)
    )  # fmt: skip
    assert done.outcome == "cap"
    assert done.cost_usd <= 30 * votes * REPLY_USD
    over = [
        set(rows["outcome"]) for _, rows in done.judgements.sort("query_id").group_by("query_id", maintain_order=True)
    ]
    begun = [words.isdisjoint({"over_cap"}) for words in over]
    assert 3 <= sum(begun) < 12
    assert begun == sorted(begun, reverse=True), "the first that does not fit is the last"
    asked = done.judgements.filter(~pl.col("outcome").is_in(["over_cap"]))
    assert asked.filter(~pl.col("reused")).height > 0
    unasked = done.judgements.filter(pl.col("query_id").is_in([f"q{i:02}" for i, fits in enumerate(begun) if not fits]))
    assert set(unasked.filter(~pl.col("reused"))["outcome"]) == {"over_cap"}, "no query is half labelled"


@pytest.mark.parametrize(
    ("pairs", "concurrency", "unreadable", "slack"),
    [(60, 16, lambda n: True, 1.05), (60, 16, lambda n: True, 1.5), (20, 1, lambda n: n == 0, 1.01),
     (60, 4, lambda n: n % 3 == 0, 1.2), (5, 8, lambda n: n < 5, 1.001)],
)  # fmt: skip
def test_a_query_larger_than_the_concurrency_whose_replies_must_be_asked_for_again_comes_to_an_end(
    pairs: int, concurrency: int, unreadable: Callable[[int], bool], slack: float
) -> None:
    """What its last pairs held kept its first ones from being asked again, and nobody was left to ask the last."""
    asked = [make_pair(i)._replace(query_id="q0", query="query 0") for i in range(pairs)]
    cap = slack * plan(JudgingOrder(SHORT, asked, "gate", 3), DictJournal()).cost_usd
    client = ScriptedClient(lambda n, body: reply(finish_reason="length") if unreadable(n) else reply())

    async def run() -> Judging:
        async with asyncio.timeout(20):
            return await judging(asked, client, SHORT, concurrency=concurrency, cap_usd=cap, whole_queries=True)

    done = asyncio.run(run())
    assert done.judgements.height == pairs
    assert 0 < done.cost_usd <= cap


@pytest.mark.parametrize(
    "parameters", [{"max_completion_tokens": 4000}, {"max_tokens": 900, "reasoning_effort": "low"}]
)
@pytest.mark.parametrize("whole", [True, False])
def test_replies_as_long_as_the_limit_allows_do_not_pass_the_cap(parameters: dict[str, int | str], whole: bool) -> None:
    """Held at 300 tokens a reply, it paid eleven times its cap."""
    member, pairs = make_member(parameters=parameters), make_pairs(60)
    cap = 1.01 * plan(JudgingOrder(member, pairs, "gate", 3), DictJournal()).cost_usd
    longest = next(int(value) for name, value in parameters.items() if name.startswith("max"))
    client = ScriptedClient(lambda n, body: reply(output_tokens=longest))
    done = asyncio.run(judging(pairs, client, member, concurrency=16, cap_usd=cap, whole_queries=whole))
    assert done.outcome == ("cap" if longest > 900 else "complete"), "what is planned is the limit, where that is less"
    assert done.cost_usd <= cap


def test_a_cap_of_nothing_sends_nothing_unless_the_model_is_free() -> None:
    client = ScriptedClient(lambda n, body: reply())
    assert asyncio.run(judging(make_pairs(3), client, cap_usd=0)).requests == 0
    assert client.bodies == []
    free = make_member(price=Price(0, 0, 0))
    assert asyncio.run(judging(make_pairs(3), client, free, cap_usd=0)).requests == 3


def test_cancelled_work_keeps_the_replies_under_way_and_starts_nothing_new() -> None:
    journal = DictJournal()
    client = ScriptedClient(lambda n, body: reply(), delay_s=0.05)

    async def interrupted() -> None:
        task = asyncio.create_task(judging(make_pairs(100), client, journal=journal, concurrency=8))
        while len(client.bodies) < 20:
            await asyncio.sleep(0.001)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert 20 <= len(client.bodies) == len(journal.replies) < 36


@pytest.mark.parametrize(("drain_s", "again", "kept"), [(5.0, False, 4), (0.05, False, 0), (5.0, True, 0)])
def test_replies_under_way_are_waited_for_as_long_as_the_caller_says(
    drain_s: float, again: bool, kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    journal = DictJournal()
    client = ScriptedClient(lambda n, body: reply(), delay_s=0.5)

    async def interrupted() -> None:
        task = asyncio.create_task(judging(make_pairs(9), client, journal=journal, concurrency=4, drain_s=drain_s))
        while client.under_way < 4:
            await asyncio.sleep(0.001)
        task.cancel()
        if again:
            await asyncio.sleep(0.01)
            task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert len(journal.replies) == 1 + kept  # the first one went alone
    assert ("gave up 4 requests under way" in caplog.text) is (kept == 0)


def test_a_cancel_is_heard_when_the_journal_answers_everything() -> None:
    journal = DictJournal()
    asyncio.run(judging(make_pairs(2000), ScriptedClient(lambda n, body: reply()), journal=journal))
    told: list[int] = []

    async def interrupted() -> None:
        task = asyncio.create_task(
            judging(
                make_pairs(2000),
                ScriptedClient(lambda n, body: reply()),
                journal=journal,
                progress=lambda advance: told.append(advance.done),
            )
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert max(told, default=0) < 2000


def test_a_journal_that_fails_ends_the_run_with_its_error() -> None:
    def full() -> None:
        if len(journal.replies) >= 10:
            raise OSError("disk full")

    journal = DictJournal(on_remember=full)
    client = ScriptedClient(lambda n, body: reply())
    with pytest.raises(OSError, match="disk full"):
        asyncio.run(judging(make_pairs(100), client, journal=journal))
    assert len(client.bodies) < 20
