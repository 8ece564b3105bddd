import asyncio
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from label_pipeline.core.errors import BudgetError
from label_pipeline.core.judging.engine import judge_pairs
from label_pipeline.core.judging.measured import Vote, measure
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Plan, estimate_tokens, plan, refuse_over
from label_pipeline.core.ports import Price, Reply
from label_pipeline_tests.core.judging.scripted import (
    REPLY_USD,
    DictJournal,
    ScriptedClient,
    clock,
    make_member,
    make_pair,
    make_pairs,
    reply,
)


def planned(count: int, member: Member, journal: DictJournal) -> Plan:
    return plan(JudgingOrder(member, make_pairs(count), "amplify", 0), journal)


def judged(count: int, member: Member, journal: DictJournal, client: ScriptedClient) -> int:
    work = judge_pairs(
        JudgingOrder(member, make_pairs(count), "amplify", 0), client=client, journal=journal, concurrency=4,
        run_id="r", clock=clock,
    )  # fmt: skip
    return asyncio.run(work).requests


@pytest.mark.parametrize("unreadable_every", [1, 3, 10**9])
def test_a_plan_counts_what_the_engine_sends(unreadable_every: int) -> None:
    """Before, half way and after, with replies that stay unreadable, are cured by the second attempt, or are fine."""
    member, journal = make_member(votes=2), DictJournal()

    def answer(n: int, body: object) -> Reply:
        return reply(content="hm") if n % unreadable_every == 0 else reply()

    client = ScriptedClient(answer)
    judged(10, member, journal, client)
    # Forget half: some first attempts, some second ones.
    journal.replies = dict(list(journal.replies.items())[::2])
    before = planned(20, member, journal)
    readable = ScriptedClient(lambda n, body: reply())
    assert judged(20, member, journal, readable) == before.requests > 0
    assert before.requests + before.answered == 40
    after = planned(20, member, journal)
    assert (after.requests, after.answered, after.cost_usd) == (0, 40, 0.0)


def test_identical_texts_are_planned_once_and_customer_text_outside_not_at_all() -> None:
    pairs = [make_pair(0)._replace(doc_id=f"copy{i}") for i in range(5)] + [make_pair(1, customer=True)]
    outside = plan(JudgingOrder(make_member(), pairs, "gate", 0), DictJournal())
    assert (outside.pairs, outside.requests, outside.skipped_customer) == (5, 1, 1)
    inside = plan(JudgingOrder(make_member(inside=True), pairs, "gate", 0), DictJournal())
    assert (inside.pairs, inside.requests, inside.skipped_customer) == (6, 2, 0)


def test_the_price_of_a_plan_is_its_tokens_at_full_price() -> None:
    made = planned(10, make_member(parameters={"max_tokens": 50}), DictJournal())
    assert made.output_tokens == 500
    assert made.cost_usd == pytest.approx((made.input_tokens * 1.0 + 500 * 4.0) / 1e6)


@pytest.mark.parametrize(
    ("parameters", "tokens"),
    [
        ({}, 5300),  # nothing says that it does not reason
        ({"reasoning_effort": "none"}, 300),
        ({"max_tokens": 100}, 100),
        ({"max_completion_tokens": 5000}, 300),
        ({"reasoning_effort": "low"}, 2300),
        ({"reasoning": {"effort": "low"}}, 2300),  # as OpenRouter has it
        ({"reasoning_effort": "low", "max_completion_tokens": 1000}, 1000),
        ({"reasoning_effort": "new"}, 15300),
    ],
)
def test_the_reply_is_estimated_within_its_limit(parameters: dict[str, object], tokens: int) -> None:
    made = planned(1, make_member(parameters=parameters), DictJournal())
    assert made.output_tokens == tokens
    assert f"{tokens} tokens a reply" in made.notes[0]


def test_a_plan_without_a_stated_limit_says_so() -> None:
    assert "states neither max_tokens" in planned(1, make_member(parameters={}), DictJournal()).notes[-1]
    stated = planned(1, make_member(parameters={"max_tokens": 300}), DictJournal())
    assert not any("states neither" in note for note in stated.notes)


def test_a_plan_counts_only_replies_of_the_certified_model() -> None:
    member, journal = make_member(), DictJournal()
    judged(5, member, journal, ScriptedClient(lambda n, body: reply(model="judge-2026-01-01")))
    for served, requests in ((None, 0), ("judge-2026-01-01", 0), ("judge-2026-02-02", 5)):
        made = plan(JudgingOrder(member, make_pairs(5), "gate", 0, served=served), journal)
        assert (made.requests, made.answered) == (requests, 5 - requests)


