"""What the questions of sql/gate/ answer."""

import datetime as dt

from label_pipeline_tests.sql.frames import DAY, ask, at, frame_of, table

JUDGE = {"member_hash": "m1", "model_reported": "model-1", "epoch": 2}
GATE: dict[str, object] = {**JUDGE, "purpose": "gate", "grade": 2}
ANCHOR: dict[str, object] = {**GATE, "purpose": "anchor", "query_id": "q2"}
LATER = dt.timedelta(days=1)


def told(*rows: dict[str, object], until: dt.date = DAY) -> list[tuple[object, ...]]:
    """(query, request, outcome, grade) of what counts for the judge certified in epoch 2."""
    frame = frame_of(
        "gate/reference_judgements", table("judgements", *rows),
        member_hash="m1", model_served="model-1", epoch=2, anchor_until=until,
    )  # fmt: skip
    return frame.select("query_id", "request_key", "outcome", "grade").rows()


def test_the_holdout_in_its_epoch_and_the_anchor_in_the_first_epoch_after_it() -> None:
    assert told(
        {**GATE, "request_key": "k1", "grade": 1},
        {**GATE, "request_key": "k0", "grade": 0, "epoch": 1},  # an earlier epoch
        {**GATE, "request_key": "k2", "grade": 2, "purpose": "calibrate"},
        {**GATE, "request_key": "k3", "grade": 2, "member_hash": "m2"},
        {**ANCHOR, "request_key": "a4", "grade": 3, "epoch": 4},
        {**ANCHOR, "request_key": "a3", "grade": 2, "epoch": 3},
        {**ANCHOR, "request_key": "a1", "grade": 0, "epoch": 1},  # before it was certified
        {**ANCHOR, "request_key": "c3", "grade": 0, "epoch": 3, "purpose": "canary", "query_id": "q3"},
    ) == [("q1", "k1", "graded", 1), ("q2", "a3", "graded", 2)]


def test_of_a_pair_asked_again_the_newest_reply_and_what_could_not_be_read_stays() -> None:
    assert told(
        {**GATE, "request_key": "k1", "grade": 1, "judged_at": at(9)},
        {**GATE, "request_key": "k2", "grade": None, "outcome": "malformed", "judged_at": at(10)},
        {**GATE, "request_key": "k3", "sample_index": 1, "grade": 3},
    ) == [("q1", "k2", "malformed", None), ("q1", "k3", "graded", 3)]


def test_another_model_and_no_reply_are_no_grade_of_it() -> None:
    assert told(
        {**GATE, "request_key": "k1", "model_reported": "model-2"},
        {**GATE, "request_key": "k2", "outcome": "wrong_model", "grade": None},
        {**GATE, "request_key": "k3", "outcome": "failed", "grade": None},
        {**ANCHOR, "request_key": "a3", "epoch": 3, "model_reported": "model-2"},
        {**ANCHOR, "request_key": "a4", "epoch": 4, "grade": 1},
    ) == [("q2", "a4", "graded", 1)]


def test_a_text_the_endpoint_rejects_is_an_answer_though_no_model_spoke() -> None:
    assert told({**GATE, "request_key": "k1", "model_reported": None, "outcome": "rejected", "grade": None}) == [
        ("q1", "k1", "rejected", None)
    ]


def test_an_anchor_judged_too_late_may_be_of_a_model_that_had_changed() -> None:
    late = {**ANCHOR, "request_key": "a3", "epoch": 3, "judged_at": at(12) + LATER}
    assert told(late) == []
    assert told(late, until=DAY + LATER) == [("q2", "a3", "graded", 2)]


def test_queries_a_gate_asked_about_whatever_became_of_it() -> None:
    found = ask(
        "gate/looked_at_queries",
        table(
            "judgements", GATE, {**GATE, "doc_id": "d2", "epoch": 5}, {**GATE, "collection": "mail"}, ANCHOR,
            {"purpose": "calibrate", "query_id": "q4"}, {**GATE, "query_id": "q5", "outcome": "failed", "grade": None},
        ),
    )  # fmt: skip
    assert found == [("relevance", "mail", "q1"), ("relevance", "main", "q1"), ("relevance", "main", "q5")]
