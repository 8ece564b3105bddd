"""Ties, order of rows and every column of a late booking, where planted faults showed that no other test stands."""

from label_pipeline.core.catalogue import LABEL_RUNS
from label_pipeline.stages.amplify import current, newest, orphan_row
from label_pipeline_tests.sql.frames import at, rows
from label_pipeline_tests.stages.amplify.orders import DAY, NOW


def test_a_late_booking_has_every_column() -> None:
    known = {
        "run_id": "run-8", "day": DAY, "collection": "mail", "judge_version": "j1", "verdict_id": "v1", "labels": 3,
        "requests": 7, "input_tokens": 700, "cached_tokens": 90, "output_tokens": 70, "cost_usd": 0.25, "ended_at": NOW,
    }  # fmt: skip
    frame = orphan_row(known)
    assert frame.schema == LABEL_RUNS.schema
    assert frame.row(0, named=True) == {
        "run_id": "run-8", "day": DAY, "collection": "mail", "judge_version": "j1", "verdict_id": "v1",
        "chunk": "orphan",
        "pairs_in": 3, "labelled": 3, "reused": 0, "abstained": 0, "failed": 0, "refused": 0, "skipped": 0,
        "requests": 7, "input_tokens": 700, "cached_tokens": 90, "output_tokens": 70, "cost_usd": 0.25, "seconds": 0.0,
        "refused_by": None, "finished_at": NOW,
        "reason": "booked by a later run: this one ended between what it paid for and its books",
    }  # fmt: skip


def test_of_rows_of_one_moment_the_later_status_counts_and_then_the_first_verdict() -> None:
    """A label that is confirmed and recalled at once is recalled; given twice at once, it is of the first verdict."""
    labels = rows(
        "labels",
        {"doc_id": "d1", "labelled_at": at(9), "status": "recalled"},
        {"doc_id": "d1", "labelled_at": at(9), "status": "confirmed"},
        {"doc_id": "d2", "labelled_at": at(9), "verdict_id": "v2", "raw_grade": 2.0},
        {"doc_id": "d2", "labelled_at": at(9), "verdict_id": "v1", "raw_grade": 1.0},
        {"doc_id": "d3", "labelled_at": at(9), "verdict_id": "v1"},
        {"doc_id": "d3", "labelled_at": at(10), "verdict_id": "v2", "status": "confirmed"},
    )  # fmt: skip
    for frame in (labels, labels.reverse()):
        found = newest(frame).sort("doc_id")
        assert found["status"].to_list() == ["recalled", "provisional", "confirmed"]
        assert found["verdict_id"].to_list()[1:] == ["v1", "v2"]
        assert found["given_at"].to_list() == [at(9)] * 3


def test_of_judges_of_one_moment_the_first_by_name_counts_and_the_newest_labels_come_first() -> None:
    labels = rows(
        "labels", *({"doc_id": f"d{hour:02}", "labelled_at": at(hour), "judge_version": judge}
                    for hour in range(12) for judge in ("judge-b", "judge-a")),
    )  # fmt: skip
    found = current(labels)
    assert found["judge_version"].to_list() == ["judge-a"] * 12
    assert found["doc_id"].to_list() == [f"d{hour:02}" for hour in reversed(range(12))]
