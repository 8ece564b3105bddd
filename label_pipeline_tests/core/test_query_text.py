"""Which queries are one, and which only look alike."""

import pytest

from label_pipeline.core.query_text import (
    NORMALISER,
    near_groups,
    near_key,
    normal_text,
    shown_in,
    text_key,
    with_text_key,
)
from label_pipeline_tests.sql.frames import rows


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("c++ string split", "c# string split"), ("c++ string split", "c string split"),
        ("paris to london", "london to paris"), ("4.5 inch tv", "5.4 inch tv"), ("-1 + 2", "1 + 2"),
        ("resume", "résumé"), (".net core", "net core"), ("$50", "50"), ("a/b test", "ab test"), ("", "x"),
    ],
)  # fmt: skip
def test_what_differs_is_not_merged(one: str, other: str) -> None:
    assert text_key(one) != text_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Reset Password", "reset  password "), ("reset password", "reset password?"), ("STRASSE", "straße"),
        ("caf\u00e9", "cafe\u0301"), ("\uff21\uff22\uff23", "abc"), ("what is it", "What is it?!"),
        ("a\tb\nc", "a b c"),
    ],
)  # fmt: skip
def test_what_tells_nothing_apart_is_one(one: str, other: str) -> None:
    assert text_key(one) == text_key(other)


def test_the_key_says_by_which_normaliser() -> None:
    assert text_key("a").startswith(f"{NORMALISER}:")
    assert normal_text("  Reset   Password? ") == "reset password"


def test_rows_get_the_key_of_their_query_and_null_where_its_text_is_not_loaded() -> None:
    queries = rows("queries", {"query": "A"}, {"query_id": "q2", "query": "a"}, {"collection": "mail", "query": "b"})
    keyed = with_text_key(rows("splits", {}, {"query_id": "q2"}, {"query_id": "gone"}, {"collection": "mail"}), queries)
    assert keyed["text_key"].to_list() == [text_key("a"), text_key("a"), None, text_key("b")]
    assert keyed.height == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("reset vpn password", "How to reset the VPN passwords?"), ("paris to london", "london to paris"),
        ("c++ string split", "c# string split"), ("4.5 inch tv", "5.4 inch tv"),
    ],
)  # fmt: skip
def test_what_says_nearly_the_same_is_near(one: str, other: str) -> None:
    assert near_key(one) == near_key(other)
    assert text_key(one) != text_key(other), "and is not one"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("reset vpn password", "reset mail password"),
        ("how to", "what is"),
        ("status", "statue"),
        ("bus", "bu"),
        ("", "the"),
    ],
)
def test_what_says_something_else_is_not_near(one: str, other: str) -> None:
    assert near_key(one) != near_key(other)


def test_near_queries_are_listed_by_task_and_the_same_text_twice_is_no_group() -> None:
    queries = rows(
        "queries",
        {"query": "vpn reset"},
        {"query_id": "q2", "query": "reset VPN"},
        {"query_id": "q3", "query": "VPN Reset?"},
        {"query_id": "q4", "query": "mail"},
        {"task": "other", "query_id": "q5", "query": "mails"},
    )
    assert near_groups(queries) == [("vpn reset", "reset VPN")]


def test_a_query_whose_whole_text_stands_in_a_prompt_is_shown_in_it() -> None:
    queries = rows(
        "queries", {"query": "How do I reset the VPN password?"}, {"query_id": "q2", "query": "vpn password"},
        {"query_id": "q3", "query": "reset the vpn"}, {"query_id": "q4", "query": "mail"},
    )  # fmt: skip
    prompt = "Grade it.\nExample: query \u201chow do i  reset the vpn password\u201d and a page about mail: 0"
    assert shown_in(queries, prompt)["query_id"].to_list() == ["q1", "q3"], "two words tell nothing"
    assert shown_in(queries, "Example: preset the vpns").is_empty(), "words, not letters"
    assert shown_in(queries.clear(), prompt).is_empty()


CHINESE = "\u5982\u4f55\u91cd\u7f6e\u516c\u53f8\u5bc6\u7801"
"""How to reset the company's password."""


@pytest.mark.parametrize(
    ("query", "prompt"),
    [
        ("how to reset the vpn", "**how to reset the vpn** -> 4"),
        ("how to reset the vpn", "Query=How to reset the VPN;"),
        ("how to reset the vpn", "how to reset the vpn\u2014grade 4"),
        ("wie setze ich das passwort", "\u201eWie setze ich das Passwort\u201c: 3"),
        ("comment changer de mot", "\u00abcomment changer de mot\u00bb"),
        (CHINESE, f"\u4f8b\uff1a{CHINESE}\uff1f"),
    ],
)  # fmt: skip
def test_a_prompt_shows_a_query_however_it_quotes_and_in_scripts_without_spaces(query: str, prompt: str) -> None:
    assert shown_in(rows("queries", {"query": query}), prompt).height == 1
    assert shown_in(rows("queries", {"query": query + " x"}), prompt).is_empty()
