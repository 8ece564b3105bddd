"""Pairs as records, queries as numbers, and the confusion table."""

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.pairs import confusion, pair_texts, query_codes
from label_pipeline.core.ports import PairText
from label_pipeline_tests.stages.judged import gold, pair


def texts() -> pl.DataFrame:
    pairs = gold([0, 1]).with_columns(query=pl.lit("q"), document=pl.Series(["a", "b"]))
    return pairs.with_columns(customer=pl.Series([False, True]))


def test_records_hold_every_column_under_its_name() -> None:
    """PairText is positional: a column in the wrong place would send the wrong text."""
    for frame in (texts(), texts().select(sorted(texts().columns))):
        first, second = pair_texts(frame)
        assert first == PairText("relevance", "main", "q000", "d00000", "v1", "de", "q", "a", False)
        shown = {"task": "relevance", "doc_version": "v1", "query": "q", "document": "b", "customer": True}
        assert second._asdict() == pair(1) | shown
    assert pair_texts(texts().clear()) == ()


def test_codes_are_dense_and_follow_the_query_not_the_row() -> None:
    frame = gold([0] * 6, per_query=2)
    assert query_codes(frame).tolist() == [0, 0, 1, 1, 2, 2]
    assert query_codes(frame).dtype == np.int64
    shuffled = frame.with_columns(code=pl.Series(query_codes(frame))).sample(fraction=1, shuffle=True, seed=3)
    assert query_codes(shuffled).tolist() == shuffled["code"].to_list()
    assert query_codes(frame[[0, 5]]).tolist() == [0, 1]
    assert query_codes(frame.clear()).shape == (0,)


@pytest.mark.parametrize("column", ["task", "collection", "query_id"])
def test_a_query_is_all_of_its_key(column: str) -> None:
    frame = pl.concat([gold([0, 1]), gold([0, 1]).with_columns(pl.lit("another").alias(column))])
    assert len(set(query_codes(frame).tolist())) == 2


def test_documents_of_one_query_share_a_code_whatever_their_context() -> None:
    assert set(query_codes(gold([0, 1, 2])).tolist()) == {0}


def test_confusion_counts_rounded_grades_humans_in_rows() -> None:
    gold_mean = np.array([1.0, 1.5, 2.49, 4.0, 4.0, 1.0])
    raw = np.array([1.0, 2.0, 2.5, 1.0, np.nan, 1.0])
    found = confusion(gold_mean, raw, (1, 2, 3, 4))
    # (1, 1) twice; 1.5 -> 2 against 2; 2.49 -> 2 against 2.5 -> 3; 4 against 1; the unread one is left out
    assert found.tolist() == [[2, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert found.dtype == np.int64


def test_confusion_of_nothing_is_zeros() -> None:
    assert confusion(np.array([2.0]), np.array([np.nan]), (0, 1, 2)).tolist() == [[0] * 3] * 3
