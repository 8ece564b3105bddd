"""What the questions of sql/amplify/ answer, whole rows compared."""

import datetime as dt

import pytest

from label_pipeline_tests.sql.frames import DAY, ask, at, table

NEXT = DAY + dt.timedelta(days=1)


def test_the_pairs_of_a_day_with_the_texts_a_judge_is_shown() -> None:
    found = ask(
        "amplify/day_pairs",
        table(
            "candidates",
            {}, {"context_id": "de"}, {"doc_id": "d2"}, {"doc_id": "d3"}, {"query_id": "q2"},
            {"doc_id": "d4", "arrived_on": NEXT},
        ),
        table("queries", {"query": "leave", "language": "en"}),
        table(
            "documents",
            {"title": "Title", "text": "body", "source": "wiki", "language": "de"},
            {"doc_id": "d2", "title": None, "text": "bare", "boundary": "customer"},
            {"doc_id": "d3", "doc_version": "v2"},
            {"doc_id": "d4"},
        ),
        day=DAY,
    )  # fmt: skip
    pair = ("relevance", "main")
    assert found == [
        (*pair, "q1", "d1", "v1", "de", "leave", "Title\n\nbody", "wiki", "de", "en", False, 11),
        (*pair, "q1", "d1", "v1", None, "leave", "Title\n\nbody", "wiki", "de", "en", False, 11),
        (*pair, "q1", "d2", "v1", None, "leave", "bare", None, None, "en", True, 4),
        # its text changed: kept, so that the loss is seen
        (*pair, "q1", "d3", "v1", None, "leave", None, None, None, "en", False, None),
        (*pair, "q2", "d1", "v1", None, None, "Title\n\nbody", "wiki", "de", None, False, 11),
    ]


def test_labelled_pairs_of_one_judge_by_their_newest_row() -> None:
    found = ask(
        "amplify/labelled_pairs",
        table(
            "labels",
            {}, {"status": "confirmed", "labelled_at": at(13)},  # confirmed: one row
            {"context_id": "de"},
            {"doc_id": "d2"}, {"doc_id": "d2", "status": "recalled", "labelled_at": at(13)},
            {"doc_id": "d3", "status": "superseded"},
            {"doc_id": "d4", "status": "recalled"}, {"doc_id": "d4", "labelled_at": at(13)},  # labelled again
            {"doc_id": "d5", "judge_version": "judge-b"},
            {"doc_version": "v2"},
        ),
        judge_version="judge-a",
    )  # fmt: skip
    pair = ("relevance", "main", "q1")
    assert found == [
        (*pair, "d1", "v1", "de"),
        (*pair, "d1", "v1", None),
        (*pair, "d1", "v2", None),
        (*pair, "d4", "v1", None),
    ]


def test_what_the_human_seed_covered_in_the_grades_of_one_judge_and_epoch() -> None:
    mine = {"member_hash": "m1", "epoch": 2}
    found = ask(
        "amplify/seed_covered",
        table("gold", {}, {"doc_id": "d2"}, {"doc_id": "d3", "doc_version": "v0"}, {"context_id": "de"}),
        table("queries", {"language": "en"}),
        table(
            "documents",
            {"title": "Title", "text": "body", "source": "wiki", "language": "de"}, {"doc_id": "d2", "text": "bare"},
            {"doc_id": "d3"},
        ),
        table(
            "judgements",
            {**mine, "grade": 1, "expected_grade": 1.5}, {**mine, "grade": 2, "sample_index": 1, "purpose": "gate"},
            {**mine, "grade": 0, "purpose": "amplify"}, {"member_hash": "m2", "epoch": 2}, {"member_hash": "m1"},
            {**mine, "doc_id": "d2", "outcome": "malformed", "grade": None},
        ),
        member_hash="m1", epoch=2,
    )  # fmt: skip
    pair = ("relevance", "main", "q1")
    assert found == [
        (*pair, "d1", "v1", "de", None, "wiki", "de", "en", 11),
        (*pair, "d1", "v1", None, 1.75, "wiki", "de", "en", 11),
        (*pair, "d2", "v1", None, None, None, None, "en", 4),
    ]


