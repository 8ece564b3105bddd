"""Where an answer stands in what real endpoints send; no grade is repaired on the way."""

import json
from typing import Any

import pytest

from label_pipeline.adapters.journal import reply_of, reply_text
from label_pipeline.adapters.openai_replies import parse_reply
from label_pipeline.core.judging.reply import read_reply
from label_pipeline.core.ports import Reply
from label_pipeline_tests.core.judging.scripted import chat_answer, make_member, make_pair

GRADE = '{"rationale": "because", "grade": 2}'
MEMBER = make_member()
BODY = MEMBER.body(make_pair(), 0, 0)


def received(finish: str = "stop", **message: Any) -> Reply:
    answer = json.loads(json.dumps(chat_answer(2)))
    [choice] = answer["choices"]
    choice["message"] |= message
    choice["finish_reason"] = finish
    return parse_reply(answer, BODY, None, 0.1, "host")


def part(text: object, kind: str = "text") -> dict[str, object]:
    return {"type": kind, "text": text}


@pytest.mark.parametrize(
    ("message", "found_in"),
    [
        ({"content": GRADE}, None),
        ({"content": f"\ufeff{GRADE}"}, None),
        ({"content": [part(GRADE)]}, "parts"),
        ({"content": [part(GRADE[:9]), part(GRADE[9:])]}, "parts"),
        # Mistral's magistral: thoughts are a part of their own
        ({"content": [{"type": "thinking", "thinking": [part('{"grade": 0}')]}, part(GRADE)]}, "parts"),
        ({"content": f"<think>\nIt says {{\"grade\": 0}}.\n</think>\n\n{GRADE}"}, "after_think"),
        ({"content": f"\ufeff<think></think>{GRADE}"}, "after_think"),
        ({"content": [part(f"<think>so</think>{GRADE}")]}, "parts after_think"),
        # vLLM with a reasoning parser and a grammar
        ({"content": None, "reasoning_content": GRADE}, "reasoning_content"),
        # DeepSeek's reasoner: thoughts beside the answer are no answer
        ({"content": GRADE, "reasoning_content": '{"rationale": "first", "grade": 0}'}, None),
        ({"content": f"```json\n{GRADE}\n```"}, None),
    ],
)  # fmt: skip
def test_the_answer_is_read_where_it_is_and_the_place_is_kept(message: dict[str, Any], found_in: str | None) -> None:
    reply = received(**message)
    assert read_reply(reply, MEMBER.scale).grade == 2
    assert reply.found_in == found_in
    assert reply_of(reply_text(reply)) == reply, "the journal keeps it"


@pytest.mark.parametrize(
    "message",
    [
        {"content": "", "reasoning_content": GRADE}, {"content": None, "reasoning_content": None},
        {"content": f"<think>a</think><think>b</think>{GRADE}"}, {"content": f"<think>{GRADE}"},
        {"content": f"{GRADE}<think>was that right?</think>"}, {"content": f"so</think>{GRADE}"},
        {"content": f"I <think>so</think>{GRADE}"}, {"content": f"<think>{GRADE}</think>"},
        {"content": [part(GRADE, "thinking")]}, {"content": [part(7)]}, {"content": []}, {"content": {"text": GRADE}},
        {"content": [GRADE]}, {"content": None, "reasoning_content": f"hm, {GRADE}"},
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_looked_for_elsewhere(message: dict[str, Any]) -> None:
    assert read_reply(received(**message), MEMBER.scale).outcome == "malformed"


def test_a_refusal_and_a_cut_stay_what_they_are() -> None:
    refused = received(content=None, refusal="I can't", reasoning_content=GRADE)
    assert read_reply(refused, MEMBER.scale).outcome == "refused"
    assert read_reply(received("length", content=None, reasoning_content=GRADE), MEMBER.scale).outcome == "cut"


def test_a_reply_of_an_older_journal_is_read() -> None:
    old = json.loads(reply_text(received(content=GRADE)))
    del old["found_in"], old["short_count"]
    assert reply_of(json.dumps(old)) == received(content=GRADE)
