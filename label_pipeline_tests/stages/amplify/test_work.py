"""sort_out: every candidate pair in exactly one part; and a day without an open verdict."""

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.errors import GateClosedError
from label_pipeline.core.ports import PairText
from label_pipeline.stages.amplify import (
    Work,
    labelled_work,
    marked_out,
    name_of,
    reasons,
    refuse_all_closed,
    sort_out,
    together,
    unasked,
    whole_queries,
)
from label_pipeline.stages.gate import Standing
from label_pipeline_tests.stages.amplify.orders import CLOSED, OPEN, day_pairs, work

MISSING = Standing("mail", None, None, "missing", ("collection mail has no verdict", "materialise gate_verdict"))


def test_new_pairs_are_asked_in_the_order_of_the_day() -> None:
    found = work([5, 1, 3])
    assert [text.doc_id for text in found.ask] == ["d00005", "d00001", "d00003"]
    assert found.ask[0] == PairText("relevance", "main", "q000", "d00005", "v1", None, "query 5", "text 5", False)
    assert (found.labelled_before, found.skipped, found.barred, found.pairs_in) == (0, 0, 0, 3)
    assert found.collection == "main"
    assert found.standing is OPEN


def test_a_pair_that_is_labelled_is_not_asked_again_with_or_without_a_context() -> None:
    """Pair 0 is in context `de`, pair 1 in none: a plain join would never find the second one."""
    found = work([0, 1, 2], labelled=[0, 1])
    assert [text.doc_id for text in found.ask] == ["d00002"]
    assert found.labelled_before == 2


@pytest.mark.parametrize("column", ["context_id", "doc_version", "query_id"])
def test_another_context_text_or_query_is_another_pair(column: str) -> None:
    labelled = day_pairs([0, 1]).with_columns(pl.lit("other").alias(column))
    assert len(sort_out(day_pairs([0, 1]), labelled, OPEN, inside=False).ask) == 2


def test_labels_of_pairs_of_another_day_or_twice_count_once() -> None:
    labelled = pl.concat([day_pairs([1, 7]), day_pairs([1])])
    assert sort_out(day_pairs([0, 1]), labelled, OPEN, inside=False).labelled_before == 1


@pytest.mark.parametrize(("inside", "asked", "skipped"), [(False, [0], 2), (True, [0, 1, 2], 0)])
def test_customer_text_goes_only_inside_the_boundary(inside: bool, asked: list[int], skipped: int) -> None:
    found = work([0, 1, 2], customers=[1, 2], inside=inside)
    assert [text.doc_id for text in found.ask] == [f"d{i:05}" for i in asked]
    assert found.skipped == skipped


def test_a_customer_pair_that_is_labelled_stays_labelled() -> None:
    """It was labelled inside; it is neither asked nor skipped now."""
    found = work([0, 1], labelled=[1], customers=[1])
    assert (len(found.ask), found.labelled_before, found.skipped) == (1, 1, 0)


@pytest.mark.parametrize("standing", [CLOSED, MISSING])
def test_without_an_open_verdict_everything_is_refused(standing: Standing) -> None:
    found = work([0, 1, 2, 3], labelled=[1], customers=[2], standing=standing, inside=True)
    assert (found.ask, found.labelled_before, found.skipped, found.barred) == ((), 0, 0, 4)


def test_an_empty_day() -> None:
    assert work([]).pairs_in == 0
    assert work([], standing=CLOSED).barred == 0


