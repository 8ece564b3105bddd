"""Which queries are one, and which only look alike."""

import pytest

from label_pipeline.core.query_text import NORMALISER, normal_text, text_key, with_text_key
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
