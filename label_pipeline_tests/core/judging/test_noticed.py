"""What a run's replies show together: told once, and nothing where nothing is odd."""

import pytest

from label_pipeline.core.judging.noticed import Noticed
from label_pipeline.core.ports import Reply, TokenChoice
from label_pipeline_tests.core.judging.scripted import make_member, make_pair, reply

TOKENS = (TokenChoice("2", (("2", -0.1),)),)


def noticed(replies: list[tuple[int, Reply]], *, logprobs: bool = False) -> dict[str, str]:
    """What is told of replies to documents of so many characters."""
    member = make_member(logprobs=logprobs)
    seen = Noticed(member)
    for size, answer in replies:
        seen.see(member.body(make_pair(0, "x" * size), 0, 0), answer)
    return seen.sentences


def test_an_ordinary_run_tells_nothing() -> None:
    ordinary = [
        (size, reply(input_tokens=200 + size // 4, tokens=TOKENS, served_by="h")) for size in range(0, 9000, 97)
    ]
    assert noticed(ordinary, logprobs=True) == {}
    assert noticed([]) == {}
    assert noticed([(4000, reply(input_tokens=1100))] * 5) == {}, "one text asked again has one length"


def test_log_probabilities_that_never_came_are_told_with_the_key_to_change() -> None:
    told = noticed([(10, reply()), (20, reply(tokens=TOKENS))], logprobs=True)
    assert told.keys() == {"logprobs"}
    assert "1 of 2 replies bring no usable log-probabilities" in told["logprobs"]
    assert "state logprobs: false" in told["logprobs"]
    assert noticed([(10, reply())]) == {}, "not asked for"


@pytest.mark.parametrize(
    "replies",
    [
        [(9000, reply(short_count=True, estimated=True))],
        # a context of 2,048 tokens: whatever is longer counts just that
        [(size, reply(input_tokens=min(200 + size // 4, 2048))) for size in (4000, 6000, 7600, 9000, 12000)],
    ],
    ids=["impossible count", "one ceiling"],
)
def test_prompts_that_are_cut_without_a_word_are_seen(replies: list[tuple[int, Reply]]) -> None:
    told = noticed(replies)
    assert told.keys() == {"cut"}
    assert "num_ctx" in told["cut"]


@pytest.mark.parametrize(
    "sizes", [(9000, 12000), (9000, 9010, 9020)], ids=["two may count alike", "three of about one length"]
)
def test_texts_that_count_alike_by_chance_are_not_taken_for_cut(sizes: tuple[int, ...]) -> None:
    assert noticed([(size, reply(input_tokens=2048)) for size in sizes]) == {}


def test_a_provider_that_changes_and_an_odd_place_are_told() -> None:
    told = noticed([(1, reply(served_by="or (A)")), (2, reply(served_by="or (B)", found_in="reasoning_content"))])
    assert told.keys() == {"served_by", "found_in"}
    assert "2 providers answered as one model: or (A) (1), or (B) (1)" in told["served_by"]
    assert "reasoning_content (1)" in told["found_in"]