def test_every_pair_lands_in_exactly_one_part() -> None:
    """Random days: the parts add up, and each holds what its name says."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        numbers = rng.permutation(30)[: rng.integers(0, 30)].tolist()
        labelled, customers = (set(rng.permutation(30)[: rng.integers(0, 30)].tolist()) for _ in range(2))
        inside, closed = bool(rng.integers(2)), rng.random() < 0.2
        found = work(numbers, labelled, customers, CLOSED if closed else OPEN, inside=inside)
        new = [i for i in numbers if i not in labelled]
        sendable = [i for i in new if inside or i not in customers]
        assert found.pairs_in == len(numbers)
        if closed:
            assert found.barred == len(numbers)
        else:
            assert [text.doc_id for text in found.ask] == [f"d{i:05}" for i in sendable]
            assert found.labelled_before == len(numbers) - len(new)
            assert found.skipped == len(new) - len(sendable)
            assert found.barred == 0


def test_what_is_not_asked_is_counted_alike_with_and_without_its_texts() -> None:
    """Random days: sorted out by marks, then as work that is not asked."""
    rng = np.random.default_rng(1)
    for _ in range(100):
        numbers = rng.permutation(30)[: rng.integers(1, 30)].tolist()
        lost = rng.random(len(numbers)) < 0.2
        inside = bool(rng.integers(2))
        pairs = day_pairs(numbers, set(rng.permutation(30)[:10].tolist()))
        texts = pairs.with_columns(document=pl.when(pl.Series(lost)).then(None).otherwise("document"))
        marks = pairs.with_columns(pl.Series("told", ~lost))
        whole = unasked(sort_out(texts, texts.clear(), OPEN, inside=inside))
        assert marked_out(marks, OPEN, inside=inside) == whole
        assert whole.pairs_in == len(numbers)
        assert whole.lost == lost.sum()


def test_parts_that_are_not_asked_add_up_under_one_name() -> None:
    first = unasked(work([0, 1, 2], labelled=[0], customers=[1]))
    found = together([first, labelled_work(OPEN, 4), labelled_work(OPEN, 5)], "rest")
    assert found == Work("main", OPEN, (), 10, 1, 1, 0, "rest")
    assert name_of(found) == "rest"
    assert name_of(work([0])) == name_of(work([0, 1], labelled=[1])) != name_of(work([1]))


def test_a_chunk_ends_with_a_query() -> None:
    """Queries of 12, 2, 1 and 5 pairs; of every size as a loop over the pairs says it."""
    keys = day_pairs(range(20)).with_columns(pl.Series("query_id", ["a"] * 12 + ["b"] * 2 + ["c"] + ["d"] * 5))
    assert [whole_queries(keys, size) for size in (1, 2, 12, 13, 14, 15, 16, 20, 99)] == [
        12, 12, 12, 14, 14, 15, 20, 20, 20,
    ]  # fmt: skip
    assert whole_queries(keys.clear(), 5) == 0
    rng = np.random.default_rng(2)
    for _ in range(100):
        queries = np.sort(rng.integers(0, 6, int(rng.integers(1, 20)))).tolist()
        size = int(rng.integers(1, 22))
        cut = next((n for n in range(size, len(queries)) if queries[n] != queries[n - 1]), len(queries))
        some = day_pairs(range(len(queries))).with_columns(pl.Series("query_id", [f"q{q}" for q in queries]))
        assert whole_queries(some, size) == cut


def test_the_same_query_in_two_tasks_is_two_queries() -> None:
    keys = day_pairs(range(4)).with_columns(pl.Series("task", ["a", "a", "b", "b"]))
    assert whole_queries(keys, 1) == 2


def test_where_every_collection_is_closed_a_day_without_candidates_is_refused_too() -> None:
    refuse_all_closed({"main": OPEN, "mail": MISSING})  # collection by collection, sort_out decides
    with pytest.raises(GateClosedError) as caught:
        refuse_all_closed({"main": CLOSED, "mail": MISSING})
    assert str(caught.value) == (
        "no open, current verdict, so nothing was sent: [main] verdict v1 is closed: skill is low; "
        "[mail] collection mail has no verdict materialise gate_verdict"
    )
    with pytest.raises(GateClosedError):
        refuse_all_closed({})


def test_reasons_are_of_what_is_closed() -> None:
    assert reasons([OPEN, CLOSED]) == "[main] verdict v1 is closed: skill is low"
    assert reasons([OPEN]) == ""
