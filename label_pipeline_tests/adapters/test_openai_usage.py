"""Token counts from outside: whole, finite, possible, or our own; never free, never negative."""

import json
import math
import random

import pytest

from label_pipeline.adapters.journal import reply_of, reply_text
from label_pipeline.adapters.openai_replies import parse_reply
from label_pipeline.adapters.openai_usage import MAX_TOKENS, usage_of
from label_pipeline.core.judging.plan import MESSAGE_TOKENS
from label_pipeline.core.judging.reply import expected_grade, read_reply
from label_pipeline.core.ports import Price, TokenChoice
from label_pipeline.core.scale import Scale
from label_pipeline_tests.core.judging.scripted import chat_answer, make_member, make_pair

SENT, RECEIVED = "a document of words " * 20, '{"rationale": "because", "grade": 2}'
OURS = MESSAGE_TOKENS + math.ceil(len(SENT) / 3)
BODY = make_member().body(make_pair(), 0, 0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"prompt_tokens": 800, "completion_tokens": 40, "total_tokens": 840}, (800, 0, 40)),
        # xAI's documented example: 94 reasoning tokens are in the total only
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
          "completion_tokens_details": {"reasoning_tokens": 94}}, (32, 0, 103)),
        # Gemini's compatible endpoint: thoughts in the total only
        ({"prompt_tokens": 800, "completion_tokens": 40, "total_tokens": 2300}, (800, 0, 1500)),
        # DeepSeek's name for cached
        ({"prompt_tokens": 800, "completion_tokens": 40, "prompt_cache_hit_tokens": 640}, (800, 640, 40)),
        ({"prompt_tokens": 812.0, "completion_tokens": 40.0}, (812, 0, 40)),
        ({"prompt_tokens": 100, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 900}},
         (100, 0, 40)),
    ],
)  # fmt: skip
def test_counts_of_real_providers(found: dict[str, object], expected: tuple[int, int, int]) -> None:
    usage = usage_of(found, SENT, RECEIVED)
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == expected
    assert not usage.estimated


@pytest.mark.parametrize(
    "found",
    [{}, {"total_tokens": 900}, {"prompt_tokens": "812", "completion_tokens": None}, {"prompt_tokens": -1},
     {"prompt_tokens": 1}, {"prompt_tokens": math.nan}, {"prompt_tokens": True}, {"prompt_tokens": 10**30},
     {"prompt_tokens": 812.5}],
)  # fmt: skip
def test_what_is_no_count_is_our_estimate_and_said(found: dict[str, object]) -> None:
    usage = usage_of(found, SENT, RECEIVED)
    assert usage == (OURS, 0, math.ceil(len(RECEIVED) / 3), True)


def test_a_count_twenty_times_too_low_is_not_believed() -> None:
    assert usage_of({"prompt_tokens": len(SENT) // 90, "completion_tokens": 12}, SENT, RECEIVED).input_tokens == OURS


def anything(draw: random.Random, depth: int = 0) -> object:
    """Any JSON value, also what Python's reader accepts beside it."""
    kinds = [None, True, draw.randrange(-5, 5000), draw.uniform(-1e4, 1e4), math.nan, math.inf, -math.inf, 10**400,
             "", "812", "é" * 3]  # fmt: skip
    if depth < 3 and draw.random() < 0.4:
        return [anything(draw, depth + 1) for _ in range(draw.randrange(3))]
    if depth < 3 and draw.random() < 0.4:
        return {str(draw.choice(NAMES)): anything(draw, depth + 1) for _ in range(draw.randrange(5))}
    return draw.choice(kinds)


NAMES = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens",
         "prompt_cache_hit_tokens", "token", "logprob", "top_logprobs", "content", "x")  # fmt: skip


def test_whatever_an_endpoint_sends_costs_and_grades_are_finite() -> None:
    """A NaN log-probability became a grade, 800 ended the run, usage made the spend -$1.35."""
    draw, price, scale = random.Random(1), Price(3.0, 0.75, 15.0), Scale(0, 3)
    for _ in range(3000):
        answer = chat_answer(2)
        answer["usage"] = {name: anything(draw) for name in draw.sample(NAMES[:6], draw.randrange(7))}
        top = [{"token": draw.choice("0123"), "logprob": draw.choice([anything(draw), -0.1, 800, -9999])}
               for _ in range(3)]  # fmt: skip
        last = {"token": "2", "logprob": draw.choice([anything(draw), -0.2]), "top_logprobs": top}
        choices = answer["choices"]
        assert isinstance(choices, list)
        choices[0]["logprobs"] = {"content": [last]}
        answer["created"], answer["provider"] = anything(draw), anything(draw)
        received = parse_reply(json.loads(json.dumps(answer)), BODY, None, 0.1, "host")
        assert 0 <= received.cached_tokens <= received.input_tokens <= MAX_TOKENS
        assert 0 < received.output_tokens <= MAX_TOKENS
        assert all(math.isfinite(p) for token in received.tokens for _, p in token.alternatives)
        assert reply_of(reply_text(received)) == received
        cost = price.cost_usd(received.input_tokens, received.cached_tokens, received.output_tokens)
        assert 0 < cost < math.inf
        reading = read_reply(received, scale)
        assert reading.grade == 2
        assert reading.expected_grade is None or 0 <= reading.expected_grade <= 3


@pytest.mark.parametrize("logprob", [math.nan, 800.0, math.inf])
def test_a_journal_of_an_older_version_with_such_a_number_has_no_expected_grade(logprob: float) -> None:

    assert expected_grade((TokenChoice("2", (("2", logprob), ("1", -1.0))),), 2, Scale(0, 3)) == (None, None)
