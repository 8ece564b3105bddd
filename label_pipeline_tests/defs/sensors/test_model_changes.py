"""`judge_model_changed` on a real instance: every change is handled once, a failed run floods nothing."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from label_pipeline.defs.names import COULD_NOT_LOOK
from label_pipeline.rehearsal.simulated import SimulatedModel
from label_pipeline.stages.watch.served_model import GONE_TICKS
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import Provider
from label_pipeline_tests.defs.sensors import ticking
from label_pipeline_tests.defs.sensors.ticking import KEY, SERVED, Dial, Watch

SENSOR = "judge_model_changed"
STRANGER = "another-model"
"""No candidate's `served_as` knows it, so job recalibrate must fail."""


@pytest.mark.slow
def test_a_model_that_changes_to_and_fro_is_handled_three_times(watch: Callable[..., Watch], dial: Dial) -> None:
    found, seen = watch(), []
    for number, model in enumerate((SERVED[1], SERVED[0], SERVED[1])):
        dial.serve(model)
        assert not found.night(number).success, "the certified judge is another one: nothing is labelled"
        tick = found.tick_and_run(SENSOR)
        assert tick.jobs == ["recalibrate"]
        assert found.results[-1].success, projects.failure_of(found.results[-1])
        seen += tick.keys
        calm = found.tick(SENSOR)
        assert (calm.asked, calm.told.endswith(f"is served by {model}, as certified")) == ((), True), calm.told
    assert len(set(seen)) == 3
    decision, suspension = ("decision", "open"), ("suspension", "suspended")
    expected = [(*decision, 0), (*suspension, 0), (*decision, 1), (*suspension, 1), (*decision, 2)]
    assert found.states() == [*expected, (*suspension, 2), (*decision, 3)]
    verdicts = found.project.store("gate").read("verdicts").filter(pl.col("kind") == "decision").sort("epoch")
    assert verdicts["lane"].to_list() == ["full", "recertify", "recertify", "recertify"]
    judges = verdicts["judge_version"].to_list()
    assert judges[0] == judges[2], "back to the first model it is the first judge again, under a verdict of its own"
    assert found.night(3).success, "and it labels"
    assert found.runs("recalibrate") == 3


