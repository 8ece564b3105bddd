"""Collections, moments and names that planted faults showed no other test of recalled labels to tell apart."""

from datetime import timedelta

import polars as pl

from label_pipeline.stages import anchor
from label_pipeline_tests.sql.frames import at, rows
from label_pipeline_tests.stages.anchor.history import TESTED, lived, taken_as_given


def test_a_collection_is_recalled_by_itself_and_a_window_reaches_every_one() -> None:
    labels = rows(
        "labels", {"doc_id": "d1", "labelled_at": at(9)}, {"doc_id": "d2", "labelled_at": at(9), "collection": "mail"}
    )
    for collection, expected in (("main", ["d1"]), ("mail", ["d2"]), (None, ["d1", "d2"])):
        taken = anchor.usable(labels, judge_version="judge-a", since=at(9), collection=collection)
        assert sorted(taken["doc_id"]) == expected


def test_a_label_given_at_the_very_moment_of_the_run_is_confirmed() -> None:
    labels = rows("labels", {"doc_id": "d1", "labelled_at": at(9)}, {"doc_id": "d2", "labelled_at": at(10)})
    found = anchor.confirmed(labels, judge_version="judge-a", collection="main", before=at(9), now=at(13))
    assert found["doc_id"].to_list() == ["d1"]


def test_rows_of_a_recall_stand_in_the_order_of_the_pair_key_no_context_last() -> None:
    given = [{"doc_id": doc, "context_id": context, "labelled_at": at(9)}
             for doc, context in (("d2", "de"), ("d1", None), ("d1", "de"))]  # fmt: skip
    taken = anchor.usable(rows("labels", *given), judge_version="judge-a", since=at(0))
    found = anchor.recalled(taken, at(13))
    assert found.select("doc_id", "context_id").rows() == [("d1", "de"), ("d1", None), ("d2", "de")]


def test_what_a_judge_gave_is_another_label_than_what_another_gave_at_that_moment() -> None:
    """And than what the same judge gave at another one or on another pair: a ranker that learnt it is not affected."""
    history = lived(0)
    name, learnt = next((name, learnt) for name, learnt in history.trained.items() if learnt)
    [given, *_] = sorted(learnt)
    row: dict[str, object] = {
        "query_id": given.query_id, "doc_id": given.doc_id, "labelled_at": given.at, "judge_version": given.judge,
    }  # fmt: skip
    later = {"labelled_at": given.at + timedelta(seconds=1)}
    found = []
    for change in ({}, {"judge_version": "judge-z"}, later, {"query_id": TESTED[0]}):
        labels = rows("labels", row | change)
        taken = labels.with_columns(given_at="labelled_at")
        affected = anchor.affected_rankers(taken, history.rankers, history.training_sets, history.inputs)
        found.append(name in {ranker.training_set_id for ranker in affected})
    assert found == [True, False, False, False]


def test_rankers_are_named_in_the_order_they_were_trained() -> None:
    history = lived(1)
    taken = pl.concat([
        anchor.usable(history.labels, judge_version=judge, since=at(0).replace(year=2000))
        for judge in ("judge-a", "judge-b", "judge-c")
    ])  # fmt: skip
    assert taken_as_given(taken)
    sets = history.training_sets.sample(fraction=1, shuffle=True, seed=3)
    found = anchor.affected_rankers(taken, history.rankers, sets, history.inputs)
    made = dict(history.training_sets.sort("created_at", descending=True)["training_set_id", "created_at"].rows())
    assert [made[ranker.training_set_id] for ranker in found] == sorted(made[r.training_set_id] for r in found)
    assert len({ranker.training_set_id for ranker in found}) > 1
