"""What every test shares: no environment leaks in, no telemetry leaks out; and which tests are the fast ones."""

import os
import sys
from pathlib import Path

import pytest

# before any library reads them
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

LEAKS = ("LABEL_PIPELINE_CONFIG", "LABEL_PIPELINE_HOME", "DAGSTER_HOME", "OPENAI_API_KEY", "OPENAI_BASE_URL")

# A developer's own settings and keys must not change what a test sees. Here and not in a fixture: one of a session runs
# before those of a test, and two workers that make the databases of one DAGSTER_HOME at a time spoil them.
for leak in (*LEAKS, *(name for name in os.environ if name.lower().endswith("_proxy"))):
    os.environ.pop(leak, None)

# the environment above comes before whatever reads it
from label_pipeline_tests.small_fixtures import (  # noqa: E402
    baselined_home,
    certified_home,
    certified_small,
    provider,
    provider_url,
    world,
)

__all__ = ["baselined_home", "certified_home", "certified_small", "provider", "provider_url", "world"]


HERE = Path(__file__).parent
LONGEST = (
    "web/test_site.py", "operations/test_anchor_nights.py", "s3/test_whole_loop.py", "cli/test_own_data.py",
    "defs/test_whole_loop.py", "s3/test_graph.py", "operations/test_rank.py", "operations/test_anchor.py",
    "cli/test_faults.py", "cli/test_interruption.py", "trecdl/test_trecdl.py", "realmodel/test_realmodel.py",
)  # fmt: skip
"""Files that take a minute or more, the one that waits longest first: whichever begins last is what all wait for."""

OUTSIDE = {
    "cli", "defs", "labelstudio", "llmjudge", "old_projects", "operations", "realmodel", "rehearsal", "s3", "trecdl",
    "web",
}  # fmt: skip
"""Folders whose tests run Dagster, servers or processes. A new folder is fast until it is named here."""

FORBIDDEN = {"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "socket.bind", "subprocess.Popen"}
"""What a fast test may not do, by the names of Python's audit events."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--fast``."""
    parser.addoption("--fast", action="store_true", help="only tests without Dagster runs, servers and processes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with slow tests begin first, so that the workers, who take whole files, end at the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    longest = {HERE / name: place for place, name in enumerate(LONGEST)}
    # stable: the order within a file stays
    items.sort(key=lambda item: (longest.get(item.path, len(longest)), item.path not in slow))
    if config.getoption("fast"):
        left_out = [item for item in items if not is_fast(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if is_fast(item)]


def is_fast(item: pytest.Item) -> bool:
    """Whether ``make test-fast`` runs it."""
    folder = item.path.relative_to(HERE).parts[0]
    return folder not in OUTSIDE and not any(item.get_closest_marker(name) for name in ("slow", "outside"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """A test that is fast by name only fails: nobody has to remember the marker."""
    if session.config.getoption("fast") and session.items:  # where tests run: xdist's own process starts workers
        sys.addaudithook(_refuse)


def _refuse(event: str, args: object) -> None:
    if event in FORBIDDEN:
        raise RuntimeError(f"{event}: a test that starts a process or a server is marked `outside`; {args!r:.200}")
