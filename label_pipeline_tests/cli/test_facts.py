"""What `run` prints after each stage, of tables in which everything that may be unknown is."""

import math
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.cli.facts import facts
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.codes.ranking import MAIN_METRIC
from label_pipeline.stages import STAGES
from label_pipeline_tests.sql.frames import rows

UNLIKE_USUAL: dict[str, dict[str, object]] = {
    "agreement": {"metric": "krippendorff_alpha_ordinal"},
    "leaderboard": {"chosen": True},
    "verdicts": {"criteria": "[]", "failures": "[]"},
    "ranker_metrics": {"metric": MAIN_METRIC, "arm": "amplified"},
}
"""What makes a row the one a fact is about."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(str(tmp_path / "tables"), STAGES[-1])
    for name, table in TABLES.items():
        row = rows(name, UNLIKE_USUAL.get(name, {}))
        if table.kind == "fact":
            found.append(name, row, f"one:{name}")
        else:
            found.overwrite(name, row)
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_every_fact_of_a_stage_is_told_though_nothing_is_known(store: Store, stage: str) -> None:
    told = facts(store, stage)
    assert told, "it has something to say"
    assert all("None" not in line and "nan" not in line for _, line in told)


def test_a_loss_without_an_interval_is_told(store: Store) -> None:
    """Below 20 train and dev queries there is none: every `run` used to pay for calibrate and die here."""
    row = rows("leaderboard", {"chosen": True, "loss": 6.0, "candidate": "few", "epoch": 5, "reason": "lowest loss"})
    store.append("leaderboard", row, "few")
    assert ("chosen judge", "few of 1: loss in NMSE 6.00, interval not known; lowest loss") in facts(store, "calibrate")


def test_a_nan_in_a_table_is_not_known(store: Store) -> None:
    row = rows("ranker_metrics", {**UNLIKE_USUAL["ranker_metrics"], "estimate": math.nan, "low": math.nan})
    store.append("ranker_metrics", row.with_columns(pl.lit("e2").alias("evaluation_id")), "nan")
    assert any("not known" in line for _, line in facts(store, "rank"))
