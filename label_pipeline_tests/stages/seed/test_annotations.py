"""People's answers: every one kept, and only what can count becomes a label."""

from dataclasses import replace

import polars as pl
import pytest

from label_pipeline.core.annotation import Annotation
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed.annotations import ANNOTATIONS, Expected, accept, remembered

EXPECTED = Expected(
    pairs={f"t{n}": ("relevance", "main", "q1", f"d{n}") for n in range(4)},
    seats={"t0": ["ann", "bea"], "t1": ["ann"], "t2": ["bea"], "t3": ["ann"]},
    scale=Scale(0, 3),
    rubrics=frozenset({"1-abc"}),
    texts={"d0": "v0", "d1": "v1", "d2": "v2"},
)
GOOD = Annotation(
    "t0", "ann", "2 = good", False, "why", 12.5, "2026-01-01T10:00:00Z", "v0", "1-abc", "e.json", "annotation 1", "k1"
)


def state_of(answer: Annotation) -> tuple[str, str | None]:
    row = accept([answer], EXPECTED).annotations.row(0, named=True)
    return row["state"], row["reason"]


def test_a_good_answer_is_a_label_with_its_reason_and_person() -> None:
    found = accept([GOOD], EXPECTED)
    assert found.labels.rows() == [("q1", "d0", 2, "ann", "why", "relevance", "main", "v0")]
    assert found.annotations.schema == pl.Schema(ANNOTATIONS)
    row = found.annotations.row(0, named=True)
    assert (row["seconds"], row["graded_at"], row["rubric_version"]) == (12.5, "2026-01-01T10:00:00Z", "1-abc")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"task_id": "t9"}, "task_id 't9' is not among the drawn pairs"),
        ({"task_id": ""}, "task_id '' is not among"),
        ({"annotator": " "}, "nobody is named"),
        ({"answer": "7"}, "expected a whole number 0 to 3"),
        ({"answer": None}, "no grade is chosen and the task is not skipped"),
        ({"doc_version": "old"}, "the graded text was version old, document d0 is now v0"),
        ({"doc_version": None}, "version unknown"),
        ({"task_id": "t3"}, "document d3 is gone, or customer text"),
        ({"rubric_version": "1-old"}, "graded by rubric 1-old, now 1-abc counts"),
        ({"rubric_version": None}, "graded by rubric unknown"),
        ({"problem": "2 grades are chosen"}, "2 grades are chosen"),
    ],
)
def test_what_cannot_count_is_quarantined_with_its_reason_and_kept(change: dict[str, str | None], reason: str) -> None:
    state, why = state_of(replace(GOOD, **change))  # type: ignore[arg-type]  # text fields only
    assert state == "quarantined"
    assert why is not None
    assert reason in why
    found = accept([replace(GOOD, **change)], EXPECTED)  # type: ignore[arg-type]  # text fields only
    assert found.labels.is_empty()
    assert found.quarantine.height == found.books["quarantined"] == found.books["answers"] == 1


def test_a_skip_and_cannot_judge_are_no_grades_and_no_mistakes() -> None:
    assert state_of(replace(GOOD, answer=None, skipped=True, doc_version=None)) == ("skipped", None)
    assert state_of(replace(GOOD, answer="cannot judge")) == ("cannot judge", None)


def test_the_latest_answer_of_a_person_counts_and_the_others_stay_in_the_books() -> None:
    later = replace(GOOD, answer="3", key="k2", graded_at="2026-01-02T10:00:00Z")
    other = replace(GOOD, annotator="bea", answer="0", key="k3")
    for order in ([GOOD, later, other], [later, other, GOOD]):
        found = accept(order, EXPECTED)
        assert {(row[3], row[2]) for row in found.labels.iter_rows()} == {("ann", 3), ("bea", 0)}
        assert found.books == {
            "answers": 3, "graded": 2, "cannot judge": 0, "skipped": 0, "superseded": 1, "quarantined": 0,
        }  # fmt: skip
    sheet = replace(GOOD, answer="1", key="k4", graded_at=None)
    assert accept([GOOD, later, sheet], EXPECTED).labels["grade"].to_list() == [1], "a sheet is filled in later"
    withdrawn = replace(later, answer=None, skipped=True)
    assert accept([GOOD, withdrawn], EXPECTED).labels.is_empty(), "a later skip takes the grade back"
    unreadable = replace(later, answer="9")
    assert accept([GOOD, unreadable], EXPECTED).labels["grade"].to_list() == [2], "a bad answer replaces none"


