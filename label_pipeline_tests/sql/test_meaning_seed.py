"""What the questions of sql/seed/ answer, whole rows compared."""

import datetime as dt

from label_pipeline_tests.sql.frames import ask, table

PAIR = ("relevance", "main")


def test_graded_pairs_with_the_texts_a_judge_is_shown() -> None:
    found = ask(
        "seed/graded_pairs",
        table(
            "gold",
            {"gold_mean": 1.5, "n_grades": 2, "rubric_label": "v2"},
            {"context_id": "de", "gold_mean": 3.0, "n_grades": 1},  # the same pair in another context
            {"doc_id": "d2", "gold_mean": 0.0, "n_grades": 3},
            {"doc_id": "d3", "doc_version": "old"},  # humans graded a text that is gone
            {"query_id": "q2"},  # holdout: not asked for
            {"query_id": "q3"},  # in no split
            {"query_id": "q4"},  # its query left the files
        ),
        table("splits", {}, {"query_id": "q2", "split": "holdout"}, {"query_id": "q4", "split": "dev"}),
        table("queries", {"query": "leave"}, {"query_id": "q2"}, {"query_id": "q3"}),
        table(
            "documents",
            {"title": "Title", "text": "body\r\nmore", "source": "wiki", "created_on": dt.date(2026, 1, 1)},
            {"doc_id": "d2", "title": None, "text": "bare", "boundary": "customer"},
            {"doc_id": "d3", "doc_version": "new"},
        ),
        splits=["train", "dev"],
    )
    about = ("Title", "wiki", dt.date(2026, 1, 1), "Title\n\nbody\r\nmore", False)
    assert found == [
        (*PAIR, "q1", "d1", "v1", "de", 3.0, 1, None, "train", "leave", *about),
        (*PAIR, "q1", "d1", "v1", None, 1.5, 2, "v2", "train", "leave", *about),
        (*PAIR, "q1", "d2", "v1", None, 0.0, 3, None, "train", "leave", None, None, None, "bare", True),
    ]


def test_the_holdout_is_returned_only_when_asked_for_by_name() -> None:
    world = (
        table("gold", {}, {"query_id": "q2", "gold_mean": 2.0, "n_grades": 3}),
        table("splits", {}, {"query_id": "q2", "split": "holdout"}),
        table("queries", {}, {"query_id": "q2"}),
        table("documents", {}),
    )
    expected = (*PAIR, "q2", "d1", "v1", None, 2.0, 3, None, "holdout", "query", None, None, None, "text", False)
    assert ask("seed/graded_pairs", *world, splits=["holdout"]) == [expected]
    assert ask("seed/graded_pairs", *world, splits=[]) == []


def test_a_query_id_of_another_collection_is_another_query() -> None:
    found = ask(
        "seed/graded_pairs",
        table("gold", {"collection": "other", "gold_mean": 1.0, "n_grades": 1}),
        table("splits", {}, {"collection": "other", "split": "dev"}),
        table("queries", {"query": "of main"}, {"collection": "other", "query": "of other"}),
        table("documents", {}),
        splits=["train", "dev"],
    )
    assert found == [
        (
            "relevance",
            "other",
            "q1",
            "d1",
            "v1",
            None,
            1.0,
            1,
            None,
            "dev",
            "of other",
            None,
            None,
            None,
            "text",
            False,
        ),
    ]
