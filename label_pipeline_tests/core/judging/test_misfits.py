"""What does not fit, by the words of real endpoints and by what replies hold, and the key that mends it."""

import json

import pytest

from label_pipeline.core.codes import outcomes
from label_pipeline.core.judging.misfits import Look, misfits, refused
from label_pipeline.core.judging.shape import Shape
from label_pipeline_tests.core.judging.scripted import make_member, make_pair, reply

# Each as the endpoint said it, publicly: where, and what settings mend it.
WORDS = [
    # OpenAI, o-series
    ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
     "output_limit", "max_completion_tokens"),
    # Mistral: pydantic's words for a field it does not know
    ("body.max_completion_tokens: Extra inputs are not permitted", "output_limit", "max_tokens"),
    ("body.seed: Extra inputs are not permitted", "seed", False),
    # DeepSeek
    ("This response_format type is unavailable now", "reply_format", "json_object"),
    # Groq
    ("logprobs is not supported with this model", "logprobs", False),
    # Fireworks
    ("top_logprobs must be less than or equal to 5", "top_logprobs", 5),
    # Gemma through Google's endpoint
    ("Developer instruction is not enabled for models/gemma-3-27b-it", "system_role", "fold"),
    # vLLM with a chat template that has no system turn
    ("System role not supported", "system_role", "fold"),
    ("Conversation roles must alternate user/assistant/user/assistant/...", "system_role", "fold"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "field", "value"), WORDS, ids=[words[:24] for words, _, _ in WORDS])
def test_a_refusal_names_its_key(words: str, field: str, value: object) -> None:
    found = refused(make_member(), f"http://x/v1 rejects requests to model judge (400: {words})")
    assert (found.endpoint_field, found.value) == (field, value)
    assert found.key == f"endpoints.{make_member().endpoint}.{field}"
    assert words in found.sentence


def test_what_no_field_of_the_endpoint_mends_names_where_to_look() -> None:
    member = make_member()
    for words, key in (
        ("http://x rejects the API key (401: no)", "api_key_env"),
        ("http://x knows no model judge, or is no such address (404: )", "candidates[].models"),
        ("http://x says the account has no credit left (402: )", "the account"),
        ("rejects requests (400: temperature does not support 0 with this model)", "parameters.temperature"),
        ("rejects requests (400: mercury is retrograde)", "base_url"),
    ):
        found = refused(member, words)
        assert key in found.key
        assert found.endpoint_field is None


def test_the_loosest_reply_format_has_none_after_it() -> None:
    found = refused(make_member(shape=Shape("text")), "rejects requests (400: response_format is unavailable)")
    assert found.endpoint_field is None


def look(outcome: str = outcomes.GRADED, document: str = "document", **changes: object) -> Look:
    return Look(make_pair(1, document), outcome, 2, "no JSON", reply(**changes), 100, expected=True)


def test_replies_that_fit_have_no_misfit() -> None:
    assert misfits(make_member(), [look(), look()]) == ()


def test_each_kind_is_told_once_however_many_replies_show_it() -> None:
    looks = [look(outcomes.MALFORMED), look(outcomes.MALFORMED), look()]
    [found] = misfits(make_member(logprobs=False), looks)
    assert "2 of 3 replies could not be read (no JSON)" in found.sentence
    assert (found.endpoint_field, found.value) == ("reply_format", "json_object")


def test_log_probabilities_asked_for_and_not_given() -> None:
    plain = Look(make_pair(), outcomes.GRADED, 2, None, reply(), 100, expected=False)
    [found] = misfits(make_member(logprobs=True), [plain])
    assert (found.endpoint_field, found.value) == ("logprobs", False)
    assert misfits(make_member(logprobs=False), [plain]) == ()


def test_another_model_and_a_cut_reply_name_the_candidates_key() -> None:
    found = misfits(make_member(), [look(outcomes.WRONG_MODEL, model="other"), look(outcomes.CUT)])
    assert [one.key.split()[0] for one in found] == ["served_as", "parameters.max_tokens"]
    assert json.dumps(found[0].value) == '["other"]'
