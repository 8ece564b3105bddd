"""What is made once a test session, by whichever worker needs it first: all copy or read it, none changes it.

Keep out: what is made (the fixtures that call this).
"""

import fcntl
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from label_pipeline.rehearsal.world import SampleWorld


@cache
def sample_world() -> SampleWorld:
    """The world of the sample project: every folder of tests has a fixture of it, and a process makes it once."""
    return SampleWorld.generate(7)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder ``name`` of this session, which ``make`` has filled; the other workers wait for the one that does.

    A worker that fails leaves it to the next one, under another address: what it had begun is never taken for whole.
    """
    base = factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    made = shared / f"template-{name}.made"
    with (shared / f"template-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder = factory.mktemp(f"template-{name}")
            make(folder)
            made.write_text(str(folder), encoding="utf-8")
        return Path(made.read_text(encoding="utf-8"))
