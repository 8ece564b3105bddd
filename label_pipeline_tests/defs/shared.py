"""A Dagster instance on disk and a settings file, for launches that happen in other processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml

from label_pipeline.settings import SAMPLE
from label_pipeline_tests.defs import projects

WAIT_S = 240
INSTANCE = """
telemetry: {enabled: false}
run_coordinator:            # launch at once: no daemon runs here
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
"""


@contextmanager
def shared_instance(
    home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *, concurrency: int = 16
) -> Iterator[dg.DagsterInstance]:
    """Names the project at ``home`` by the environment and opens an instance other processes can share."""
    content = projects.data(home)
    content["rubric"] = str(SAMPLE.parent / "rubric.yaml")
    content["candidates"][0]["prompts"] = [str(SAMPLE.parent / "prompts" / "plain.yaml")]
    content["endpoints"]["rehearsal"]["concurrency"] = concurrency
    config = folder / "settings.yaml"
    config.write_text(yaml.safe_dump(content))
    dagster_home = folder / "dagster"
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text(INSTANCE)
    monkeypatch.setenv("LABEL_PIPELINE_CONFIG", str(config))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home))
    with dg.DagsterInstance.get() as instance:
        yield instance


def wait_until(holds: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    """Waits until ``holds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.2)


def dagster(*arguments: str) -> subprocess.Popen[bytes]:
    """Starts a `dagster` command on the shared instance."""
    return subprocess.Popen([sys.executable, "-m", "dagster", *arguments], env=dict(os.environ), start_new_session=True)


def launch_nightly(instance: dg.DagsterInstance) -> subprocess.Popen[bytes]:
    """Launches the nightly job of the first day as the page does: in a process of its own, through the instance."""
    tags = json.dumps({"dagster/partition": projects.DAYS[0]})
    return dagster("job", "launch", "-m", "label_pipeline.definitions", "-j", "nightly_amplification", "--tags", tags)
