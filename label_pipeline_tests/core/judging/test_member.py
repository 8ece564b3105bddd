import json
from dataclasses import fields, replace

import pytest

from label_pipeline.core.errors import SettingsError
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.prompt import PromptTemplate
from label_pipeline.core.judging.request_key import request_key
from label_pipeline.core.ports import Price
from label_pipeline_tests.core.judging.scripted import make_member, make_pair, make_rubric


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "other"},
        {"model": "judge-2"},
        {"prompt": PromptTemplate("p", "{{rubric}}!", "{{query}}\n{{document}}\nGrade it.")},
        {"prompt": PromptTemplate("p", "{{rubric}}", "{{query}}\n{{document}}\nGrade.")},
        {"prompt": PromptTemplate("p", "{{rubric}}", "{{query}}\n{{document}}\nGrade it.", 100)},
        {"rubric": make_rubric(0, 4)},
        {"rubric": replace(make_rubric(), task="Grade.")},
        {"parameters": {"temperature": 1}},
        {"votes": 3},
        {"logprobs": True},
        {"vary_seed": False},
        {"read_attempts": 3},
    ],
)
def test_whatever_can_change_a_grade_is_in_the_hash(change: dict[str, object]) -> None:
    assert make_member(**change).member_hash != make_member().member_hash


@pytest.mark.parametrize(
    "change",
    [
        {"name": "b"},
        {"inside": True},
        {"price": Price(9, 9, 9)},
        {"served_as": ("x",)},
        {"prompt": PromptTemplate("renamed", "{{rubric}}", "{{query}}\n{{document}}\nGrade it.")},
        {"rubric": replace(make_rubric(), name="renamed")},
    ],
)
def test_labels_and_prices_are_not_in_the_hash(change: dict[str, object]) -> None:
    assert make_member(**change).member_hash == make_member().member_hash


class OtherBlocks(PromptTemplate):
    def render_user(self, query: str, document: str, context: str, salt: str) -> str:
        return super().render_user(query, document, context, salt).replace("<document-", "<text-")


class OtherSight(PromptTemplate):
    def shown(self, query: str, document: str) -> tuple[str, str]:
        return query, document.replace("\u200b", "")


class OtherSchema(Member):
    @property
    def _response_format(self) -> dict[str, object]:  # as a later version would have it
        return {"type": "json_object"}


@pytest.mark.parametrize("prompt", [OtherBlocks, OtherSight])
def test_another_way_of_rendering_is_another_member(prompt: type[PromptTemplate]) -> None:
    texts = make_member().prompt
    changed = prompt(texts.name, texts.system, texts.user)
    assert make_member(prompt=changed).member_hash != make_member().member_hash


def test_another_schema_is_another_member() -> None:
    member = make_member()
    changed = OtherSchema(**{part.name: getattr(member, part.name) for part in fields(member)})
    assert changed.member_hash != member.member_hash


def test_the_hash_of_a_member_is_pinned() -> None:
    """Fails when our own rendering, schema or READING_VERSION changes: every certificate and calibration then ends.

    Where that is meant, pin the new value.
    """
    assert make_member().member_hash == "433a35cfde26aa0b235b32e8cd829eb4f1a06712e55d9de351461e345fdb7a96"


def test_a_body_asks_for_the_schema_and_carries_the_parameters() -> None:
    body = make_member(parameters={"temperature": 0, "max_tokens": 50}).body(make_pair(), 0, 0)
    assert body["model"] == "judge"
    assert body["temperature"] == 0
    assert body["max_tokens"] == 50
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "judgement",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {
                    "rationale": {"type": "string"},
                    "grade": {"type": "integer", "enum": [0, 1, 2, 3]},
                },
                "required": ["rationale", "grade"],
                "additionalProperties": False,
            },
        },
    }
    assert "seed" not in body
    assert "logprobs" not in body


def test_the_rationale_is_asked_for_before_the_grade() -> None:
    text = json.dumps(make_member().body(make_pair(), 0, 0))
    assert text.index('"rationale"') < text.index('"grade"')


@pytest.mark.parametrize(("vote", "attempt", "seed"), [(0, 0, None), (2, 0, 2), (0, 1, 1000), (2, 1, 1002)])
def test_votes_and_attempts_have_seeds_of_their_own(vote: int, attempt: int, seed: int | None) -> None:
    assert make_member().body(make_pair(), vote, attempt).get("seed") == seed
    assert "seed" not in make_member(vary_seed=False).body(make_pair(), vote, attempt)


def test_log_probabilities_are_asked_for_with_room_for_every_grade() -> None:
    body = make_member(logprobs=True).body(make_pair(), 0, 0)
    assert body["logprobs"] is True
    assert body["top_logprobs"] == 10
    limited = make_member(logprobs=True, parameters={"top_logprobs": 5}).body(make_pair(), 0, 0)
    assert limited["top_logprobs"] == 5  # some providers allow no more
    wide = make_member(logprobs=True, rubric=make_rubric(0, 10)).body(make_pair(), 0, 0)
    assert wide["top_logprobs"] == 20


@pytest.mark.parametrize(
    ("model", "reported", "accepted"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4", "gpt-4-0613", True),
        ("gemini-2.0-flash", "gemini-2.0-flash-001", True),
        ("claude", "claude-20250514", True),
        ("m", "m-v2", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", False),
        ("gpt-4o-2024-08-06", "gpt-4o", False),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20", False),
        ("gpt-4", "gpt-4-32k", False),
        ("llama-3", "llama-3-8", False),
        ("gpt-4", "openai/gpt-4-0613", False),
        ("gpt-4", "", False),
        ("gpt-4", "gpt-4-", False),
    ],
)
def test_only_a_dated_or_numbered_name_passes_for_the_model(model: str, reported: str, accepted: bool) -> None:
    assert make_member(model=model).serves(reported) is accepted


def test_another_name_passes_when_settings_say_so() -> None:
    assert make_member(served_as=("openai/judge",)).serves("openai/judge")


def test_the_request_key_is_one_of_endpoint_body_sample_and_epoch() -> None:
    body = make_member().body(make_pair(), 0, 0)
    keys = {
        request_key("main", body, 0, 0),
        request_key("other", body, 0, 0),
        request_key("main", {**body, "temperature": 1}, 0, 0),
        request_key("main", body, 1, 0),
        request_key("main", body, 0, 1),
    }
    assert len(keys) == 5
    assert request_key("main", dict(reversed(body.items())), 0, 0) == request_key("main", body, 0, 0)
    assert all(len(key) == 64 for key in keys)


def test_asking_again_is_left_out_where_the_bytes_would_be_the_same() -> None:
    assert make_member(vary_seed=False, parameters={"temperature": 0}).attempts == 1
    assert make_member(vary_seed=False, parameters={}).attempts == 2
    assert make_member(vary_seed=True, parameters={"temperature": 0}).attempts == 2


def test_a_description_is_plain_json_and_names_everything() -> None:
    told = json.loads(json.dumps(make_member(parameters={"temperature": 0}).describe()))
    assert told["prompt"]["user"] == "{{query}}\n{{document}}\nGrade it."
    assert told["rubric"]["hash"] == make_rubric().version_hash
    assert told["price"] == {"input_usd": 1.0, "cached_usd": 0.5, "output_usd": 4.0}


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"seed": 1}},
        {"parameters": {"messages": []}},
        {"votes": 0},
        {"votes": 1000},
        {"read_attempts": 0},
    ],
)
def test_a_parameter_the_pipeline_sets_and_a_count_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="judge a: "):
        make_member(**change)
