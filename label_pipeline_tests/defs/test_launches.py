"""The two launches that need a real code server: a backfill, and a retry from failure. Nothing is sent either."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import dagster as dg
import pytest
import yaml

from label_pipeline.defs.build import build
from label_pipeline.settings import SAMPLE, load
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import DAYS, Provider

WAIT_S = 240
INSTANCE = """
telemetry: {enabled: false}
run_coordinator:            # launch at once: no daemon runs here
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
"""


def nightly() -> dg.JobDefinition:
    """The nightly job of the project LABEL_PIPELINE_CONFIG names, for a retry that must find it again."""
    return build(load()).resolve_job_def("nightly_amplification")


@pytest.fixture
def closed(
    certified_home: Path, provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """A project without any verdict as a settings file, and a Dagster instance on disk that other processes share."""
    home = projects.copied(certified_home, tmp_path / "home")
    rmtree(home / "tables" / "verdicts")
    content = projects.data(home)
    content["rubric"] = str(SAMPLE.parent / "rubric.yaml")
    content["candidates"][0]["prompts"] = [str(SAMPLE.parent / "prompts" / "plain.yaml")]
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump(content))
    dagster_home = tmp_path / "dagster"
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text(INSTANCE)
    monkeypatch.setenv("LABEL_PIPELINE_CONFIG", str(config))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home))
    with dg.DagsterInstance.get() as instance:
        yield instance


def _finished(instance: dg.DagsterInstance, count: int) -> list[dg.DagsterRun]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        runs = list(instance.get_runs())
        if len(runs) >= count and all(run.is_finished for run in runs):
            return runs
        time.sleep(0.5)
    raise AssertionError(f"{count} runs expected within {WAIT_S} s, found {list(instance.get_runs())}")


@pytest.mark.slow
def test_a_backfill_sends_nothing(closed: dg.DagsterInstance, provider: Provider) -> None:
    before = provider.requests()
    subprocess.run(
        [sys.executable, "-m", "dagster", "job", "backfill", "-m", "label_pipeline.definitions",
         "-j", "nightly_amplification", "--from", DAYS[0], "--to", DAYS[1], "--noprompt"],
        check=True, env=dict(os.environ), capture_output=True, timeout=WAIT_S,
    )  # fmt: skip
    runs = _finished(closed, 2)
    assert {run.tags["dagster/partition"] for run in runs} == set(DAYS[:2])
    assert {run.status for run in runs} == {dg.DagsterRunStatus.FAILURE}
    assert provider.requests() == before


@pytest.mark.slow
def test_a_retry_from_failure_sends_nothing(closed: dg.DagsterInstance, provider: Provider) -> None:
    before = provider.requests()
    job = dg.reconstructable(nightly)
    quiet = projects.QUIET
    with dg.execute_job(job, instance=closed, run_config=quiet, tags={"dagster/partition": DAYS[0]}) as first:
        assert not first.success
    again = dg.ReexecutionOptions.from_failure(first.run_id, closed)
    with dg.execute_job(
        job, instance=closed, run_config=quiet, tags={"dagster/partition": DAYS[0]}, reexecution_options=again
    ) as second:
        assert not second.success
        steps = {event.step_key for event in second.all_events if event.step_key}
    assert steps == {"amplified_labels"}, "a retry from failure starts at the step that failed"
    assert provider.requests() == before
