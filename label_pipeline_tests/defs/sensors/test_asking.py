"""Sensors that look in one second ask for one run: Dagster makes it only after a tick has ended."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import dagster as dg
import pytest

from label_pipeline.defs.names import names_of
from label_pipeline.defs.sensors import tick as module
from label_pipeline.defs.sensors.asking import PATIENCE
from label_pipeline.defs.sensors.tick import Tick
from label_pipeline.operations.project import Project, utc_now
from label_pipeline.stages.watch import LOAD_SEED, Finding, WantedRun
from label_pipeline_tests.defs import projects


@pytest.fixture
def tick(tmp_path: Path, instance: dg.DagsterInstance) -> Tick:
    settings = projects.settings(tmp_path)
    return Tick(Project(settings), instance, names_of(settings))


def wants(occasion: str) -> Finding:
    return Finding((WantedRun(LOAD_SEED, occasion, "", f"{occasion} happened"),), (), "", ())


def test_a_second_sensor_asks_for_nothing_while_the_run_of_the_first_is_not_there(tick: Tick) -> None:
    [request], _ = tick.settle(wants("files changed"))
    requests, [told] = tick.settle(wants("another reason"))
    assert requests == []
    assert told == "another reason happened: job load_seed was asked for 0 s ago, its run comes first"
    assert request.run_key == "files changed"


def test_ten_sensors_at_one_moment_ask_once(tick: Tick) -> None:
    together = Barrier(10)

    def one(number: int) -> int:
        together.wait()
        requests, _ = tick.settle(wants(f"reason {number}"))
        return len(requests)

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(one, range(10))) == 1


def test_when_its_run_has_ended_the_next_may_ask(tick: Tick, instance: dg.DagsterInstance) -> None:
    [request], _ = tick.settle(wants("files changed"))
    job = dg.Definitions(assets=[dg.AssetSpec("x")]).resolve_implicit_global_asset_job_def()
    run = instance.create_run_for_job(job, tags={"dagster/run_key": str(request.run_key), **request.tags})
    instance.report_run_failed(run)
    requests, _ = tick.settle(wants("another reason"))
    assert len(requests) == 1


def test_a_daemon_that_died_before_it_made_the_run_holds_nobody_up_for_long(
    tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick.settle(wants("files changed"))
    monkeypatch.setattr(module, "utc_now", lambda: utc_now() + PATIENCE + timedelta(seconds=1))
    requests, _ = tick.settle(wants("files changed"))
    assert len(requests) == 1