def test_importing_again_changes_nothing_and_a_changed_answer_replaces_itself() -> None:
    first = accept([GOOD, replace(GOOD, answer="9", key="k5")], EXPECTED)
    again = accept([*remembered(first.annotations), GOOD], EXPECTED)
    assert again.books == first.books
    assert again.labels.equals(first.labels)
    mended = accept([*remembered(first.annotations), replace(GOOD, answer="1", key="k5")], EXPECTED)
    assert mended.books["quarantined"] == 0
    assert mended.books["answers"] == 2
    later_rubric = replace(EXPECTED, rubrics=frozenset({"2-def"}))
    assert accept(remembered(first.annotations), later_rubric).labels.is_empty(), "decided anew, from what was read"


def test_an_older_export_read_again_undoes_no_correction() -> None:
    corrected = replace(GOOD, answer="3", graded_at="2026-01-05T10:00:00Z")
    for order in ([corrected, GOOD], [GOOD, corrected]):
        found = accept(order, EXPECTED)
        assert found.labels["grade"].to_list() == [3]
        assert found.books["answers"] == 1
    sheet = replace(GOOD, graded_at=None)
    assert accept([sheet, replace(sheet, answer="3")], EXPECTED).labels["grade"].to_list() == [3], "the one read later"


def test_a_login_is_the_planned_person_and_a_stranger_is_kept_under_their_own_name() -> None:
    answers = [
        replace(GOOD, annotator="ann@example.org"), replace(GOOD, annotator="7", key="k7"),
        replace(GOOD, annotator="Bea@example.org", key="k8"),
    ]  # fmt: skip
    assert set(accept(answers, EXPECTED).labels["annotator_id"]) == {"ann", "7", "Bea@example.org"}


def test_progress_counts_what_is_open_unplanned_and_how_long_it_took() -> None:
    answers = [
        GOOD, replace(GOOD, task_id="t1", doc_version="v1", seconds=7.5, answer="cannot judge", key="k2"),
        replace(GOOD, annotator="eve", key="k3", seconds=None),
    ]  # fmt: skip
    rows = {row["annotator_id"]: row for row in accept(answers, EXPECTED).progress(EXPECTED).iter_rows(named=True)}
    ann = rows["ann"]
    assert [ann[name] for name in ("planned", "graded", "cannot judge", "skipped", "open", "unplanned")] == [
        3,
        1,
        1,
        0,
        1,
        0,
    ]
    assert (ann["median_s"], ann["hours"]) == (10.0, pytest.approx(20 / 3600))
    assert (rows["bea"]["planned"], rows["bea"]["open"], rows["bea"]["hours"]) == (2, 2, None)
    assert (rows["eve"]["planned"], rows["eve"]["unplanned"], rows["eve"]["median_s"]) == (0, 1, None)


def test_no_answers_are_an_empty_frame() -> None:
    found = accept([], EXPECTED)
    assert found.labels.is_empty()
    assert found.books["answers"] == 0
    assert found.sentence == "0 answers = 0 graded"


def test_two_logins_of_one_planned_name_are_not_taken_for_one_person() -> None:
    """ann@uk and ann@us were both `ann`: of two people's answers to one task the later one counted."""
    uk, us = (replace(GOOD, annotator=f"ann@{name}.example", key=name) for name in ("uk", "us"))
    done = accept([uk, us], EXPECTED)
    assert done.labels.is_empty()
    assert "logins ann@uk.example and ann@us.example would both be the planned ann" in done.quarantine["reason"][0]
    again = replace(uk, annotator="ann@UK.example", key="again")
    assert accept([uk, again], EXPECTED).labels["annotator_id"].to_list() == ["ann"]
