"""Runs the installed `label-pipeline` as a person does, in a process of its own. Keep out: what it is run on."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

COMMAND = Path(sys.executable).parent / "label-pipeline"
PATIENCE_S = 300.0
"""A process on a busy machine; a hung one is a failed test."""


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All it said on one line, so that where a terminal wraps makes no difference."""
        return " ".join((self.out + " " + self.err).split())


@dataclass(frozen=True)
class Shell:
    """A person's terminal: a folder, and what was exported there. Every command is free of the tests' environment.

    Attributes:
        folder: where commands run.
        exported: variables on top of the process's own.
    """

    folder: Path
    exported: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Starts `label-pipeline ARGUMENTS`; the caller ends it."""
        environment = {**os.environ, "COLUMNS": "80", "PYTHONUNBUFFERED": "1", **self.exported}
        return subprocess.Popen(
            [COMMAND, *map(str, arguments)], cwd=self.folder, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: object) -> Ended:
        """Runs `label-pipeline ARGUMENTS` to its end."""
        return ended(self.start(*arguments))


def ended(process: subprocess.Popen[str]) -> Ended:
    """Waits for a started command; no traceback may reach a person."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert "Traceback" not in out + err, out + err
    return Ended(process.returncode, out, err)


def stats(base_url: str) -> dict[str, int]:
    """The provider's counts so far."""
    with urlopen(base_url.removesuffix("/v1") + "/stats") as reply:
        found: dict[str, int] = json.load(reply)
    return found


def wait_for_requests(base_url: str, number: int) -> None:
    """Returns once the provider was asked so often."""
    deadline = time.monotonic() + PATIENCE_S
    while stats(base_url)["requests"] < number:
        assert time.monotonic() < deadline, f"the provider was asked {stats(base_url)['requests']} times in time"
        time.sleep(0.02)


@contextmanager
def provided(shell: Shell, *arguments: object) -> Iterator[str]:
    """Runs `label-pipeline provide ARGUMENTS` beside the block; yields the base URL it prints."""
    process = shell.start("provide", *arguments)
    assert process.stdout is not None
    try:
        name, _, url = process.stdout.readline().strip().partition("=")
        assert name == "export LABEL_PIPELINE_PROVIDER", name
        yield url
    finally:
        process.terminate()
        ended(process)
