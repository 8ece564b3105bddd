"""The shape of a request: what each setting changes in the body and in the hash, and what none changes."""

import json

import pytest

from label_pipeline.core.judging.reply import read_reply
from label_pipeline.core.judging.shape import Shape
from label_pipeline_tests.core.judging.scripted import make_member, make_pair, reply

PLAIN = make_member()


@pytest.mark.parametrize(
    "change",
    [
        {"reply_format": "json_object"}, {"reply_format": "text"}, {"system_role": "developer"},
        {"system_role": "fold"}, {"query": {"api-version": "1"}}, {"query": {"api-version": "2"}},
        {"headers": {"x-beta": "env:BETA"}}, {"headers": {"x-beta": "on"}},
    ],
)  # fmt: skip
def test_each_setting_of_the_shape_is_another_member(change: dict[str, object]) -> None:
    others = [Shape(), Shape(query={"api-version": "3"}), Shape(headers={"x-beta": "off"})]
    shape = Shape(**change)  # type: ignore[arg-type]  # one field a test
    assert make_member(shape=shape).member_hash not in {make_member(shape=other).member_hash for other in others}


def test_the_plain_shape_is_the_member_there_was() -> None:
    assert make_member(shape=Shape()).member_hash == PLAIN.member_hash
    assert make_member(top_logprobs=20).member_hash == PLAIN.member_hash


@pytest.mark.parametrize(("given", "sent"), [("json_object", {"type": "json_object"}), ("text", None)])
def test_without_a_schema_in_a_field_the_prompt_holds_it_and_says_json(given: str, sent: object) -> None:
    body = make_member(shape=Shape(reply_format=given)).body(make_pair(), 0, 0)  # type: ignore[arg-type]  # a word
    assert body.get("response_format") == sent
    assert ("response_format" in body) is (sent is not None)
    messages = body["messages"]
    assert isinstance(messages, list)
    said = messages[0]["content"]
    assert said.startswith(PLAIN.system.rstrip())
    assert "one JSON object and nothing else" in said
    schema = json.loads(said[said.index('{"type"') :])
    assert list(schema["properties"]) == ["rationale", "grade"]
    assert schema["properties"]["grade"]["enum"] == [0, 1, 2, 3]


def test_the_system_text_has_another_role_or_opens_the_user_s_message() -> None:
    def messages(role: str) -> list[dict[str, str]]:
        body = make_member(shape=Shape(system_role=role)).body(make_pair(), 0, 0)  # type: ignore[arg-type]  # a word
        found = body["messages"]
        assert isinstance(found, list)
        return found

    assert [message["role"] for message in messages("developer")] == ["developer", "user"]
    assert messages("developer")[0]["content"] == PLAIN.system
    [folded] = messages("fold")
    assert folded["role"] == "user"
    assert folded["content"].startswith(PLAIN.system.rstrip() + "\n\n<query-")
    assert "document 0" in folded["content"]


def test_an_endpoint_that_gives_few_alternatives_is_asked_for_no_more() -> None:
    assert make_member(logprobs=True, top_logprobs=5).body(make_pair(), 0, 0)["top_logprobs"] == 5
    stated = make_member(logprobs=True, top_logprobs=5, parameters={"top_logprobs": 3})
    assert stated.body(make_pair(), 0, 0)["top_logprobs"] == 3
    assert "top_logprobs" not in make_member(top_logprobs=5).body(make_pair(), 0, 0)


def test_a_description_tells_the_shape() -> None:
    told = make_member(shape=Shape("text", "fold", {"v": "1"}, {"x": "env:X"})).describe()
    assert told["shape"] == {
        "reply_format": "text", "system_role": "fold", "query": {"v": "1"}, "graded_headers": {"x": "env:X"},
    }  # fmt: skip


GRADE = '{"rationale": "because", "grade": 2}'


@pytest.mark.parametrize(
    ("content", "grade"),
    [
        (GRADE, 2), (f"  \n{GRADE}\n", 2), (f"```json\n{GRADE}\n```", 2), (f"```\n{GRADE}\n```", 2),
        (f"```JSON\n{GRADE}```", 2),
        (f"Here it is: {GRADE}", None), (f"{GRADE}\nI hope this helps.", None), (f"{GRADE}\n{GRADE}", None),
        (f"```json\n{GRADE}\n```\n```json\n{GRADE}\n```", None), (f"```json\n{GRADE}", None),
        (f"So:\n```json\n{GRADE}\n```", None), (f"[{GRADE}]", None), ('{"grade": "2"}', None), ('{"grade": 2.0}', None),
        ('{"grade": NaN}', None), ("2", None), ("Grade: 2", None), ('{"grade": 2, "grade": 3}', None),
    ],
)  # fmt: skip
def test_text_is_one_object_alone_or_in_one_fence(content: str, grade: int | None) -> None:
    reading = read_reply(reply(content=content), PLAIN.scale)
    assert reading.grade == grade
    assert (reading.outcome == "graded") is (grade is not None)
