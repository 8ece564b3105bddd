"""A real daemon, killed and started again: cursor, run key and tick history go on where they were."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from label_pipeline.settings import SAMPLE
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.sensors import ticking
from label_pipeline_tests.defs.sensors.ticking import SERVED, Dial, Watch
from label_pipeline_tests.defs.shared import wait_until

SENSOR = "judge_model_changed"
INSTANCE = """
telemetry: {enabled: false}
run_coordinator:            # what is asked for stays queued: this is about asking
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {max_concurrent_runs: 0}
"""


@pytest.fixture
def shared(
    watched_home: Path, dial: Dial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[dg.DagsterInstance, Watch]]:
    """An instance folder and a settings file other processes share, and the same project in this process."""
    home = projects.copied(watched_home, tmp_path / "home")
    content = ticking.watched_content(home)
    content["rubric"] = str(SAMPLE.parent / "rubric.yaml")
    content["candidates"][0]["prompts"] = [str(SAMPLE.parent / "prompts" / "plain.yaml")]
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text(INSTANCE)
    monkeypatch.setenv("LABEL_PIPELINE_CONFIG", str(tmp_path / "settings.yaml"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    with dg.DagsterInstance.get() as instance:
        yield instance, Watch(ticking.watched_settings(home), instance)


@contextmanager
def daemon() -> Iterator[subprocess.Popen[bytes]]:
    """A running `dagster-daemon` on the instance the environment names; killed with all its children at the end."""
    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-m", "label_pipeline.definitions"]
    started = subprocess.Popen(
        command, env=dict(os.environ), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield started
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def state_of(instance: dg.DagsterInstance) -> tuple[str | None, list[InstigatorTick]]:
    """Cursor and ticks of the sensor, oldest first."""
    for state in instance.all_instigator_state():
        if state.instigator_name == SENSOR:
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
            cursor = getattr(state.instigator_data, "cursor", None)
            return cursor, sorted(ticks, key=lambda tick: tick.timestamp)
    return None, []


@pytest.mark.long
@pytest.mark.slow
def test_a_killed_daemon_asks_for_nothing_twice(shared: tuple[dg.DagsterInstance, Watch], dial: Dial) -> None:
    instance, watch = shared
    dial.serve(SERVED[1])
    assert not watch.night(0).success

    def asked() -> list[dg.DagsterRun]:
        return list(instance.get_runs(dg.RunsFilter(job_name="recalibrate")))

    with daemon():
        wait_until(lambda: bool(asked()) and len(state_of(instance)[1]) >= 2, "the request and one look after it")
    cursor, before = state_of(instance)
    assert cursor is not None
    assert '"changes": 1' in cursor
    with daemon():
        wait_until(lambda: len(state_of(instance)[1]) >= len(before) + 3, "three looks after the restart")
    after_cursor, ticks = state_of(instance)

    [run] = asked()
    assert run.status is dg.DagsterRunStatus.QUEUED
    assert run.tags["dagster/run_key"].endswith("@0:1")
    assert after_cursor == cursor
    done = [tick for tick in ticks if tick.status is TickStatus.SUCCESS]
    assert [tick.run_keys for tick in done] == [[run.tags["dagster/run_key"]]]
    assert [tick.run_ids for tick in done] == [[run.run_id]]
    # a look the kill interrupted is closed by the next daemon as skipped, without a reason
    interrupted = {tick.tick_id for tick in before if tick.status is TickStatus.STARTED}
    finished = [tick for tick in ticks if tick.status is not TickStatus.STARTED and tick.tick_id not in interrupted]
    assert len(finished) >= len(ticks) - 2
    assert {tick.status for tick in finished} == {TickStatus.SUCCESS, TickStatus.SKIPPED}
    waits = f"run {run.run_id} of job recalibrate is under way"
    skipped = [str(tick.skip_reason) for tick in finished if tick.status is TickStatus.SKIPPED]
    assert len(skipped) >= 2
    assert [reason for reason in skipped if waits not in reason] == []
    assert [tick.tick_id for tick in ticks[: len(before)]] == [tick.tick_id for tick in before], "the history is kept"
    assert [state for _, state, _ in watch.states()] == ["open", "suspended"]