@pytest.mark.parametrize("taken_back", ["recalled", "superseded"])
def test_at_one_moment_the_row_that_takes_a_label_back_decides(taken_back: str) -> None:
    for order in (["provisional", taken_back], [taken_back, "provisional"]):
        labels = table("labels", *({"status": status} for status in order))
        assert ask("amplify/labelled_pairs", labels, judge_version="judge-a") == []
        assert ask("amplify/coverage", labels, table("candidates", {})) == [("main", DAY, None, 1, 0, 0)]


def test_a_day_in_slices_of_whole_queries() -> None:
    """Six pairs in slices of about two: a query is never cut, and each collection has slices of its own."""
    pairs = [("q1", 1), ("q2", 3), ("q3", 1), ("q4", 1)]
    mine = [{"query_id": q, "doc_id": f"d{n}"} for q, count in pairs for n in range(count)]
    found = ask(
        "amplify/day_slices",
        table("candidates", *mine, {"collection": "mail", "query_id": "q9"}, {"query_id": "q5", "arrived_on": NEXT}),
        day=DAY,
        size=2,
    )
    assert found == [("mail", "q9", "q9", 1), ("main", "q1", "q2", 4), ("main", "q3", "q4", 2)]


def test_new_pairs_are_those_without_a_usable_label_of_this_judge() -> None:
    found = ask(
        "amplify/new_pairs",
        table(
            "candidates",
            {}, {"context_id": "de"}, {"doc_id": "d2"}, {"doc_id": "d3"}, {"doc_version": "v2"}, {"doc_id": "d4"},
            {"doc_id": "d5", "arrived_on": NEXT}, {"collection": "mail"},
        ),
        table(
            "labels",
            {}, {"status": "confirmed", "labelled_at": at(13)},
            {"doc_id": "d2"}, {"doc_id": "d2", "status": "recalled", "labelled_at": at(13)},
            {"doc_id": "d3", "judge_version": "judge-b"},
            {"doc_id": "d4", "task": "other"},
        ),
        day=DAY, collection="main", judge_version="judge-a",
    )  # fmt: skip
    pair = ("relevance", "main", "q1")
    assert found == [
        (*pair, "d1", "v1", "de"), (*pair, "d1", "v2", None), (*pair, "d2", "v1", None), (*pair, "d3", "v1", None),
        (*pair, "d4", "v1", None),
    ]  # fmt: skip


def test_what_decides_whether_a_pair_may_be_sent_is_known_without_its_text() -> None:
    found = ask(
        "amplify/pair_marks",
        table(
            "candidates",
            {},
            {"doc_id": "d2"},
            {"doc_id": "d3"},
            {"query_id": "q2"},
            {"doc_id": "d4", "arrived_on": NEXT},
        ),
        table("queries", {}),
        table(
            "documents",
            {"boundary": None},
            {"doc_id": "d2", "boundary": "customer"},
            {"doc_id": "d3", "doc_version": "v2"},
        ),
        day=DAY,
    )
    pair = ("relevance", "main")
    assert found == [
        (*pair, "q1", "d1", "v1", None, True, False), (*pair, "q1", "d2", "v1", None, True, True),
        (*pair, "q1", "d3", "v1", None, False, False), (*pair, "q2", "d1", "v1", None, False, False),
    ]  # fmt: skip


def test_the_size_of_every_day_and_the_days_with_pairs_left() -> None:
    candidates = table(
        "candidates",
        {}, {"doc_id": "d2"}, {"arrived_on": NEXT, "doc_id": "d3"}, {"collection": "mail"},
    )  # fmt: skip
    assert ask("amplify/day_sizes", candidates) == [(DAY, "mail", 1), (DAY, "main", 2), (NEXT, "main", 1)]
    labels = table("labels", {}, {"doc_id": "d3"}, {"doc_id": "d2", "judge_version": "judge-b"})
    left = ask("amplify/days_left", candidates, labels, collection="main", judge_version="judge-a")
    assert left == [(DAY, 1)]


