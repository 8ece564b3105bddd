"""One sensor asks for a job at a time: what was asked for is noted until its run is there, under one lock.

Dagster makes the run after a sensor's tick has ended. Without the note a second sensor that looks in between sees
nothing under way, and asks for the same again.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

PATIENCE = timedelta(minutes=2)
"""How long a run may take from the request to being there; a daemon that died in between never makes it."""

NOTES = "sensors.json"


@dataclass(frozen=True)
class Note:
    """A run that was asked for and is perhaps not there yet.

    Attributes:
        run_key: of the request.
        at: when (UTC).
    """

    run_key: str
    at: datetime

    def waits(self, now: datetime) -> bool:
        """Whether its run may still come."""
        return now - self.at < PATIENCE


class Asking:
    """The notes of one project; hold the lock (``asking``) while looking and writing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self, job: str) -> Note | None:
        """What was asked for last of ``job``; None before anything was."""
        found = self._notes().get(job)
        return None if found is None else Note(found["run_key"], datetime.fromisoformat(found["at"]))

    def note(self, job: str, asked: Note) -> None:
        """Notes that a run of ``job`` was asked for."""
        notes = {**self._notes(), job: {"run_key": asked.run_key, "at": asked.at.isoformat()}}
        written = self._path.with_suffix(".new")
        written.write_text(json.dumps(notes), encoding="utf-8")
        written.replace(self._path)

    def _notes(self) -> dict[str, dict[str, str]]:
        if not self._path.exists():
            return {}
        found: dict[str, dict[str, str]] = json.loads(self._path.read_text(encoding="utf-8"))
        return found


@contextmanager
def asking(home: Path) -> Iterator[Asking]:
    """Holds the lock of a project's sensors: they run in threads and processes of their own.

    Raises:
        OSError: the home cannot be written.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "sensors.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held for a few table reads; closing the file lets it go
        yield Asking(home / NOTES)
