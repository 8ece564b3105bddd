"""One fault in a throw-away copy of the tree, and whether the tests notice it.

Serially, one process a trial: the copy holds one fault at a time, so a failure belongs to it. Keep out: which faults
and which tests (sample.py), what is made of the outcomes (page.py).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from label_pipeline_tests.mutation import witness
from label_pipeline_tests.mutation.faults import Fault
from label_pipeline_tests.mutation.sample import ROOT, TESTS

Outcome = Literal["caught", "survived", "not run"]

COPIED = ("label_pipeline", "label_pipeline_tests", "sql", "docs", "deploy", "pyproject.toml", "README.md", "Makefile")
TEST_S, TRIAL_S = 90, 900
"""Many times what a test and a trial take on a busy machine; an endless loop is noticed."""

NOTICED = {1, 2, 3}
"""pytest's exit status when a test failed, when a file could not be collected, when it broke down itself; every other
one says that it was asked wrongly, except where a conftest.py could not be imported."""


class Trial(NamedTuple):
    """What came of one fault.

    Attributes:
        fault: what was planted.
        group: its group.
        outcome: caught by a test that failed or did not end, survived, or not run: the planted text was not what the
            tests loaded.
        executed: whether the planted statement was executed in the tests.
        noticed_by: the first test that failed.
        seconds: wall time.
        whole: whether the far tests were asked too, or need not be.
    """

    fault: Fault
    group: str
    outcome: Outcome
    executed: bool
    noticed_by: str
    seconds: float
    whole: bool


def copy_tree(folder: Path) -> Path:
    """The tree as it is now, without compiled files."""
    tree = folder / "tree"
    tree.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tree / name)
    return tree


def attempt(tree: Path, group: str, fault: Fault, tests: Sequence[str], before: Trial | None = None) -> Trial:
    """Plants ``fault``, runs ``tests`` until one fails, and puts the text back.

    Args:
        tree: the copy.
        group: of the fault's module.
        fault: what to plant.
        tests: files and folders.
        before: what came of it in other tests, which it survived.
    """
    path, testimony = tree / fault.path, tree.parent / "testimony"
    sound, started = path.read_bytes(), time.monotonic()
    mark = f"planted at {fault.path}:{fault.start}-{fault.end} {fault.after}"
    words = {
        witness.MODULE: str(path), witness.MARK: mark, witness.TESTIMONY: str(testimony),
        witness.FIRST: str(fault.ran[0]), witness.LAST: str(fault.ran[1]),
    }  # fmt: skip
    testimony.write_text("", encoding="utf-8")
    try:
        path.write_bytes(fault.planted(sound) + f"\n__planted__ = {mark!r}\n".encode())
        outcome, noticed = _run(tree, tests, words)
    finally:
        path.write_bytes(sound)
    said = testimony.read_text(encoding="utf-8").split()
    if witness.LOADED not in said:
        outcome = "not run"
    executed = witness.EXECUTED in said or (before is not None and before.executed)
    seconds = time.monotonic() - started + (before.seconds if before else 0)
    return Trial(fault, group, outcome, executed, noticed, seconds, whole=before is not None or outcome != "survived")


def sound(tree: Path, tests: Sequence[str]) -> bool:
    """Whether these tests pass on the copy as long as nothing is planted."""
    return _run(tree, tests, {})[0] == "survived"


def _run(tree: Path, tests: Sequence[str], words: dict[str, str]) -> tuple[Outcome, str]:
    command = [
        sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header",
        "-p", f"{TESTS}.mutation.witness", f"--timeout={TEST_S}", "--tb=no", *_files(tree, tests),
    ]  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LABEL_PIPELINE_MUTATION")}
    environment = kept | words | {
        "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "TMPDIR": str(tree.parent),
    }  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        text=True,
    )  # fmt: skip
    try:
        told, _ = process.communicate(timeout=TRIAL_S)
    except subprocess.TimeoutExpired:
        return "caught", "no end"
    finally:
        _end(process)
    if process.returncode == 0:
        return "survived", ""
    if process.returncode not in NOTICED and "ImportError while loading conftest" not in told:
        raise RuntimeError(f"pytest ended with {process.returncode} on {tests}:\n{told}")
    first = re.search(r"^(?:FAILED|ERROR) (\S+?(?:\[.*?\])?)(?: - .*)?$", told, flags=re.MULTILINE)
    return "caught", first[1] if first else told[-300:]


def _end(process: "subprocess.Popen[str]") -> None:
    """Ends what a trial leaves behind: servers and workers of its own session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _files(tree: Path, tests: Sequence[str]) -> list[str]:
    """Test files in the order they are run, each once: as named, then a folder's."""
    found: dict[str, None] = {}
    for name in tests:
        path = tree / TESTS / name
        inside = [path] if path.suffix else sorted(path.rglob("test_*.py"))
        found |= dict.fromkeys(file.relative_to(tree).as_posix() for file in inside)
    return list(found)
