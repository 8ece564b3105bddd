"""The section on LLMJudge, on figures made up here."""

import polars as pl

from label_pipeline_tests.results.llmjudge import Agreement, LLMJudge, agreement_table, equal, section

SAME = Agreement("a", 0.25001, 0.25, 0.5, 0.5, ())
OTHER = Agreement("b", 0.1, 0.1001, 0.4, 0.4, (5, 5))
BOARD = pl.DataFrame(
    [{
        "candidate": "a/whole", "loss": 10.0, "loss_low": None, "loss_high": None, "difference": 0.0,
        "difference_se": 0.0, "pairwise_accuracy": 0.7, "quadratic_kappa": 0.5, "chosen": True, "reason": "lowest loss",
    }]
)  # fmt: skip


def test_a_figure_that_is_not_as_published_is_not_hidden() -> None:
    assert equal([SAME, SAME]) == "for all 2 judges"
    assert equal([SAME, OTHER]) == "for 1 of 2 judges only"


def test_agreement_has_four_decimals_and_the_grades_off_the_scale() -> None:
    assert agreement_table([SAME, OTHER]).splitlines()[2:] == [
        "| `a` | 0.2500 | 0.2500 | 0.5000 | 0.5000 | – |",
        "| `b` | 0.1000 | 0.1001 | 0.4000 | 0.4000 | 5, 5 |",
    ]


def test_the_section_says_what_was_repeated_what_conflicts_and_what_the_gate_said() -> None:
    found = LLMJudge(
        (SAME, OTHER), {"rows": 4423, "text_pairs": 3918, "repeated": 379, "conflicting": 302}, BOARD,
        {"state": "insufficient", "failures": '["12 holdout queries, needs 44"]', "n_queries": 12, "n_pairs": 240},
        {"pairs_in": 4415, "refused": 4415, "labelled": 0, "requests": 0}, 500, 3736,
    )  # fmt: skip
    words = " ".join(" ".join(section(found)).split())
    assert "379 of 3,918 text pairs stand on more than one row, and 302 of those" in words
    assert "| `a/whole` | 10.00 [–] |" in words, "9 queries are too few for an interval"
    assert "The verdict is **insufficient**: 12 holdout queries, needs 44." in words
    assert "Of 4,415 candidates 4,415 are refused, 0 labelled; 0 requests were sent." in words