def test_the_token_estimate_is_high() -> None:
    # Counts of OpenAI's o200k tokeniser: 14 for the sentence, 17 for the Japanese one.
    assert 14 < estimate_tokens("The quick brown fox jumps over the lazy dog, and then sleeps.") < 28
    assert 17 < estimate_tokens("素早い茶色の狐がのろまな犬を飛び越え、それから眠る。") < 34
    body = make_member().body(make_pair(), 0, 0)
    assert planned(1, make_member(), DictJournal()).input_tokens > len(json.dumps(body)) / 4.5


def test_plans_add_up() -> None:
    one, two = planned(3, make_member(), DictJournal()), planned(5, make_member(name="b"), DictJournal())
    total = sum([one, two])
    assert isinstance(total, Plan)
    assert (total.pairs, total.requests) == (8, 8)
    assert total.cost_usd == pytest.approx(one.cost_usd + two.cost_usd)
    assert total.notes == one.notes + two.notes
    assert (one + one).notes == one.notes


def test_a_plan_over_the_cap_is_refused_with_its_figures() -> None:
    made = Plan(requests=7, input_tokens=70, output_tokens=7, cost_usd=2.5)
    refuse_over(made, 2.5, "amplify")
    with pytest.raises(
        BudgetError, match=r"amplify: the plan costs about 2\.5000 US dollars \(7 requests.*cap is 2\.0000"
    ):
        refuse_over(made, 2.0, "amplify")


def test_an_unknown_price_is_refused_even_without_a_cap() -> None:
    made = planned(1, make_member(price=Price(math.nan, math.nan, math.nan)), DictJournal())
    with pytest.raises(BudgetError, match="no known price"):
        refuse_over(made, math.inf, "amplify")


def test_a_waste_is_said() -> None:
    made = planned(1, make_member(votes=3, vary_seed=False), DictJournal())
    assert "3 votes that will be equal" in made.notes[1]


def votes(member: Member, count: int, **took: int) -> list[Vote]:
    given = {"input_tokens": 100, "cached_tokens": 20, "output_tokens": 10, "requests": 1, **took}
    return [Vote(pair, **given) for pair in make_pairs(count)]


def test_a_plan_is_made_of_what_the_members_own_replies_took() -> None:
    member = make_member(parameters={"temperature": 0, "max_tokens": 50})
    by_bytes = plan(JudgingOrder(member, make_pairs(400), "amplify", 0), DictJournal())
    found = measure(member, votes(member, 400))
    assert found is not None
    made = plan(JudgingOrder(member, make_pairs(400), "amplify", 0), DictJournal(), found)
    assert made.requests == by_bytes.requests == 400
    bill = 400 * REPLY_USD
    assert bill < made.cost_usd < 1.05 * bill
    assert by_bytes.cost_usd > 2 * bill
    assert "400 replies of its own" in made.notes[0]


def test_replies_that_were_asked_again_are_in_the_plan() -> None:
    """Planned as if every reply were readable at once, a judge that is asked twice costs twice the plan."""
    member = make_member(parameters={"temperature": 1}, vary_seed=True, read_attempts=3)
    found = measure(member, votes(member, 100, input_tokens=200, cached_tokens=40, output_tokens=20, requests=2))
    assert found is not None
    assert (found.requests, found.output_tokens) == (2.0, 10.0)
    made = plan(JudgingOrder(member, make_pairs(100), "amplify", 0), DictJournal(), found)
    assert made.cost_usd > 200 * REPLY_USD


@pytest.mark.parametrize(("measured", "asked", "spread"), [(500, 60, 0.8), (200, 200, 0.8), (200, 400, 1.0)])
def test_few_bills_are_above_their_plan(measured: int, asked: int, spread: float) -> None:
    """Of lognormal replies, two standard errors of the measured mean alone were passed by a quarter of the bills."""
    member, rng, passed, trials = make_member(parameters={"max_tokens": 100}), np.random.default_rng(3), 0, 300
    for _ in range(trials):
        lengths = np.exp(rng.normal(3, spread, measured + asked)).astype(int) + 1
        shown = [replace(vote, output_tokens=int(tokens)) for vote, tokens in
                 zip(votes(member, 40) * 13, lengths[:measured], strict=False)]  # fmt: skip
        found = measure(member, shown)
        assert found is not None
        planned = asked * found.output_tokens * found.above(found.output_spread, asked)
        passed += lengths[measured:].sum() > planned
    assert passed / trials < 0.08


@pytest.mark.parametrize("given", [votes(make_member(), 19), votes(make_member(), 100, input_tokens=0), []])
def test_too_few_replies_or_no_tokens_measure_nothing(given: list[Vote]) -> None:
    assert measure(make_member(), given) is None


def test_nothing_to_send_costs_nothing_however_it_is_planned() -> None:
    member = make_member()
    found = measure(member, votes(member, 100))
    assert plan(JudgingOrder(member, [], "amplify", 0), DictJournal(), found).cost_usd == 0
