"""A drift verdict's name: the same decision is the same verdict, and every change is a new one."""

import json
from collections.abc import Iterable
from datetime import timedelta

import polars as pl
import pytest

from label_pipeline.core.catalogue import DRIFT_VERDICTS
from label_pipeline.stages import anchor
from label_pipeline.stages.anchor.signals import Signal
from label_pipeline_tests.sql.frames import NOON

FLIPS = Signal("flips", 1.5, 3.1, fired=False, sentence="s")


def decided(state: str = "healthy", **changes: object) -> anchor.DriftVerdict:
    fields: dict[str, object] = {
        "collection": "main", "state": state, "cause": "none", "action": "a", "signals": (FLIPS,), "suspends": False,
        "run_again": False, "healthy": state == "healthy", "change_point": None,
    }  # fmt: skip
    return anchor.DriftVerdict(**(fields | changes))  # type: ignore[arg-type]  # a factory: one field per test


def history(verdicts: Iterable[anchor.DriftVerdict], **changes: object) -> pl.DataFrame:
    """The rows of these decisions on the same runs, an hour apart, each given the newest one before it."""
    rows = DRIFT_VERDICTS.empty()
    for hour, verdict in enumerate(verdicts):
        facts = {"judge_version": "j", "epoch": 9, "baseline_epoch": 1, "n_runs": 6} | changes
        now = NOON + timedelta(hours=hour)
        row = anchor.drift_row(verdict, **facts, now=now, previous=rows.tail(1))  # type: ignore[arg-type]
        rows = pl.concat([rows, row])
    return rows


def test_what_comes_back_is_a_verdict_of_its_own() -> None:
    a, b = decided(), decided("warning", run_again=True)
    assert history([a, b, a, b, a])["drift_id"].n_unique() == 5


def test_deciding_again_on_the_same_is_the_same_verdict() -> None:
    a, b = decided(change_point=NOON), decided("warning")
    ids = history([a, a, b, b, b, a])["drift_id"].to_list()
    assert [ids.index(name) for name in ids] == [0, 0, 2, 2, 2, 5]
    assert history([a, b])["drift_id"].to_list() == history([a, b])["drift_id"].to_list(), "no chance in it"


@pytest.mark.parametrize(
    "other",
    [
        decided(signals=(FLIPS._replace(figure=1.6),)), decided(cause="humans"), decided(healthy=False),
        decided(change_point=NOON), decided(suspends=True), decided(collection="other"),
    ],
)  # fmt: skip
def test_any_figure_that_changed_makes_another_verdict(other: anchor.DriftVerdict) -> None:
    assert history([decided(), other])["drift_id"].n_unique() == 2


def test_other_words_for_the_same_are_no_news() -> None:
    reworded = decided(action="b", signals=(FLIPS._replace(sentence="t"),))
    assert history([decided(), reworded])["drift_id"].n_unique() == 1


def test_a_row_from_before_detectors_had_codes_is_no_news_either() -> None:
    """Else the first verdict after an upgrade would ask for another anchor run, or a recalibration."""
    new = history([decided()])
    told = [{name: value for name, value in found.items() if name != "code"} for found in json.loads(new["signals"][0])]
    assert [list(found) for found in told] == [["name", "figure", "threshold", "fired", "sentence"]]
    old = new.with_columns(signals=pl.lit(json.dumps(told)), drift_id=pl.lit("as named then"))
    facts = {"judge_version": "j", "epoch": 9, "baseline_epoch": 1, "n_runs": 6}
    again = anchor.drift_row(decided(), **facts, now=NOON, previous=old)  # type: ignore[arg-type]
    assert again["drift_id"][0] == "as named then"
    worse = anchor.drift_row(decided(signals=(FLIPS._replace(figure=9.0),)), **facts, now=NOON, previous=old)  # type: ignore[arg-type]
    assert worse["drift_id"][0] != "as named then"
