"""`ui`: several projects in one workspace, each its own code location, on the instance the command line uses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from socket import socket
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
import yaml

from label_pipeline.cli.init import name_after
from label_pipeline.cli.instance import dagster_home
from label_pipeline.cli.page import environment, write_workspace
from label_pipeline.core.errors import SettingsError
from label_pipeline.settings import HOME_VARIABLE, SAMPLE, Settings, load
from label_pipeline.settings.identity import remember
from label_pipeline_tests.cli.commands import COMMAND, PATIENCE_S, Shell

ROOT = Path(__file__).parents[2]


def made(shell: Shell, *folders: str) -> dict[Path, Settings]:
    for folder in folders:
        assert shell.here("init", folder).code == 0
    paths = [shell.folder / folder / "settings.yaml" for folder in folders]
    return {path: load(path) for path in paths}


@pytest.mark.outside
def test_dagster_loads_every_project_of_the_workspace(shell: Shell) -> None:
    """Two markets and the sample, by Dagster's own command."""
    projects = made(shell, "shop DE", "shop_at") | {SAMPLE: load(SAMPLE)}
    package = shell.folder / "dagster" / "label_pipeline"  # the home of `make ui` is the checkout
    package.mkdir(parents=True)
    workspace = write_workspace(shell.folder / "dagster", projects)
    assert not list(package.iterdir()), "nothing is written into the package"
    locations = [entry["python_file"]["location_name"] for entry in yaml.safe_load(workspace.read_text())["load_from"]]
    assert locations == ["shop-de", "shop-at", "sample"]
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(workspace)]
    env = environment(os.environ, shell.folder / "dagster", projects.values())
    done = subprocess.run(command, cwd=shell.folder, env=env, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for location in locations:
        assert f"Validation successful for code location {location}" in said


WHICH = """{ assetNodes { assetKey { path } repository { location { name } } } }"""


@pytest.mark.long
@pytest.mark.outside
def test_the_page_shows_two_projects_until_ctrl_c(shell: Shell) -> None:
    """As a person starts and stops it: the command itself, its page and its daemon."""
    projects = made(shell, "shop-de", "shop-at")
    (shell.folder / "dagster").mkdir()
    sharing = Shell(shell.folder, {**shell.exported, "DAGSTER_HOME": str(shell.folder / "dagster")})
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    configs = [part for path in projects for part in ("--config", path)]
    with (shell.folder / "ui.log").open("w") as log:
        page = subprocess.Popen(
            [COMMAND, "ui", *configs, "--port", str(port)], cwd=shell.folder, stdout=log, stderr=log,
            env={**os.environ, **sharing.exported}, start_new_session=True,
        )  # fmt: skip
        try:
            found = asked(f"http://127.0.0.1:{port}/graphql", page, shell.folder / "ui.log")
        finally:
            os.killpg(page.pid, signal.SIGINT)
            page.wait(PATIENCE_S)
    shown = {(node["repository"]["location"]["name"], node["assetKey"]["path"][0]) for node in found}
    assert shown == {("shop-de", "shop-de"), ("shop-at", "shop-at")}
    assert (shell.folder / "dagster" / "history").is_dir(), "on the instance the command line uses"


def asked(url: str, page: subprocess.Popen[bytes], log: Path) -> list[dict[str, Any]]:
    """Every asset the page shows, once it shows those of both projects."""
    request = Request(url, json.dumps({"query": WHICH}).encode(), {"Content-Type": "application/json"})
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert page.poll() is None, log.read_text()
        try:
            with urlopen(request, timeout=10) as reply:
                nodes: list[dict[str, Any]] = json.load(reply)["data"]["assetNodes"]
            if len({node["repository"]["location"]["name"] for node in nodes}) == 2:
                return nodes
        except (URLError, TimeoutError, ConnectionError):
            pass
        time.sleep(0.5)
    raise AssertionError(log.read_text())


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("dagster: {prefix: [two]}\n", "a code location"),
        ("dagster: {location: two}\n", "a prefix of keys"),
        ("dagster: {prefix: [two], location: two}\n", "a home"),
    ],
)
def test_projects_that_would_be_mixed_up_are_refused(line: str, what: str, shell: Shell) -> None:
    made(shell, "one")
    first = shell.folder / "one" / "settings.yaml"
    second = first.with_name("second.yaml")
    second.write_text(first.read_text() + line)
    apart = shell.here("ui", "--config", first, "--config", second)
    assert apart.code == 2
    assert "without DAGSTER_HOME each has its own: export DAGSTER_HOME=FOLDER" in apart.said
    sharing = Shell(shell.folder, {**shell.exported, "DAGSTER_HOME": str(shell.folder)})
    end = sharing.here("ui", "--config", first, "--config", second)
    assert end.code == 2
    assert f"have {what} in common" in end.said


def test_a_port_that_is_taken_is_one_line(shell: Shell) -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        made(shell, "mine")
        end = shell.here("ui", "--config", shell.folder / "mine" / "settings.yaml", "--port", port)
    assert end.code == 2
    assert f"port {port} on 127.0.0.1 cannot be used: Address already in use" in end.said


def test_two_older_projects_must_get_keys_of_their_own_first(shell: Shell) -> None:
    projects = made(shell, "one", "two")
    for settings in projects.values():
        remember(settings.home_path, settings.keys._replace(prefix=()))
    with pytest.raises(SettingsError, match="a code location in common"):
        write_workspace(shell.folder / "w", projects)


def test_the_page_and_the_command_line_have_one_instance(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    [(_, mine)] = made(shell, "mine").items()
    assert dagster_home(mine) == shell.folder / "mine" / "runs" / "dagster"
    sample = load(SAMPLE)
    found = environment({}, dagster_home(mine), [mine, sample])
    assert found["DAGSTER_HOME"] == str(shell.folder / "mine" / "runs" / "dagster")
    monkeypatch.setenv("DAGSTER_HOME", found["DAGSTER_HOME"])
    monkeypatch.setenv(HOME_VARIABLE, found[HOME_VARIABLE])
    assert load(SAMPLE).home_path == sample.home_path, "what the page loads is what the command line ran"


WHERE = """
import json
from dagster import DagsterInstance
with DagsterInstance.get() as instance:
    print(json.dumps([str(instance.event_log_storage._base_dir), instance.storage_directory(),
                      instance.compute_log_manager._base_dir]))
"""


@pytest.mark.outside
def test_the_shipped_instance_is_the_same_wherever_a_process_starts(tmp_path: Path) -> None:
    """Its folders were relative: the page started elsewhere had a history of its own."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    found = []
    for place in ("home", "elsewhere"):
        (tmp_path / place).mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", WHERE], cwd=tmp_path / place, capture_output=True, text=True, check=True,
            env={**os.environ, "DAGSTER_HOME": str(tmp_path / "home")},
        )  # fmt: skip
        found.append(json.loads(done.stdout))
    assert found[0] == found[1]
    assert all(folder.startswith(str(tmp_path / "home" / ".runs" / "dagster")) for folder in found[0])
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("my-search", "my-search"),
        ("My Search (2)", "my-search-2"),
        ("_x", "x"),
        ("\u732b", "mine"),
        ("a" * 60, "a" * 40),
    ],
)
def test_a_project_is_named_after_its_folder(folder: str, name: str, tmp_path: Path) -> None:
    assert name_after(tmp_path / folder) == name
