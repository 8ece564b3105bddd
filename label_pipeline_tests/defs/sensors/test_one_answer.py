"""One question, one answer: two sensors at one moment a person who was quicker, a judge certified meanwhile."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from label_pipeline.rehearsal.simulated import SimulatedModel
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.stages.watch.served_model import GONE_TICKS
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.sensors import ticking
from label_pipeline_tests.defs.sensors.test_seed_sensor import grade_more
from label_pipeline_tests.defs.sensors.ticking import LOOSE, SERVED, THRESHOLDS, Dial, Watch

CHANGED, GREW = "judge_model_changed", "new_human_labels"
FRESH = {"ops": {"judge_leaderboard": {"config": {"fresh": True}}}}
STRICT: dict[str, Any] = {**LOOSE, "thresholds": {**THRESHOLDS, "r2_low": 0.99}}


def looks(watch: Watch) -> int:
    return watch.project.store("gate").read("holdout_looks").height


@pytest.mark.parametrize("order", [(CHANGED, GREW), (GREW, CHANGED)], ids=["model first", "labels first"])
def test_two_sensors_at_one_moment_ask_for_one_recalibration_and_spend_one_look(
    order: tuple[str, str], watch: Callable[..., Watch], dial: Dial, world: SampleWorld
) -> None:
    found = watch()
    found.tick(GREW)
    grade_more(found, world, 8)
    assert found.tick_and_run(GREW).jobs == ["load_seed"]
    dial.serve(SERVED[1])
    assert not found.night(0).success
    before = looks(found)
    ticks = {sensor: found.tick(sensor) for sensor in order}  # nothing runs in between
    assert [tick.jobs for tick in ticks.values()] == [["recalibrate"] if sensor == CHANGED else [] for sensor in order]
    assert "humans graded" in ticks[GREW].told
    assert "is suspended, and the rec" in ticks[GREW].told or "sensor judge_model_changed comes first" in (
        ticks[GREW].told
    )
    [request] = ticks[CHANGED].asked
    done = found.run(request, CHANGED)
    assert done.success, projects.failure_of(done)
    assert [found.tick(sensor).asked for sensor in order] == [(), ()]
    assert looks(found) == before + 1


def test_what_a_person_had_decided_is_not_asked_again(watch: Callable[..., Watch], dial: Dial) -> None:
    waiting = watch(watch={"recalibration_cap_usd": 0})
    dial.serve(SERVED[1])
    assert not waiting.night(0).success
    assert waiting.tick(CHANGED).asked == ()
    strict = watch(gate=STRICT)
    strict.cursors = waiting.cursors
    assert not strict.job("recalibrate", config=FRESH).success, "the full gate closed on the other model"
    before = looks(strict)
    for cursor in (strict.cursors[CHANGED], None):  # also where the cursor was reset
        strict.cursors[CHANGED] = cursor
        tick = strict.tick_and_run(CHANGED)
        assert tick.asked == ()
        assert "the gate has decided since and nothing opened" in tick.told
    assert looks(strict) == before
    assert [state for _, state, _ in strict.states()] == ["open", "suspended", "closed"]


def test_and_the_next_change_is_asked_about(watch: Callable[..., Watch], dial: Dial) -> None:
    """The control: a verdict answers the change it came after, not the one after it."""
    waiting = watch(watch={"recalibration_cap_usd": 0})
    dial.serve(SERVED[1])
    assert not waiting.night(0).success
    waiting.tick(CHANGED)
    strict = watch(gate=STRICT)
    strict.cursors = waiting.cursors
    assert not strict.job("recalibrate", config=FRESH).success
    assert strict.tick(CHANGED).asked == ()
    dial.serve(SERVED[0])
    # somebody calibrates once more, and it is the first model again
    job = strict.repository.get_job("recalibrate")
    found = job.execute_in_process(
        instance=strict.instance, asset_selection=[dg.AssetKey("judge_leaderboard")],
        run_config={**FRESH, **projects.QUIET}, raise_on_error=False,
    )  # fmt: skip
    assert found.success, projects.failure_of(found)
    asked = strict.tick(CHANGED)
    assert asked.jobs == ["recalibrate"]
    assert asked.keys[0].endswith(":2")


def test_a_judge_certified_while_the_list_lacked_its_model_may_label(
    watch: Callable[..., Watch], dial: Dial, models: list[SimulatedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = watch(watch={"recalibration_cap_usd": 0})
    found.tick(CHANGED)
    job = found.definitions.resolve_implicit_global_asset_job_def()
    first = [dg.AssetKey(name) for name in ("judge_leaderboard", "calibrated_judge")]
    calibrated = job.execute_in_process(
        instance=found.instance, asset_selection=first, run_config={**FRESH, **projects.QUIET}, raise_on_error=False
    )
    assert calibrated.success, projects.failure_of(calibrated)
    others = [model for model in models if model.name != ticking.MODEL]
    with ticking.dialled(others, Dial()) as url, monkeypatch.context() as moved:
        moved.setenv("LABEL_PIPELINE_PROVIDER", url)
        for _ in range(GONE_TICKS):
            found.tick(CHANGED)
    assert found.states()[-1] == ("suspension", "suspended", 0)
    decided = found.materialise("gate_verdict")
    assert decided.success, projects.failure_of(decided)
    assert found.states()[-1] == ("decision", "open", 1)
    assert found.night(0).success, "the new verdict stands"
