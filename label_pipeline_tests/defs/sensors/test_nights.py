"""Thirty nights under rotating fingerprints: three anchor runs, no recalibration, no suspension."""

from collections.abc import Callable

import polars as pl
import pytest

from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.sensors.ticking import PAIRS_A_NIGHT, Dial, Watch

SENSORS = ("judge_model_changed", "anchor_drifted")


REAL_NIGHTS = 9
"""Three rotations are labelled for real; of later nights the replies are written as such a night leaves them."""


def later_night(watch: Watch, number: int) -> None:
    store = watch.project.store("rank")
    judged = store.read("judgements").filter(pl.col("purpose") == "amplify")
    last = judged.sort("judged_at").tail(PAIRS_A_NIGHT)
    rows = last.with_columns(
        run_id=pl.lit(f"night-{number}"), request_key=pl.format("{}-{}", pl.lit(number), "request_key"),
        fingerprint=pl.lit(f"fp_{number % 3}"), judged_at=pl.lit(watch.clock()),
    )  # fmt: skip
    store.append("judgements", rows, f"night:{number}")


@pytest.mark.long
@pytest.mark.slow
def test_three_fingerprints_in_thirty_nights_ask_for_one_anchor_run_each(
    watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch()
    asked: list[tuple[int, str]] = []
    for night in range(30):
        dial.fingerprint(f"fp_{night % 3}")
        if night < REAL_NIGHTS:
            labelled = found.night(night)
            assert labelled.success, projects.failure_of(labelled)
        else:
            later_night(found, night)
        for sensor in SENSORS:
            asked += [(night, job) for job in found.tick_and_run(sensor).jobs]
    assert asked == [(0, "anchor_watch"), (1, "anchor_watch"), (2, "anchor_watch")]
    assert all(result.success for result in found.results)
    assert found.states() == [("decision", "open", 0)]
    assert (found.runs("anchor_watch"), found.runs("recalibrate")) == (3, 0)


def test_without_a_cap_a_new_fingerprint_is_told_and_not_asked_about(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch(watch={"recalibration_cap_usd": 0})
    dial.fingerprint("fp_new")
    assert found.night(0).success
    for _ in range(2):
        tick = found.tick("judge_model_changed")
        assert tick.asked == ()
        assert "answered under 1 fingerprints not seen since certification: fp_new" in tick.told
        assert "watch.recalibration_cap_usd is 0" in tick.told
    raised = watch()
    raised.cursors = found.cursors
    assert raised.tick("judge_model_changed").jobs == ["anchor_watch"]


def test_an_anchor_run_a_person_started_has_answered_the_fingerprint(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch()
    dial.fingerprint("fp_new")
    assert found.night(0).success
    assert found.job("anchor_watch").success
    assert found.tick("judge_model_changed").asked == ()
