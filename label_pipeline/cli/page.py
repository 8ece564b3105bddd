"""`ui`: the Dagster page and its daemon on one project or several, on the instance the command line uses too."""

import os
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from label_pipeline.cli.instance import dagster_home
from label_pipeline.core.errors import SettingsError
from label_pipeline.settings import HOME_VARIABLE, Settings, load

LOADS = '''"""Written by `label-pipeline ui`: what Dagster loads as code location {location}."""

from label_pipeline.definitions import definitions_of

defs = definitions_of({config!r})
'''


def open_page(configs: Sequence[Path], host: str, port: int) -> None:
    """Becomes `dagster dev`; does not come back.

    Args:
        configs: settings files; each project is a code location.
        host: where the page listens.
        port: its port.

    Raises:
        SettingsError: two projects share a code location, keys in Dagster, or a home; or they share no instance;
            or the port is taken, which Dagster would say among a screen of other lines.
    """
    projects = {config: load(config) for config in configs}
    if len(projects) > 1 and not os.environ.get("DAGSTER_HOME"):
        raise SettingsError(
            "several projects share a page only where they share an instance, and without DAGSTER_HOME each has its "
            "own: export DAGSTER_HOME=FOLDER, also for `label-pipeline run`"
        )
    home = dagster_home(next(iter(projects.values())))
    workspace = write_workspace(home, projects)
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", host, "-p", str(port)]
    _refuse_port(host, port)
    os.execve(command[0], command, environment(os.environ, home, projects.values()))


def _refuse_port(host: str, port: int) -> None:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"port {port} on {host} cannot be used: {error.strerror or error}; choose another one with --port, or "
                "see whether the page is open already"
            ) from error


def write_workspace(home: Path, projects: Mapping[Path, Settings]) -> Path:
    """Writes a workspace of ``projects`` into folder `.workspace` of ``home``; returns its file.

    Args:
        home: of the instance; it may be a checkout of this project, as `make ui` has it.
        projects: settings by their file.

    Raises:
        SettingsError: two projects share a code location, keys in Dagster, or a home.
    """
    _refuse_shared("a code location", {path: one.location for path, one in projects.items()}, "dagster: {location: ..}")
    _refuse_shared(
        "a prefix of keys", {path: "/".join(one.keys.prefix) or "none" for path, one in projects.items()},
        "dagster: {prefix: [..]}, then `label-pipeline migrate-keys` where it has run before",
    )  # fmt: skip
    _refuse_shared("a home", {path: str(one.home_path) for path, one in projects.items()}, "home: FOLDER")
    folder = home / ".workspace"
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for config, settings in projects.items():
        module = folder / f"{settings.location}.py"
        module.write_text(LOADS.format(location=settings.location, config=str(config)), encoding="utf-8")
        entries.append({"python_file": {"relative_path": str(module), "location_name": settings.location}})
    workspace = folder / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": entries}), encoding="utf-8")
    return workspace


def environment(inherited: Mapping[str, str], home: Path, projects: Iterable[Settings]) -> dict[str, str]:
    """The environment of page and daemon: the instance, and the folder that homes nobody named are under."""
    unnamed = [found.home_path.parents[1] for found in projects if found.home is None]
    named = {HOME_VARIABLE: str(unnamed[0])} if unnamed else {}
    return {**inherited, **named, "DAGSTER_HOME": str(home)}


def _refuse_shared(what: str, names: Mapping[Path, str], key: str) -> None:
    for path, name in names.items():
        if also := [other for other, its in names.items() if its == name and other != path]:
            raise SettingsError(f"{path} and {also[0]} have {what} in common ({name}); give one of them {key}")
