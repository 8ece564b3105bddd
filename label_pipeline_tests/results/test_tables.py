"""The page's tables and sentences on figures made up here."""

import polars as pl
import pytest

from label_pipeline_tests.results import sentences, tables
from label_pipeline_tests.results.graph import JudgeRun


def test_a_table_shows_three_decimals_and_a_dash_for_what_is_unknown() -> None:
    found = tables.table(("judge", "kappa"), [("a", 0.12345), ("b", None), ("c", float("nan")), ("d", -1e-9)])
    assert found.splitlines() == [
        "| judge | kappa |",
        "| :-- | --: |",
        "| a | 0.123 |",
        "| b | – |",
        "| c | – |",
        "| d | 0.000 |",
    ]


def test_a_missed_criterion_is_marked_and_stands_beside_the_truth() -> None:
    missed = {"name": tables.R2, "status": "missed", "figure": 0.13, "bound": 0.05}
    assert tables.verdict_cell(missed, 0.17) == "0.130, bound 0.050 **✗** (truth 0.170)"
    assert "✗" not in tables.verdict_cell(missed | {"status": "met"}, 0.17)


def test_the_share_that_opens_counts_deals_not_criteria() -> None:
    looks = pl.DataFrame(
        [(deal, "j", state, name) for deal, state in (("1", "open"), ("2", "closed"), ("3", "open")) for name in "abc"],
        schema=["split", "judge", "state", "criterion"],
        orient="row",
    )
    assert tables.share_open(looks, "j") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.001, 0.09, "**beats x**"), (-0.01, 0.09, "interval includes 0"), (-0.09, -0.01, "it is worse")],
)
def test_a_difference_is_said_plainly(low: float, high: float, words: str) -> None:
    sentence = sentences.beats({"estimate": (low + high) / 2, "low": low, "high": high}, "x", "linear")
    assert words in sentence
    assert ("does not beat" in sentence) is (low <= 0)


def test_a_negative_control_that_does_not_lose_is_called_out() -> None:
    bm25 = {"estimate": 0.42, "low": 0.36, "high": 0.48}
    assert "as they must" in sentences.control({"estimate": 0.1, "low": 0.05, "high": 0.2}, bm25)
    assert "distrust" in sentences.control({"estimate": 0.4, "low": 0.3, "high": 0.5}, bm25)


def test_labels_are_compared_with_the_human_grades_of_their_own_pairs() -> None:
    labels = pl.DataFrame(
        {"query_id": ["q", "q", "q"], "doc_id": ["a", "b", "c"], "raw_grade": [0.0, 1.0, 3.0]}
    ).with_columns(pl.col("raw_grade").alias("calibrated_grade"))
    grades = pl.DataFrame({"query_id": ["q"] * 4, "doc_id": ["c", "b", "a", "z"], "human_grade": [3, 1, 0, 2]})
    book = dict.fromkeys(("pairs_in", "labelled", "requests"), 3) | dict.fromkeys(("abstained", "failed", "refused"), 0)
    run = JudgeRun("j", "open", (), (), 3, book, "", labels, pl.DataFrame())
    assert tables.books([run], grades).splitlines()[-1] == "| `j` | 3 | 3 | 0 | 0 | 0 | 3 | 1.000 | 1.000 | 1.000 |"
