"""The heartbeat file: who may label, what is red, and that it beats whatever else is broken."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.selector import InstigatorSelector
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster_shared.error import SerializableErrorInfo

from label_pipeline.defs.alerts import heartbeat
from label_pipeline.defs.names import Names
from label_pipeline.settings import SAMPLE
from label_pipeline_tests.adapters.receiver import Receiver
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.alerts.ticks import Daemon, daemon
from label_pipeline_tests.defs.projects import DAYS

NAMES = Names((), (), "p")


def test_the_heartbeat_names_the_last_night_and_who_may_label(
    certified_home: Path, provider: projects.Provider, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    watch = Daemon(projects.graph(projects.settings(home), instance))
    watch.tick()
    assert (watch.beat["open_collections"], watch.beat["last_nightly"]) == (["main"], None)
    assert watch.beat["healthy"]
    assert watch.graph.run("amplified_labels", day=DAYS[0]).success
    watch.tick()
    night = watch.beat["last_nightly"]
    assert (night["day"], night["pairs_in"], night["failed"]) == (DAYS[0], projects.PAIRS_A_DAY, 0)
    late = Daemon(projects.graph(projects.settings(home), instance, projects.START + timedelta(days=91)))
    late.tick()
    assert (late.beat["open_collections"], late.beat["closed_collections"]) == ([], {"main": "stale"})
    assert not late.beat["healthy"], "nobody may label: the nights come to nothing, and only the watchdog may notice"
    assert late.beat["trouble"] == "no collection may be labelled: see check judge_gate"


def test_before_the_first_verdict_nothing_is_wrong(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    watch = Daemon(projects.graph(projects.settings(tmp_path), instance))
    watch.tick()
    assert (watch.beat["open_collections"], watch.beat["healthy"]) == ([], True)


def test_a_daemon_that_runs_for_weeks_sees_an_edited_rubric(
    certified_home: Path, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    rubric = tmp_path / "rubric.yaml"
    text = (SAMPLE.parent / "rubric.yaml").read_text()
    rubric.write_text(text)
    watch = Daemon(projects.graph(projects.settings(home, rubric=str(rubric)), instance))
    watch.tick()
    assert watch.beat["open_collections"] == ["main"]
    rubric.write_text(text.replace('version: "1"', 'version: "2"'))
    watch.tick()
    assert watch.beat["closed_collections"] == {"main": "stale"}


def test_the_heart_beats_also_where_the_project_is_broken(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    found = projects.settings(tmp_path, rubric="gone.yaml")
    watch = Daemon(projects.graph(found, instance))
    watch.tick()
    assert "gone.yaml" in watch.beat["trouble"]
    assert not watch.beat["healthy"]
    assert watch.beat["open_collections"] is None


@pytest.mark.parametrize(("history", "red"), [(["SKIPPED", "FAILURE"], True), (["FAILURE", "SKIPPED"], False)])
def test_the_heartbeat_names_a_sensor_whose_last_tick_failed(history: list[str], red: bool, tmp_path: Path) -> None:
    selector = InstigatorSelector(location_name="here", repository_name="r", name="judge_model_changed")
    place = RegisteredCodeLocationOrigin("here")
    origin = RemoteRepositoryOrigin(place, "r").get_instigator_origin("judge_model_changed")
    running = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.add_instigator_state(running)
        for second, status in enumerate([*history, "STARTED"]):
            tick = TickData(
                origin.get_id(), "judge_model_changed", InstigatorType.SENSOR, TickStatus(status), float(second),
                selector_id=selector.get_id(),
                error=SerializableErrorInfo("no table", [], "TableError") if status == "FAILURE" else None,
            )  # fmt: skip
            instance.create_tick(tick)
        assert heartbeat.failing(instance, "here", NAMES) == (["judge_model_changed"] if red else [])
        assert heartbeat.failing(instance, "elsewhere", NAMES) == []
        instance.update_instigator_state(running.with_status(InstigatorStatus.STOPPED))
        assert heartbeat.failing(instance, "here", NAMES) == []


def test_alerts_go_out_also_where_the_heartbeat_cannot_be_written(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    (tmp_path / "file").write_text("")
    watch = daemon(tmp_path, instance, heartbeat=str(tmp_path / "file" / "beat.json"))
    watch.fails("judge_gate", "gate_verdict")
    said = watch.tick()
    assert said.startswith("told 1 of 1 alerts; the heartbeat file")
    assert "make its folder writable" in said
    assert watch.tick().startswith("nothing failed; the heartbeat file")