def test_what_gave_no_grade_by_cause() -> None:
    mine = {"purpose": "amplify", "run_id": "night"}
    found = ask(
        "amplify/without_label",
        table(
            "judgements",
            mine, {**mine, "outcome": "failed", "detail": "b"}, {**mine, "outcome": "failed", "detail": "a"},
            {**mine, "outcome": "refused", "detail": None}, {**mine, "outcome": "failed", "collection": "mail"},
            {**mine, "outcome": "failed", "run_id": "other"}, {**mine, "outcome": "failed", "purpose": "canary"},
        ),
        run_id="night",
    )  # fmt: skip
    assert found == [("mail", "failed", 1, None), ("main", "failed", 2, "a"), ("main", "refused", 1, None)]


def test_coverage_by_day_and_judge_version() -> None:
    found = ask(
        "amplify/coverage",
        table(
            "candidates",
            {}, {"context_id": "de"}, {"doc_id": "d2"}, {"doc_id": "d3"},
            {"query_id": "q2", "arrived_on": NEXT}, {"query_id": "q3", "arrived_on": NEXT, "collection": "other"},
        ),
        table(
            "labels",
            {}, {"status": "confirmed", "labelled_at": at(13), "outside_seed": "[]"},  # one pair, one label
            {"context_id": "de", "outside_seed": '["grade"]'},  # null in rows of older versions
            {"judge_version": "judge-b"},
            {"doc_id": "d2"}, {"doc_id": "d2", "status": "recalled", "labelled_at": at(13)},  # no label any more
            {"doc_id": "d3", "doc_version": "v0"},  # a label of old text covers no candidate of new text
            {"doc_id": "gone"},  # its candidate left the inputs
            {"collection": "other"}, {"task": "other"},  # labels of other pairs
        ),
    )  # fmt: skip
    assert found == [
        ("main", DAY, "judge-a", 4, 2, 1),
        ("main", DAY, "judge-b", 4, 1, 0),
        ("main", NEXT, None, 1, 0, 0),
        ("other", NEXT, None, 1, 0, 0),
    ]


def test_spend_counts_a_reused_reply_once_and_every_dollar() -> None:
    tokens = {"member": "m1", "request_key": "k1", "input_tokens": 100, "output_tokens": 10}
    found = ask(
        "amplify/spend",
        table(
            "judgements",
            {**tokens, "cost_usd": 0.5},
            {**tokens, "reused": True, "judged_at": at(13)},  # materialised again
            {**tokens, "reused": True, "doc_id": "copy"},  # an identical text shares the request
            {**tokens, "reused": True, "purpose": "amplify"},  # asked first by the calibration
            {**tokens, "request_key": "k2", "purpose": "amplify", "cost_usd": 0.25},
            {**tokens, "request_key": "k3", "member": "m2", "outcome": "failed", "grade": None,
             "input_tokens": 0, "output_tokens": 0},
            {**tokens, "request_key": "k3", "member": "m2", "cost_usd": 1.0, "judged_at": at(13)},  # sent again
            {**tokens, "request_key": "k4", "member": "m2", "outcome": "malformed", "grade": None, "cost_usd": 1.0},
        ),
    )  # fmt: skip
    assert found == [
        ("amplify", "m1", 1, 100, 10, 0.25),
        ("calibrate", "m1", 1, 100, 10, 0.5),
        ("calibrate", "m2", 2, 200, 20, 2.0),
    ]


def test_spend_books_what_an_interrupted_run_paid_for() -> None:
    # the run that asked was killed; the next one found the reply in the journal and booked its cost
    booked = {
        "member": "m1",
        "request_key": "k1",
        "input_tokens": 7,
        "output_tokens": 1,
        "reused": True,
        "cost_usd": 0.5,
    }
    assert ask("amplify/spend", table("judgements", booked)) == [("calibrate", "m1", 1, 7, 1, 0.5)]


def test_spend_gives_a_reply_to_the_purpose_that_asked_first_in_any_order() -> None:
    asked = {"member": "m1", "request_key": "k1", "input_tokens": 7, "reused": True}
    first, later = {**asked, "judged_at": at(9)}, {**asked, "purpose": "amplify", "judged_at": at(10)}
    together = {**asked, "purpose": "gate", "judged_at": at(9)}
    for order in ([first, later, together], [together, later, first]):
        assert ask("amplify/spend", table("judgements", *order)) == [
            ("amplify", "m1", 0, 0, 0, 0.0),
            ("calibrate", "m1", 1, 7, 0, 0.0),
            ("gate", "m1", 0, 0, 0, 0.0),
        ]