def test_a_failed_recalibration_is_asked_for_once_more_and_never_again(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch(watch={"recalibration_cap_usd": 1, "retry_after_s": 0})
    dial.serve(STRANGER)
    assert not found.night(0).success
    ticks = [found.tick_and_run(SENSOR) for _ in range(8)]
    assert [result.success for result in found.results] == [False, False]
    first = ticks[0].keys[0]
    assert [tick.keys for tick in ticks] == [[first], [f"{first}:again"]] + [[]] * 6
    assert "failed, a second time" in ticks[-1].told
    assert [state for _, state, _ in found.states()] == ["open", "suspended"]
    dial.serve(SERVED[0])
    assert found.job("recalibrate", config={"ops": {"judge_leaderboard": {"config": {"fresh": True}}}}).success
    assert found.tick(SENSOR).told.endswith("as certified"), "a person settled it"


def test_until_the_pause_has_passed_nothing_is_asked_with_or_without_the_cursor(
    watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch()  # an hour
    dial.serve(STRANGER)
    assert not found.night(0).success
    assert found.tick_and_run(SENSOR).jobs == ["recalibrate"]
    for _ in range(2):
        waiting = found.tick(SENSOR)
        assert waiting.asked == ()
        assert "it is tried once more in 60 minutes" in waiting.told
        found.cursors.clear()
    assert [state for _, state, _ in found.states()] == ["open", "suspended"]


def test_a_vanished_model_is_asked_first_then_suspended_and_its_return_is_a_change(
    watch: Callable[..., Watch], dial: Dial, models: list[SimulatedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = watch()
    assert found.tick(SENSOR).asked == ()
    others = [model for model in models if model.name != "rehearsal-large"]
    with ticking.dialled(others, Dial()) as url:
        with monkeypatch.context() as moved:
            moved.setenv("LABEL_PIPELINE_PROVIDER", url)
            once, twice = found.tick(SENSOR), found.tick_and_run(SENSOR)
            assert (once.asked, twice.jobs) == ((), ["anchor_watch"])
            assert not found.results[-1].success
            assert Provider(url).requests() == 1, "the sensor asked no model; the run's scout was refused"
            assert found.states()[-1][1] == "open", "whoever labels is refused by the endpoint itself"
            ticks = [found.tick_and_run(SENSOR) for _ in range(GONE_TICKS - 2)]
        assert [tick.jobs for tick in ticks if tick.jobs] == [["recalibrate"]]
    assert found.states()[-1][1] == "suspended"
    back = found.tick_and_run(SENSOR)
    assert back.jobs == ["recalibrate"]
    assert found.results[-1].success, projects.failure_of(found.results[-1])
    assert found.states()[-1][1] == "open"


@pytest.mark.parametrize("trouble", ["nobody there", "no address", "no key", "wrong key"])
def test_a_provider_that_does_not_answer_is_no_change(
    trouble: str, watch: Callable[..., Watch], dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints = projects.data(Path())["endpoints"]
    endpoints["rehearsal"]["max_retries"] = 0
    found = watch(endpoints=endpoints)
    assert found.tick(SENSOR).told.endswith("as certified")
    if trouble == "nobody there":
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", "http://127.0.0.1:9/v1")
    elif trouble == "no address":
        monkeypatch.delenv("LABEL_PIPELINE_PROVIDER")
    elif trouble == "no key":
        monkeypatch.delenv("LABEL_PIPELINE_PROVIDER_KEY")
    else:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY + " of another day")
    for _ in range(3):
        tick = found.tick(SENSOR)
        assert tick.asked == ()
        assert "which is no change" in tick.told or "is not set" in tick.told
        assert tick.told.startswith(COULD_NOT_LOOK) or trouble == "wrong key", "so that somebody is told"
    assert found.states() == [("decision", "open", 0)]


def test_without_a_cap_it_suspends_reports_and_waits_and_goes_on_when_one_is_set(
    watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch(watch={"recalibration_cap_usd": 0})
    dial.serve(SERVED[1])
    assert not found.night(0).success
    ticks = [found.tick(SENSOR) for _ in range(3)]
    assert all(tick.asked == () for tick in ticks)
    assert [state for _, state, _ in found.states()] == ["open", "suspended"], "one suspension, however often it looks"
    assert "watch.recalibration_cap_usd is 0: nothing is asked. Set it to" in ticks[-1].told
    assert "costs at most $0." in ticks[-1].told
    raised = watch()
    raised.cursors = found.cursors
    tick = raised.tick_and_run(SENSOR)
    assert tick.jobs == ["recalibrate"]
    assert raised.results[-1].success
    caps = [op["config"]["cap_usd"] for op in tick.asked[0].run_config["ops"].values()]
    assert sum(caps) == pytest.approx(1)


def test_the_last_look_is_left_to_a_person(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch()
    store = found.project.store("gate")
    looks = store.read("holdout_looks")
    taken = [
        looks.with_columns(
            lane=pl.lit("recertify"), look=pl.lit(number, dtype=pl.Int64), verdict_id=pl.lit(f"v{number}")
        )
        for number in range(1, 5)
    ]
    store.append("holdout_looks", pl.concat(taken), "planted")
    dial.serve(SERVED[1])
    assert not found.night(0).success
    tick = found.tick(SENSOR)
    assert tick.asked == ()
    assert "[main] 1 of the recertify looks at its holdout left: grade about" in tick.told
    assert found.states()[-1][1] == "suspended"


def test_a_run_under_way_is_waited_for(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch()
    dial.serve(SERVED[1])
    assert not found.night(0).success
    job = found.repository.get_job("recalibrate")
    started = found.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    tick = found.tick(SENSOR)
    assert tick.asked == ()
    assert f"run {started.run_id} of job recalibrate is under way" in tick.told
    found.instance.report_run_canceled(started)
    assert found.tick(SENSOR).jobs == ["recalibrate"]
