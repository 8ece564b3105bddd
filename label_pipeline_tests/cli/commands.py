"""Runs `label-pipeline` as a person does: the installed command in a process of its own, or its main() in this one.

The second is for messages and exit codes: it saves five seconds of imports each time. Keep out: what it is run on.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest

from label_pipeline.cli import main

COMMAND = Path(sys.executable).parent / "label-pipeline"
# Where nothing may write bytecode, every process would compile 13,000 modules again: seven seconds instead of two.
_CACHE = Path(tempfile.gettempdir()) / f"label_pipeline_tests_{os.getuid()}_bytecode"
_KEEP_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(_CACHE)}
_BYTECODE = _KEEP_BYTECODE if os.environ.get("PYTHONDONTWRITEBYTECODE") else {}

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

    def start(self, *arguments: object, through: Sequence[object] = ()) -> subprocess.Popen[str]:
        """Starts `label-pipeline ARGUMENTS`, as the last words of the command ``through``; the caller ends it."""
        environment = {**os.environ, **_BYTECODE, "COLUMNS": "80", "PYTHONUNBUFFERED": "1", **self.exported}
        if through:  # a planted full disk must not leave half a module in the cache of all others
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        return subprocess.Popen(
            [*map(str, through), COMMAND, *map(str, arguments)], cwd=self.folder, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: object) -> Ended:
        """Runs `label-pipeline ARGUMENTS` to its end."""
        return ended(self.start(*arguments))

    def here(self, *arguments: object) -> Ended:
        """The same in this process."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, chdir(self.folder):
            for name, value in {"COLUMNS": "80", **self.exported}.items():
                patch.setenv(name, value)
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
                main([*map(str, arguments)])
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, out.getvalue(), err.getvalue())


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
def provided(shell: Shell, *arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Runs `label-pipeline provide ARGUMENTS` beside the block; yields the process and the base URL it prints.

    The lines it prints are read here; the process can be signalled as soon as the last one is there.
    """
    process = shell.start("provide", *arguments)
    assert process.stdout is not None
    try:
        name, _, url = process.stdout.readline().strip().partition("=")
        assert name == "export LABEL_PIPELINE_PROVIDER", name
        assert process.stdout.readline().startswith("export LABEL_PIPELINE_PROVIDER_KEY=")
        assert process.stdout.readline().startswith("# serving project")
        yield process, url
    finally:
        if process.poll() is None:
            process.terminate()
            ended(process)
