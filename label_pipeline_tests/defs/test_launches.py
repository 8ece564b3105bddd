"""The two launches that need a real code server: a backfill, and a retry from failure. Nothing is sent either."""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import dagster as dg
import pytest

from label_pipeline.defs.build import build
from label_pipeline.settings import load
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import DAYS, Provider
from label_pipeline_tests.defs.shared import WAIT_S, dagster, shared_instance, wait_until


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
    with shared_instance(home, tmp_path, monkeypatch) as instance:
        yield instance


def _finished(instance: dg.DagsterInstance, count: int) -> list[dg.DagsterRun]:
    def done() -> bool:
        runs = list(instance.get_runs())
        return len(runs) >= count and all(run.is_finished for run in runs)

    wait_until(done, f"{count} runs to finish")
    return list(instance.get_runs())


@pytest.mark.long
@pytest.mark.slow
def test_a_backfill_sends_nothing(closed: dg.DagsterInstance, provider: Provider) -> None:
    before = provider.requests()
    launched = dagster(
        "job", "backfill", "-m", "label_pipeline.definitions", "-j", "nightly_amplification",
        "--from", DAYS[0], "--to", DAYS[1], "--noprompt",
    )  # fmt: skip
    assert launched.wait(WAIT_S) == 0
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
