"""What is known of human grades before a judge is paid, and what of it stops."""

import polars as pl
import pytest

from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import Limits, agreement, assemble, rejected, variation
from label_pipeline.stages.seed.agreement import HEADLINE
from label_pipeline_tests.sql.frames import rows
from label_pipeline_tests.stages.seed.world import healthy

SCALE = Scale(0, 3)


def figures(status: str, alpha: float | None) -> pl.DataFrame:
    return rows("agreement", {"metric": HEADLINE, "estimate": alpha, "status": status, "reason": "as measured"})


@pytest.mark.parametrize(
    ("status", "alpha", "stops"),
    [
        ("unusable", 0.5, True),
        ("tentative", 0.7, False),
        ("usable", 0.9, False),
        ("not known", 0.2, False),
        ("no variation", 1.0, False),
        ("not applicable", None, False),
    ],
)
def test_only_a_known_alpha_below_the_floor_stops(status: str, alpha: float | None, stops: bool) -> None:
    found = agreement(figures(status, alpha), 0.667, None)["main"]
    assert found.stops is stops
    assert found.name == "human agreement"
    if not stops:
        assert found.sentence == "as measured"


def test_a_floor_of_ones_own_and_a_waiver_in_writing() -> None:
    assert agreement(figures("usable", 0.85), 0.9, None)["main"].stops
    waived = agreement(figures("unusable", 0.5), 0.667, "two annotators left, re-grading in May")["main"]
    assert not waived.stops
    assert waived.sentence.endswith("calibrated all the same, agreement_waiver: two annotators left, re-grading in May")


BOOKS = {"kept": 90, "quarantined": 30, "foreign": 15, "repeated": 5, "other_rubric": 0, "not_sampled": 0}


def test_rows_of_others_and_repeats_are_no_loss() -> None:
    """30 rejected, of which 15 are of a larger file and 5 say the same again: 10 of 100."""
    found = rejected(BOOKS, rows("quarantine"), 0.05)
    assert found.stops
    assert found.sentence.startswith(
        "10 of 100 human rows about this project's queries and documents were rejected, 10.0%, at most 5% may be"
    )
    assert not rejected(BOOKS, rows("quarantine"), 0.10).stops
    assert not rejected(BOOKS | {"not_sampled": 100}, rows("quarantine"), 0.05).stops


def test_the_causes_are_told_with_their_numbers_and_without_names() -> None:
    told = ["grade 7 is off the scale; map it", "grade 9 is off the scale; map it", "annotator 'a' differs; keep one"]
    found = rejected(BOOKS, rows("quarantine", *({"reason": reason} for reason in told)), 0.05)
    assert "Mostly: 2 times: grade .. is off the scale; 1 times: annotator .. differs" in found.sentence


def test_a_project_without_books_is_told_so_and_not_stopped() -> None:
    found = rejected(None, rows("quarantine"), 0.05)
    assert not found.stops
    assert "is not known: load the seed again" in found.sentence


def test_grades_that_are_all_alike_stop_and_a_missing_end_warns() -> None:
    def of(collection: str, *grades: int) -> pl.DataFrame:
        return rows(
            "gold", *({"collection": collection, "doc_id": str(i), "gold_mean": float(g)} for i, g in enumerate(grades))
        )

    found = variation(pl.concat([of("a", 3, 3), of("b", 0, 1), of("c", 0, 3)]), SCALE, "holdout")
    assert [(one.stops, one.sentence.partition(" ")[0]) for one in found] == [(False, "[a]"), (False, "[b]")]
    assert "[a] is left out: all graded holdout pairs are alike (2 of grade 3)" in found[0].sentence
    assert [one.stops for one in variation(of("a", 3, 3), SCALE, "holdout")] == [True], "there is no other"
    assert "no graded holdout pair has grade 3 (1 of grade 0, 1 of grade 1)" in found[1].sentence


def test_the_books_count_what_is_foreign_and_what_is_repeated() -> None:
    labels: list[dict[str, object]] = [
        {"query_id": "q1", "doc_id": "d1", "annotator_id": "a", "grade": 3},
        {"query_id": "q1", "doc_id": "d1", "annotator_id": "a", "grade": 3},  # the same once more
        {"query_id": "q2", "doc_id": "d1", "annotator_id": "a", "grade": 3},
        {"query_id": "q2", "doc_id": "d1", "annotator_id": "a", "grade": 0},  # contradicts: both go
        {"query_id": "elsewhere", "doc_id": "d1", "annotator_id": "a", "grade": 1},
        {"query_id": "q1", "doc_id": "elsewhere", "annotator_id": "a", "grade": 1},
        {"query_id": "q1", "doc_id": "d2", "annotator_id": "a", "grade": 9},
    ]
    labels.append({"query_id": "q1", "doc_id": "long", "annotator_id": "a", "grade": 1})  # rejected, but ours
    documents = [{"doc_id": name, "text": text} for name, text in (("d1", "a"), ("d2", "b"), ("long", "x" * 2000))]
    made = assemble(
        healthy(human_labels=labels, documents=documents, evaluation=[]), SCALE, Limits(document_chars=1000)
    )
    found = made.book_rows.row(by_predicate=pl.col("input") == "human_labels", named=True)
    assert found == {
        "input": "human_labels", "read": 8, "kept": 1, "quarantined": 7, "foreign": 2, "repeated": 1,
        "other_rubric": 0, "unstated": 0, "waiting": 0, "merged": 0, "not_judged": 0, "not_sampled": 0,
    }  # fmt: skip
