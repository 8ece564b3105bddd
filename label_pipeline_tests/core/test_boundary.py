"""Customer text stays inside: as rows, as records, and when it was marked later."""

import polars as pl
import pytest

from label_pipeline.core.boundary import any_private, marked, refuse_exposed, sendable, sendable_rows
from label_pipeline_tests.core.judging.scripted import make_pair
from label_pipeline_tests.sql.frames import rows

OURS, THEIRS = make_pair(1), make_pair(2, customer=True)
FRAME = pl.DataFrame({"doc_id": ["a", "b"], "customer": [False, True]})


def test_only_an_endpoint_inside_is_sent_customer_text() -> None:
    assert sendable([OURS, THEIRS], inside=False) == [OURS]
    assert sendable([OURS, THEIRS], inside=True) == [OURS, THEIRS]
    assert sendable_rows(FRAME, inside=False)["doc_id"].to_list() == ["a"]
    assert sendable_rows(FRAME, inside=True).equals(FRAME)


def test_the_last_wall_names_the_endpoint_and_counts() -> None:
    refuse_exposed([OURS], "outside", inside=False)
    refuse_exposed([OURS, THEIRS], "ours", inside=True)
    with pytest.raises(ValueError, match="1 customer pairs would leave the boundary to endpoint outside; none was"):
        refuse_exposed([OURS, THEIRS], "outside", inside=False)


def test_a_mark_that_comes_later_counts_and_none_is_taken_back() -> None:
    documents = rows("documents", {"doc_id": "a", "boundary": "customer"}, {"doc_id": "b", "boundary": None})
    assert marked(FRAME, documents)["customer"].to_list() == [True, True]
    assert marked(FRAME, documents.clear())["customer"].to_list() == [False, True]


def test_one_private_pair_makes_the_words_about_all_of_them_private() -> None:
    assert any_private([OURS, THEIRS])
    assert not any_private([OURS])
