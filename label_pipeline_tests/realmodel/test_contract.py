"""What our client relies on, asked of the local provider and of a real server with a real model.

Where the two differ here, the local provider is wrong.
"""

import json
import math
from collections.abc import Iterator

import pytest

from label_pipeline.core.errors import JudgeError, ProviderRejectedError
from label_pipeline.core.judging.reply import read_reply
from label_pipeline_tests.realmodel.endpoints import OVERLONG, Endpoint, real_endpoint, rehearsal_endpoint
from label_pipeline_tests.realmodel.pairs import PAIRS, pair

EASY = PAIRS[3]
LONG = pair("reset my password", OVERLONG)


BOTH = [
    pytest.param(rehearsal_endpoint, id="provide"),
    pytest.param(real_endpoint, id="llama.cpp", marks=pytest.mark.long),
]


@pytest.fixture(scope="module", params=BOTH)
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    with request.param() as running:
        yield running


def test_it_lists_the_models_it_serves(endpoint: Endpoint) -> None:
    assert endpoint.model in endpoint.models()
    listed = endpoint.get("models")
    assert (listed.status, listed.dig("object")) == (200, "list")


def test_the_schema_is_obeyed_and_the_reply_says_who_answered(endpoint: Endpoint) -> None:
    [reply] = endpoint.complete(endpoint.member.body(EASY, 0, 0))
    answer = json.loads(reply.content or "")
    assert list(answer) == ["rationale", "grade"], "the reason comes first"
    assert (type(answer["rationale"]), answer["grade"] in {0, 1, 2, 3}) == (str, True)
    assert (reply.finish_reason, reply.refusal, reply.model in endpoint.reported) == ("stop", None, True)
    assert reply.fingerprint
    assert read_reply(reply, endpoint.member.scale).grade == answer["grade"]


def test_every_reply_has_an_id_of_its_own(endpoint: Endpoint) -> None:
    first, second = endpoint.complete(*[endpoint.member.body(EASY, 0, 0)] * 2)
    assert first.request_id
    assert second.request_id
    assert first.request_id != second.request_id


def test_usage_adds_up_and_grows_with_the_text(endpoint: Endpoint) -> None:
    body = endpoint.member.body(EASY, 0, 0)
    longer = endpoint.member.body(pair("egg", "The egg was painted blue. " * 20), 0, 0)
    short, long = endpoint.send(body, longer)
    prompt, completion, total = (
        short.dig("usage", f"{name}_tokens") for name in ("prompt", "completion", "total")
    )  # fmt: skip
    assert isinstance(prompt, int)
    assert isinstance(completion, int)
    assert total == prompt + completion > prompt > 0
    more = long.dig("usage", "prompt_tokens")
    assert isinstance(more, int)
    assert more > prompt + 50
    cached = long.dig("usage", "prompt_tokens_details", "cached_tokens")
    assert isinstance(cached, int)
    assert 0 <= cached <= more
    [reply] = endpoint.complete(body)
    assert (reply.input_tokens, reply.output_tokens > 0, reply.cached_tokens <= reply.input_tokens) == (
        prompt, True, True,
    )  # fmt: skip


def test_log_probabilities_stand_at_every_token_and_add_up_to_less_than_one(endpoint: Endpoint) -> None:
    body = endpoint.member.body(EASY, 0, 0)
    [bare] = endpoint.send(body)
    entries = bare.dig("choices", 0, "logprobs", "content")
    assert isinstance(entries, list)
    assert entries
    for entry in entries:
        assert {"token", "logprob", "bytes", "top_logprobs"} <= set(entry)
        assert bytes(entry["bytes"]).decode() == entry["token"]
        likely = [other["logprob"] for other in entry["top_logprobs"]]
        assert len(likely) <= 10, "as many as were asked for"
        assert likely == sorted(likely, reverse=True)
        assert math.fsum(map(math.exp, likely)) <= 1 + 1e-6
        assert entry["logprob"] <= likely[0]
    written = "".join(entry["token"] for entry in entries)
    content = bare.dig("choices", 0, "message", "content")
    assert str(content) in written, "the tokens hold the content, and maybe a fence around it"


def test_the_last_grade_has_its_alternatives_and_some_of_the_probability_is_not_on_the_scale(
    endpoint: Endpoint,
) -> None:
    [reply] = endpoint.complete(endpoint.member.body(EASY, 0, 0))
    reading = read_reply(reply, endpoint.member.scale)
    assert reading.grade_mass is not None
    assert 0 < reading.grade_mass < 0.999
    assert (reading.expected_grade is None) is (reading.grade_mass < 0.9)
    grade = next(choice for choice in reversed(reply.tokens) if choice.token.strip() == str(reading.grade))
    seen = {token.strip() for token, _ in grade.alternatives}
    assert seen >= {"0", "1"}
    assert seen - {"0", "1", "2", "3"}, "what the model would have written had the schema not forbidden it"


def test_a_reply_over_the_limit_is_cut_and_says_so(endpoint: Endpoint) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        [reply] = endpoint.complete(endpoint.asking(**{"max_tokens": 100, name: 4}).body(EASY, 0, 0))
        assert (reply.finish_reason, reply.output_tokens) == ("length", 4), name
        assert read_reply(reply, endpoint.member.scale).outcome == "cut"


def test_an_overlong_text_is_a_no_to_this_request_only_and_says_how_long_it_is(endpoint: Endpoint) -> None:
    [bare] = endpoint.send(endpoint.member.body(LONG, 0, 0))
    assert bare.status == 400
    assert "context" in str(bare.error()["message"])
    with pytest.raises(ProviderRejectedError, match=r"rejects this request \(400: .*context") as caught:
        endpoint.complete(endpoint.member.body(LONG, 0, 0))
    assert caught.value.request_only


def test_the_pairs_beside_an_overlong_one_are_graded_all_the_same(endpoint: Endpoint) -> None:
    judged = endpoint.judge(endpoint.member, [LONG, EASY])
    assert judged["outcome"].to_list() == ["rejected", "graded"]
    assert "rejects this request (400" in judged["detail"][0]
    assert judged["grade"].to_list()[0] is None


def test_a_bad_key_is_a_no_to_every_request(endpoint: Endpoint) -> None:
    [bare] = endpoint.send(endpoint.member.body(EASY, 0, 0), key="sk-wrong")
    assert bare.status == 401
    assert bare.error()["message"]
    with pytest.raises(ProviderRejectedError, match="rejects the API key") as caught:
        endpoint.complete(endpoint.member.body(EASY, 0, 0), key="sk-wrong")
    assert not caught.value.request_only
    with pytest.raises(ProviderRejectedError, match="rejects the API key"):
        endpoint.models("sk-wrong")


def test_a_model_it_does_not_serve_gives_no_grade_of_that_model(endpoint: Endpoint) -> None:
    """A server of one model answers under its own name, whatever was asked for; others say 404."""
    other = Endpoint(endpoint.url, endpoint.key, "gpt-nowhere", ())
    with pytest.raises(JudgeError, match=r"knows no model gpt-nowhere|answered with model .*, expected gpt-nowhere"):
        other.judge(other.member, [EASY])


@pytest.mark.parametrize(
    "body",
    [b'{"model":', b'{"model": "x"}', b'{"model": "x", "messages": "no list"}'],
    ids=["half a body", "no messages", "messages that are none"],
)
def test_nonsense_is_a_400_with_a_sentence(endpoint: Endpoint, body: bytes) -> None:
    [bare] = endpoint.send(body)
    assert bare.status == 400
    assert isinstance(bare.error()["message"], str)
