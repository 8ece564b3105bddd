"""The newest event of every table a clock is compared with."""

import polars as pl
import pytest

from label_pipeline.adapters import queries
from label_pipeline.core.catalogue import TABLES
from label_pipeline_tests.sql.frames import ask, at, table

MOMENTS = {
    "leaderboard": "calibrated_at", "judge_versions": "created_at", "epochs": "opened_at", "verdicts": "decided_at",
    "holdout_looks": "looked_at", "label_runs": "finished_at", "anchor_runs": "ran_at", "drift_verdicts": "decided_at",
    "rankers": "created_at", "ranker_metrics": "evaluated_at", "rubrics": "known_at", "payments": "paid_at",
}  # fmt: skip
LEFT_OUT = {"labels", "judgements", "anchor_items", "training_sets", "grade_rubrics"}
"""Big, and never stored without a row in one of the others."""


@pytest.mark.parametrize("name", MOMENTS)
def test_the_newest_row_of_each_table_counts_and_a_table_without_rows_says_nothing(name: str) -> None:
    moment = MOMENTS[name]
    given = table(name, {moment: at(3)}, {moment: at(9)}, {moment: at(5)})
    assert ask("anchor/newest_events", given) == [(name, at(9))]


def test_the_newest_table_comes_first() -> None:
    verdicts = table("verdicts", {"decided_at": at(3)})
    runs = table("label_runs", {"finished_at": at(8)})
    assert ask("anchor/newest_events", verdicts, runs) == [("label_runs", at(8)), ("verdicts", at(3))]


def test_every_fact_with_a_moment_of_its_own_is_read_but_for_the_big_ones() -> None:
    """A new table of decisions must be added to the question, or a clock set back goes unseen for it."""
    facts = {
        name
        for name, declared in TABLES.items()
        if declared.kind == "fact" and any(isinstance(kind, pl.Datetime) for kind in declared.schema.values())
    }
    assert facts - set(queries.load("anchor/newest_events").reads) == LEFT_OUT
