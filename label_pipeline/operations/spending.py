"""One run of a project spends at a time, by a clock that was not set back: the lock, and what is checked before it."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from label_pipeline.adapters.lease import HELD, Lease
from label_pipeline.adapters.s3 import Objects
from label_pipeline.core.errors import BusyError, ClockError
from label_pipeline.operations.amplify_orphans import book_orphans
from label_pipeline.operations.payments import settle_left
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import PYTHON_LOG, Log

TOLERANCE = timedelta(minutes=5)
"""How far the clocks of two machines that write to the same tables may be apart."""


@contextmanager
def spending(project: Project, log: Log = PYTHON_LOG) -> Iterator[None]:
    """Lets one run of a project spend at a time, whoever launched it: pools do not hold for runs of the command line.

    Before anything is asked, what a killed run has paid for is booked.

    A lock on this machine's disk; where the project's state is on S3, a lease there, which other machines see too.

    Raises:
        BusyError: another run holds the lock.
        ClockError: the clock was set back.
        StorageError: S3 cannot be reached or says no.
    """
    refuse_clock_set_back(project)
    if project.s3 is not None and project.settings.storage.remote is not None:
        with _lease(project, project.s3.objects, project.settings.storage.remote, log):
            _book_left(project, log)
            yield
        return
    project.settings.home_path.mkdir(parents=True, exist_ok=True)
    with (project.settings.home_path / "spending.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"another run of project {project.settings.name} is asking a judge; two at once would pay twice: "
                "wait for it to end, then run this one again"
            ) from error
        _book_left(project, log)
        yield  # closing the file releases the lock, also when this process is killed


def _book_left(project: Project, log: Log) -> None:
    """What killed runs have paid for, then the books they could not write."""
    settle_left(project, log)
    book_orphans(project, log)


@contextmanager
def _lease(project: Project, objects: Objects, root: str, log: Log) -> Iterator[None]:
    owner = f"process {os.getpid()} on {socket.gethostname()}, since {project.clock():%Y-%m-%d %H:%M:%S} UTC,"
    lease = Lease(objects, f"{root}/spending.lease", owner, lasts_s=project.settings.storage.lease_s)
    with lease.held() as taken_over:
        if taken_over is not None:
            log.warning(taken_over)
        before = HELD.set(lease)
        try:
            yield
        finally:
            HELD.reset(before)


def refuse_clock_set_back(project: Project) -> None:
    """Raises where the project's clock is earlier than its newest decision or book.

    An expired verdict is current again by a clock that was set back, and what it labels is booked into the past.

    Raises:
        ClockError: by more than TOLERANCE.
    """
    now = project.clock()
    events = project.store("anchor").query("anchor/newest_events")
    for table, newest in events.iter_rows():
        if newest > now + TOLERANCE:
            raise ClockError(
                f"the clock says {_minute(now)} UTC, but table {table} has rows of {_minute(newest)} UTC, "
                f"{_apart(newest - now)} later: nothing was sent, because what has expired would look current. Set the "
                "clock right, then run again; if it was ahead when those rows were written, wait until it has passed "
                "them or start the project in another home"
            )


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def _apart(gap: timedelta) -> str:
    hours = gap / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
