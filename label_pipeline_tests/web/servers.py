"""A fresh Dagster instance with its web server and daemon as real processes, and questions to it over GraphQL.

The instance is the repository's own `dagster.yaml` and `workspace.yaml`, copied. Keep out: what is asked (test_*.py).
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

import yaml

from label_pipeline.cli.page import write_workspace
from label_pipeline.settings import Settings
from label_pipeline_tests.conftest import LEAKS
from label_pipeline_tests.web.processes import ended

ROOT = Path(__file__).parents[2]
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "label_pipeline"}
Found = TypeVar("Found")
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""

STATUS = "query ($run: ID!) { runOrError(runId: $run) { __typename ... on Run { status } } }"


@dataclass(frozen=True)
class Site:
    """A running web server and daemon.

    Attributes:
        url: of the page.
        home: DAGSTER_HOME; the logs of both processes are in it.
    """

    url: str
    home: Path

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The answer to a GraphQL query; an error in it fails the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        with urlopen(Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"}), timeout=60) as reply:
            answer = json.load(reply)
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])

    def launch(self, job: str) -> str:
        """Launches a job as the page does; gives the run's id."""
        selector = {"repositoryLocationName": "label_pipeline", "repositoryName": "__repository__", "jobName": job}
        params = {"selector": selector, "mode": "default", "runConfigData": {}}
        launched = self.ask(LAUNCH, params=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def finished(self, run: str, seconds: float = 300) -> str:
        """Waits for a run; gives how it ended."""

        def status() -> str | None:
            found = str(self.ask(STATUS, run=run)["runOrError"]["status"])
            return found if found in FINISHED else None

        return self.wait(status, f"run {run}", seconds)

    def wait(self, found: Callable[[], Found | None], what: str, seconds: float) -> Found:
        """Asks until there is something; what both processes said is shown where nothing comes."""
        deadline = time.monotonic() + seconds
        while (answer := found()) is None:
            assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}\n{self.said()}"
            time.sleep(0.5)
        return answer

    def said(self) -> str:
        """The last lines of both processes."""
        logs = sorted(self.home.glob("*.log"))
        return "\n".join(f"== {log.name}\n" + "\n".join(log.read_text().splitlines()[-30:]) for log in logs)


@contextmanager
def running_site(home: Path, environment: Mapping[str, str], also: Mapping[Path, Settings]) -> Iterator[Site]:
    """A web server and a daemon on a fresh instance in ``home`` while the block runs; all is killed at its end.

    Args:
        home: DAGSTER_HOME.
        environment: of both processes.
        also: further projects of the page, by their settings file.
    """
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, home / name)
    more = yaml.safe_load(write_workspace(home, also).read_text())["load_from"]
    ours = yaml.safe_load((home / "workspace.yaml").read_text())["load_from"]
    (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": ours + more}))
    inherited = {
        name: value for name, value in os.environ.items() if name not in LEAKS and not name.lower().endswith("_proxy")
    }
    env = {**inherited, **environment, "DAGSTER_HOME": str(home)}
    port = _free_port()
    site = Site(f"http://127.0.0.1:{port}", home)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        web = _start(site, env, "dagster-webserver", "--host", "127.0.0.1", "--port", str(port))
        processes.append(web)
        # one after the other: two processes that both find no database spoil it for each other
        site.wait(lambda: _up(site, web), "the web server", 90)
        processes.append(_start(site, env, "dagster-daemon", "run"))
        yield site
    finally:
        ended(*processes)


def _start(site: Site, env: Mapping[str, str], program: str, *arguments: str) -> subprocess.Popen[bytes]:
    with (site.home / f"{program}.log").open("wb") as log:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name(program)), *arguments],
            cwd=site.home, env=dict(env), stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def _up(site: Site, process: subprocess.Popen[bytes]) -> bool | None:
    assert process.poll() is None, f"the web server ended with {process.returncode}\n{site.said()}"
    try:
        with urlopen(f"{site.url}/server_info", timeout=5):
            return True
    except (URLError, TimeoutError, ConnectionError):
        return None


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
