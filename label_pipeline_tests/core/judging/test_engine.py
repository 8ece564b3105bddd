"""What becomes of a pair: votes, provenance, the journal first, unreadable replies asked again, boundaries."""

import asyncio
import json
from collections.abc import Mapping

import pytest

from label_pipeline.core.boundary import WITHHELD
from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError
from label_pipeline.core.judging.advance import Advance
from label_pipeline.core.ports import Reply
from label_pipeline_tests.core.judging.scripted import (
    NOW,
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


def test_every_pair_gets_its_votes_in_order_and_full_provenance() -> None:
    client = ScriptedClient(lambda n, body: reply(int(str(body.get("seed", 0))) % 4))
    pairs = make_pairs(5)
    done = asyncio.run(judging(pairs, client, make_member(votes=3)))
    frame = done.judgements
    assert frame.schema == JUDGEMENTS.schema
    assert frame["doc_id"].to_list() == [f"d{i}" for i in range(5) for _ in range(3)]
    assert frame["sample_index"].to_list() == [0, 1, 2] * 5
    assert frame["grade"].to_list() == [0, 1, 2] * 5
    assert done.requests == len(client.bodies) == 15
    assert done.cost_usd == pytest.approx(15 * REPLY_USD) == frame["cost_usd"].sum()
    assert frame["request_key"].n_unique() == 15
    row = frame.row(0, named=True)
    assert {name: row[name] for name in ("purpose", "epoch", "run_id", "member", "position", "attempt", "reused")} == {
        "purpose": "gate", "epoch": 3, "run_id": "run", "member": "a", "position": 0, "attempt": 0, "reused": False,
    }  # fmt: skip
    assert (row["rationale"], row["model_reported"], row["fingerprint"]) == ("because", "judge", "fp")
    assert (row["input_tokens"], row["cached_tokens"], row["output_tokens"], row["latency_s"]) == (100, 20, 10, 0.5)
    assert row["judged_at"] == NOW


def test_no_pairs_are_no_requests() -> None:
    client = ScriptedClient(lambda n, body: reply())
    assert asyncio.run(judging([], client)).judgements.height == 0
    assert client.bodies == []


def test_the_journal_answers_first_and_costs_nothing() -> None:
    journal = DictJournal()
    first = asyncio.run(judging(make_pairs(300), ScriptedClient(lambda n, body: reply(n % 4)), journal=journal))
    client = ScriptedClient(lambda n, body: reply(0))
    second = asyncio.run(judging(make_pairs(301), client, journal=journal))
    assert second.requests == len(client.bodies) == 1
    assert second.judgements["grade"].to_list()[:300] == first.judgements["grade"].to_list()
    assert second.judgements["reused"].to_list() == [True] * 300 + [False]
    assert second.judgements["input_tokens"].to_list() == [100] * 301
    assert second.cost_usd == pytest.approx(REPLY_USD) == second.judgements["cost_usd"].sum()


def test_identical_texts_are_sent_once_and_share_the_grade() -> None:
    same = [make_pair(0)._replace(doc_id=f"copy{i}") for i in range(9)]
    # The zero-width space is not shown to the judge: the request is the same.
    same.append(make_pair(0, "docu\u200bment 0")._replace(doc_id="invisible"))
    client = ScriptedClient(lambda n, body: reply(3))
    done = asyncio.run(judging([*same, make_pair(1)], client))
    assert done.requests == len(client.bodies) == 2
    assert done.judgements["grade"].to_list() == [3] * 11
    assert done.judgements["request_key"].n_unique() == 2
    assert done.judgements["cost_usd"].sum() == pytest.approx(2 * REPLY_USD)
    assert done.judgements["reused"].to_list() == [False] + [True] * 9 + [False]


def test_an_unreadable_reply_is_asked_again_and_every_attempt_is_paid() -> None:
    def answer(n: int, body: Mapping[str, object]) -> Reply:
        return reply(3) if body.get("seed") == 1000 else reply(content="hm")

    client = ScriptedClient(answer)
    journal = DictJournal()
    done = asyncio.run(judging(make_pairs(2), client, journal=journal))
    frame = done.judgements
    assert frame["grade"].to_list() == [3, 3]
    assert frame["attempt"].to_list() == [1, 1]
    assert done.requests == 4
    assert frame["cost_usd"].to_list() == pytest.approx([2 * REPLY_USD] * 2)
    assert frame["output_tokens"].to_list() == [20, 20]
    assert done.cost_usd == pytest.approx(4 * REPLY_USD)
    assert len(journal.replies) == 4
    assert set(frame["request_key"]) < set(journal.replies)
    again = asyncio.run(judging(make_pairs(2), client, journal=journal))
    assert again.requests == 0
    assert again.judgements["grade"].to_list() == [3, 3]
    assert again.judgements["reused"].to_list() == [True, True]


@pytest.mark.parametrize(
    ("unreadable", "outcome"),
    [
        (reply(content="no json"), "malformed"),
        (reply(finish_reason="length"), "cut"),
        (reply(7), "out_of_scale"),
    ],
)
def test_what_stays_unreadable_is_a_row_without_a_grade(unreadable: Reply, outcome: str) -> None:
    client = ScriptedClient(lambda n, body: unreadable)
    frame = asyncio.run(judging(make_pairs(1), client, make_member(read_attempts=3))).judgements
    assert (frame["outcome"].item(), frame["grade"].item(), frame["attempt"].item()) == (outcome, None, 2)
    assert frame["detail"].item()
    assert len(client.bodies) == 3


def test_a_refusal_is_not_asked_again() -> None:
    client = ScriptedClient(lambda n, body: reply(refusal="I cannot"))
    frame = asyncio.run(judging(make_pairs(1), client)).judgements
    assert (frame["outcome"].item(), len(client.bodies)) == ("refused", 1)


def test_a_deterministic_body_is_not_sent_twice() -> None:
    client = ScriptedClient(lambda n, body: reply(content="hm"))
    asyncio.run(judging(make_pairs(1), client, make_member(vary_seed=False)))
    assert len(client.bodies) == 1
    warm = make_member(vary_seed=False, parameters={"temperature": 1})
    asyncio.run(judging(make_pairs(1), client, warm))
    assert len(client.bodies) == 3  # without a seed the second attempt has a key of its own all the same


def test_at_most_concurrency_requests_are_under_way_and_the_first_goes_alone() -> None:
    together: list[int] = []
    client = ScriptedClient(lambda n, body: reply(), delay_s=0.005)
    original = client.complete

    async def complete(body: Mapping[str, object]) -> Reply:
        together.append(client.under_way)
        return await original(body)

    client.complete = complete  # type: ignore[method-assign]  # counts, then does the real thing
    asyncio.run(judging(make_pairs(50), client, concurrency=7))
    assert client.most_under_way == 7
    assert together[:2] == [0, 0]


def test_customer_text_never_leaves_the_boundary() -> None:
    client = ScriptedClient(lambda n, body: reply())
    mixed = [make_pair(0), make_pair(1, customer=True)]
    with pytest.raises(ValueError, match="1 customer pairs would leave"):
        asyncio.run(judging(mixed, client))
    assert client.bodies == []
    frame = asyncio.run(judging(mixed, client, make_member(inside=True))).judgements
    assert frame["rationale"].to_list() == ["because", None]  # a rationale may quote the document


def test_a_providers_error_about_customer_text_is_not_kept() -> None:
    def refuse(n: int, body: object) -> Reply:
        raise ProviderRejectedError("cannot read 'secret sentence'", request_only=True)

    mixed = [make_pair(0), make_pair(1, customer=True)]
    frame = asyncio.run(judging(mixed, ScriptedClient(refuse), make_member(inside=True))).judgements
    assert frame["outcome"].to_list() == ["rejected", "rejected"]
    ours, theirs = frame["detail"].to_list()
    assert "secret" in ours
    assert theirs == WITHHELD


def test_our_own_words_about_customer_text_are_kept() -> None:
    """A pair over the cap was never sent, so its detail quotes nobody."""
    client = ScriptedClient(lambda n, body: reply())
    frame = asyncio.run(judging([make_pair(1, customer=True)], client, make_member(inside=True), cap_usd=0)).judgements
    assert frame["outcome"].to_list() == ["over_cap"]
    assert frame["detail"].to_list() != [WITHHELD]


def test_progress_counts_pairs_with_all_their_votes() -> None:
    told: list[Advance] = []
    client = ScriptedClient(lambda n, body: reply())
    pairs = [*make_pairs(3), make_pair(0)._replace(doc_id="copy")]
    asyncio.run(judging(pairs, client, make_member(votes=2), progress=told.append))
    assert (told[-1].done, told[-1].total) == (4, 4)
    assert told[-1].cost_usd == pytest.approx(6 * REPLY_USD)
    assert [now.done for now in told] == sorted({now.done for now in told})
    assert not any(now.ungraded for now in told)


def test_progress_tells_what_gave_no_grade_as_it_happens() -> None:
    told: list[Advance] = []
    client = ScriptedClient(lambda n, body: reply("none" if "document 1" in document_of(body) else 2))
    pairs = make_pairs(3)
    asyncio.run(judging(pairs, client, make_member(votes=2), concurrency=1, progress=told.append))
    assert [(now.done, sum(now.ungraded.values())) for now in told] == [(1, 0), (2, 2), (3, 2)]
    assert {outcome for outcome, count in told[-1].ungraded.items() if count} == {"malformed"}


def test_the_body_sent_is_the_body_of_the_key() -> None:
    client = ScriptedClient(lambda n, body: reply())
    member = make_member()
    asyncio.run(judging(make_pairs(3), client, member))
    sent = sorted(json.dumps(body, sort_keys=True) for body in client.bodies)
    assert sent == sorted(json.dumps(member.body(pair, 0, 0), sort_keys=True) for pair in make_pairs(3))
