"""A candidate whose first replies hold no grade is asked no more: what it said is booked, the reason names the key."""

import asyncio
import dataclasses
import re

import pytest

from label_pipeline.core.errors import NoGradesError
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.first_replies import FEWEST_TEXTS, MOST
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.ports import Reply
from label_pipeline_tests.core.judging.scripted import (
    REPLY_USD,
    DictJournal,
    ScriptedClient,
    clock,
    document_of,
    make_member,
    make_pairs,
    reply,
)


def asked(client: ScriptedClient, *, gives_up: int | None = MOST, votes: int = 1, attempts: int = 2) -> Judging:
    member = dataclasses.replace(make_member(votes=votes), read_attempts=attempts)
    order = JudgingOrder(member, make_pairs(100), "calibrate", 3, gives_up=gives_up)
    return asyncio.run(
        judge_pairs(order, client=client, journal=DictJournal(), concurrency=1, run_id="run", clock=clock)
    )


def nothing(n: int, body: object) -> Reply:
    return reply("no grade")


def test_twenty_replies_are_enough_of_100_pairs_and_each_is_booked() -> None:
    done = asked(ScriptedClient(nothing))
    assert done.outcome == "no_grades"
    assert done.requests == MOST
    assert done.cost_usd == pytest.approx(MOST * REPLY_USD) == done.judgements["cost_usd"].sum()
    assert done.judgements["outcome"].to_list() == ["malformed"] * (MOST // 2)
    with pytest.raises(
        NoGradesError, match=r"the first 20 replies of .* hold no grade, most of them malformed .*reply_format"
    ):
        done.refuse_ended()


def test_one_grade_among_them_and_all_are_asked() -> None:
    done = asked(ScriptedClient(lambda n, body: reply(2 if n == 9 else "none")), attempts=1)
    assert (done.outcome, done.requests) == ("complete", 100)


def test_votes_on_two_texts_are_two_texts_however_many_replies_they_are() -> None:
    """Twenty replies on the first two texts hold no grade; every other text has one."""
    unread = re.compile(r"document [01]\b")
    client = ScriptedClient(lambda n, body: reply("none" if unread.search(document_of(body)) else 2))
    done = asked(client, votes=5)
    assert done.outcome == "complete"
    assert done.judgements["outcome"].value_counts().sort("outcome").rows() == [("graded", 490), ("malformed", 10)]
    five_votes = asked(ScriptedClient(nothing), votes=5)
    assert (five_votes.outcome, five_votes.requests) == ("no_grades", 2 * (5 * (FEWEST_TEXTS - 1) + 1))


def test_whoever_is_measured_is_asked_everything() -> None:
    done = asked(ScriptedClient(nothing), gives_up=None)
    assert (done.outcome, done.requests) == ("complete", 200)


def test_a_reply_cut_at_its_limit_names_the_limit() -> None:
    done = asked(ScriptedClient(lambda n, body: reply("", content="{", finish_reason="length")))
    with pytest.raises(NoGradesError, match="max_tokens"):
        done.refuse_ended()
