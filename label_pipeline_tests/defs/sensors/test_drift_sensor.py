"""`anchor_drifted`: what the newest drift verdict asks for, by its cause, and only once."""

from collections.abc import Callable

import dagster as dg
import polars as pl
import pytest

from label_pipeline.core.catalogue import DRIFT_VERDICTS
from label_pipeline.defs.sensors.tick import ABOUT, COLLECTIONS, OCCASION
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


@pytest.mark.parametrize(("about", "asked"), [("main", []), ("mail", ["recalibrate"])])
def test_an_earlier_try_for_another_collection_of_the_judge_is_none_for_this_one(
    about: str, asked: list[str], watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch()
    judge = found.project.store("gate").query("calibrate/newest_judge")["judge_version"][0]
    found.instance.create_run_for_job(
        found.repository.get_job("recalibrate"), status=dg.DagsterRunStatus.SUCCESS,
        tags={ABOUT: f"{judge}@0", OCCASION: "judge_model_changed:1", COLLECTIONS: f'["{about}"]'},
    )  # fmt: skip
    verdict(found, "d1", state="drifted", cause="leniency", suspends=True, action="calibrate again")
    assert found.tick(SENSOR).jobs == asked


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


def test_a_canary_that_stopped_a_night_asks_for_one_anchor_run(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch()
    assert found.tick(SENSOR).asked == ()
    stopped(found, "canary: the loss on 30 pairs rose", epoch=7)
    tick = found.tick_and_run(SENSOR)
    assert (tick.jobs, tick.keys) == (["anchor_watch"], ["anchor_drifted:canary:7"])
    assert "[main] canary: the loss on 30 pairs rose" in tick.asked[0].tags["label_pipeline/reason"]
    assert found.results[-1].success, projects.failure_of(found.results[-1])
    for _ in range(2):
        calm = found.tick(SENSOR)
        assert (calm.asked, "on 30 pairs rose" in calm.told) == ((), False), "the anchor run has answered it"
    stopped(found, "canary: it was ill for a night", epoch=97)
    stopped(found, None, epoch=98)
    assert found.tick(SENSOR).asked == ()
    stopped(found, "canary: none of 30 pairs was answered", epoch=99)
    assert found.tick(SENSOR).keys == ["anchor_drifted:canary:99"]


def stopped(watch: Watch, reason: str | None, epoch: int) -> None:
    """A canary as an amplification would have left it."""
    store = watch.project.store("anchor")
    judge = store.query("calibrate/newest_judge")["judge_version"][0]
    row = {"judge_version": judge, "epoch": epoch, "kind": "canary", "reason": reason, "ran_at": watch.clock()}
    empty = {"models": "[]", "fingerprints": "[]"}
    store.append("anchor_runs", rows("anchor_runs", row | empty), f"planted:{epoch}")
    opened = {"epoch": epoch, "purpose": "canary", "collection": "main", "opened_at": watch.clock()}
    store.append("epochs", rows("epochs", opened), f"epoch:{epoch}")
