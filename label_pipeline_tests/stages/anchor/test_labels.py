"""Confirming and recalling write rows; which label a row speaks of, and when, decides."""

from datetime import UTC, datetime

import polars as pl
import pytest

from label_pipeline.core.codes.labels import USABLE
from label_pipeline.stages import amplify, anchor
from label_pipeline_tests.sql.frames import at, frame_of, rows, table
from label_pipeline_tests.stages.anchor.history import lived

A, B = {"judge_version": "judge-a"}, {"judge_version": "judge-b"}


def label(hour: int, status: str = "provisional", **more: object) -> dict[str, object]:
    return {"labelled_at": at(hour), "status": status, **more}


def test_provisional_labels_made_before_the_run_are_confirmed_once() -> None:
    labels = rows(
        "labels", label(9, doc_id="d1"), label(9, doc_id="d2"), label(10, "confirmed", doc_id="d2"),
        label(12, doc_id="d3"), label(9, doc_id="d4", **B), label(9, doc_id="d5", collection="other"),
        label(9, doc_id="d6"), label(10, "recalled", doc_id="d6"),
    )  # fmt: skip
    found = anchor.confirmed(labels, judge_version="judge-a", collection="main", before=at(11), now=at(13))
    assert found.select("doc_id", "status", "labelled_at").rows() == [("d1", "confirmed", at(13))]
    both = pl.concat([labels, found])
    again = anchor.confirmed(both, judge_version="judge-a", collection="main", before=at(11), now=at(14))
    assert again.is_empty()


def test_a_label_keeps_everything_but_status_and_moment() -> None:
    labels = rows("labels", label(9, run_id="r", cost_usd=0.5, context_id="de", raw_grade=2.0))
    [later] = anchor.recalled(anchor.usable(labels, judge_version="judge-a", since=at(0)), at(13)).to_dicts()
    [before] = labels.to_dicts()
    assert {name for name in before if before[name] != later[name]} == {"status", "labelled_at"}


@pytest.mark.parametrize(("since", "until", "found"), [(9, 12, ["d1", "d2"]), (10, 12, ["d2"]), (9, 10, ["d1"]),
                                                       (9, None, ["d1", "d2", "d3"]), (13, None, [])])  # fmt: skip
def test_a_window_has_its_first_moment_and_not_its_last(since: int, until: int | None, found: list[str]) -> None:
    labels = rows(
        "labels", label(9, doc_id="d1"), label(13, "confirmed", doc_id="d1"),  # confirmed later, given at 9
        label(10, doc_id="d2"), label(12, doc_id="d3"), label(10, doc_id="d4", **B),
    )  # fmt: skip
    taken = anchor.usable(labels, judge_version="judge-a", since=at(since), until=None if until is None else at(until))
    assert sorted(taken["doc_id"]) == found


def test_a_clock_set_back_takes_no_effect_away() -> None:
    labels = rows("labels", label(12))
    later = anchor.recalled(anchor.usable(labels, judge_version="judge-a", since=at(0)), at(9))
    assert amplify.newest(pl.concat([labels, later]))["status"].to_list() == ["recalled"]


@pytest.mark.parametrize("seed", range(8))
def test_what_counts_by_the_frames_is_what_counts_by_the_sql(seed: int) -> None:
    """One rule in two languages: random lives of labels, every answer compared."""
    labels = lived(seed).labels.sample(fraction=1, shuffle=True, seed=seed)
    keys = ["query_id", "doc_id", "judge_version", "raw_grade", "status"]
    current = amplify.current(labels).filter(pl.col("status").is_in(USABLE)).select(keys)
    asked = frame_of("rank/training_labels", ("labels", labels), table("candidates")).select(keys)
    assert current.sort(keys).rows() == asked.sort(keys).rows()
    for judge in ("judge-a", "judge-b", "judge-c"):
        usable = anchor.usable(labels, judge_version=judge, since=datetime(2000, 1, 1, tzinfo=UTC))
        told = frame_of("amplify/labelled_pairs", ("labels", labels), judge_version=judge)
        assert sorted(usable["query_id", "doc_id"].rows()) == sorted(told["query_id", "doc_id"].rows())
