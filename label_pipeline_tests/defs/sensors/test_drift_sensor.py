"""`anchor_drifted`: what the newest drift verdict asks for, by its cause, and only once."""

from collections.abc import Callable

import polars as pl
import pytest

from label_pipeline.core.catalogue import DRIFT_VERDICTS
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.sensors.ticking import Dial, Watch
from label_pipeline_tests.sql.frames import rows

SENSOR = "anchor_drifted"


def verdict(watch: Watch, name: str, **given: object) -> None:
    """A drift verdict as an anchor run would have left it."""
    judge = watch.project.store("gate").query("calibrate/newest_judge")["judge_version"][0]
    store = watch.project.store("anchor")
    epoch = store.read("drift_verdicts").height
    row = {"drift_id": name, "judge_version": judge, "epoch": epoch, "decided_at": watch.clock(), **given}
    frame = rows("drift_verdicts", {"state": "warning", "cause": "unconfirmed", "signals": "[]", **row})
    store.append("drift_verdicts", DRIFT_VERDICTS.conform(frame), f"planted:{name}")


def test_a_warning_asks_for_one_anchor_run_and_the_next_warning_for_one_more(
    watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch()
    verdict(found, "d1", run_again=True)
    first = found.tick_and_run(SENSOR)
    assert (first.jobs, first.keys) == (["anchor_watch"], ["anchor_drifted:d1"])
    assert found.results[-1].success, projects.failure_of(found.results[-1])
    runs = found.project.store("anchor").read("anchor_runs")
    assert runs.height == 5, "the baseline was not there yet"
    # the run it asked for has left a verdict of its own: nothing more is wanted
    assert [found.tick(SENSOR).asked for _ in range(3)] == [()] * 3
    verdict(found, "d9", run_again=True, epoch=99)
    assert found.tick(SENSOR).keys == ["anchor_drifted:d9"]


@pytest.mark.parametrize(("cause", "lane"), [("leniency", "full"), ("judge changed", "recertify")])
def test_a_drifted_judge_is_suspended_and_recalibrated_once(
    cause: str, lane: str, watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch()
    verdict(found, "d1", state="drifted", cause=cause, suspends=True, action="calibrate again")
    tick = found.tick_and_run(SENSOR)
    assert tick.jobs == ["recalibrate"]
    assert tick.asked[0].run_config["ops"]["gate_verdict"]["config"]["lane"] == lane
    assert found.results[-1].success, projects.failure_of(found.results[-1])
    assert [state for _, state, _ in found.states()] == ["open", "suspended", "open"]
    assert [found.tick(SENSOR).asked for _ in range(2)] == [(), ()], "the verdict was about the judge before"
    assert found.tick("judge_model_changed").asked == ()


@pytest.mark.parametrize("cause", ["population", "humans", "repeatability", "silent change"])
def test_what_asking_again_does_not_answer_is_told_and_left_to_people(
    cause: str, watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch()
    verdict(found, "d1", cause=cause, action="do this yourself")
    tick = found.tick(SENSOR)
    assert tick.asked == ()
    assert f"cause {cause}: do this yourself" in tick.told
    assert found.states() == [("decision", "open", 0)]


def test_a_real_change_of_model_found_by_the_anchor_is_asked_about_by_one_sensor(
    watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch()
    assert found.job("anchor_watch").success
    dial.serve("rehearsal-large-2026-09")
    assert found.job("anchor_watch").success, "drift is a failed check, not a failed run"
    drift = found.project.store("anchor").read("drift_verdicts").sort("epoch").tail(1)
    assert (drift["cause"][0], drift["suspends"][0]) == ("judge changed", True)
    asked = [found.tick(sensor).jobs for sensor in (SENSOR, "judge_model_changed")]
    assert asked == [[], ["recalibrate"]]
    suspended = found.project.store("gate").read("verdicts").filter(pl.col("kind") == "suspension")
    assert suspended.height == 1, "the anchor suspended it; the sensors add nothing"
