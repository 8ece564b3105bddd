"""Delta tables that this process keeps open, and the rows it has read of them since they last changed.

A run asks for the same tables again and again, an amplify day about fifty times. To open one costs more than to bring
it up to date, and to read it more than both. A kept table is believed only while the commit it stands at is the one
it was read from: one that was removed, made anew or copied back from a backup is opened again. Keep out: who may read
what (store.py).
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import RLock

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler

MOST_TABLES = 64
"""About two projects: a process that goes through more closes the ones it asked for longest ago."""

MOST_BYTES = 2_000_000
"""Rows kept of one table. A larger answer is read again each time, as is all of a table that has changed."""


class KeptTable:
    """One table, opened when it is first asked for."""

    def __init__(self, uri: str, options: Mapping[str, str]) -> None:
        self._uri = uri
        self._options = dict(options) or None
        self._lock = RLock()
        self._delta: DeltaTable | None = None
        self._commit: Hashable = None
        self._answers: dict[Hashable, pl.DataFrame] = {}
        self._objects: DeltaStorageHandler | None = None
        self._remote = _remote(uri)

    def refresh(self) -> bool:
        """Makes it what is stored now; whether there is such a table.

        Raises:
            DeltaError: it is damaged.
            OSError: it cannot be reached.
        """
        with self._lock:
            if self._delta is None or self._commit is None or self._commit != self._commit_at(self._delta.version()):
                self._reopen()
            elif not self._newest(self._delta.version()):
                self._catch_up(self._delta)
            return self._delta is not None

    def committed(self, commit_id: str) -> int | None:
        """What the commit of this id was marked with; None where it is not in it."""
        with self._lock:
            return None if self._delta is None else self._delta.transaction_version(commit_id)

    def rows(self, question: Hashable, read: Callable[[DeltaTable], pl.DataFrame]) -> pl.DataFrame | None:
        """What ``read`` finds in it, or found when it was asked this ``question`` since the table's last change.

        None where it is gone: another thread may have looked again since this one did.
        """
        with self._lock:
            if question in self._answers:
                return self._answers[question].clone()  # whoever changes a frame in place changes its own
            if self._delta is None:
                return None
            found = read(self._delta)
            size = found.estimated_size()
            if size + sum(frame.estimated_size() for frame in self._answers.values()) > MOST_BYTES:
                self._answers.clear()
            if size <= MOST_BYTES:
                self._answers[question] = found.clone()
            return found

    def files(self, find: Callable[[DeltaTable], tuple[str, ...] | None]) -> tuple[str, ...] | None:
        """What ``find`` says of the files it is stored in; None where it is gone, or on another machine."""
        with self._lock:
            return None if self._delta is None or self._remote else find(self._delta)

    def _reopen(self) -> None:
        self._delta, self._commit, self._objects = None, None, None  # credentials may have changed, too
        self._answers.clear()
        if not DeltaTable.is_deltatable(self._uri, storage_options=self._options):
            return
        self._delta = DeltaTable(self._uri, storage_options=self._options)
        self._commit = self._commit_at(self._delta.version())

    def _catch_up(self, delta: DeltaTable) -> None:
        before = delta.version()
        try:
            delta.update_incremental()
        except DeltaError:  # a log that cannot be continued may still be read from its beginning
            self._reopen()
            return
        if delta.version() != before:
            self._answers.clear()
            self._commit = self._commit_at(delta.version())

    def _commit_at(self, version: int) -> Hashable:
        """What tells the commit of this version from any other; None where it is not there to be looked at."""
        try:
            if not self._remote:
                found = self._log_file(version).stat()
                # the last of these cannot be set by whoever copies a folder with its times
                return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
            self._objects = self._objects or DeltaStorageHandler(self._uri, self._options)
            # objects of one second have one time, so it is the text that tells: every commit has a random id in it
            with self._objects.open_input_file(f"_delta_log/{version:020}.json") as file:
                return sha256(file.read()).digest()
        except OSError:
            return None

    def _newest(self, version: int) -> bool:
        """Whether there is no later commit, as far as can be told without a request."""
        return not self._remote and not self._log_file(version + 1).exists()

    def _log_file(self, version: int) -> Path:
        return Path(self._uri, "_delta_log", f"{version:020}.json")


class _Open:
    """The tables of this process, the one asked for last at the end."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._tables: OrderedDict[Hashable, KeptTable] = OrderedDict()

    def table(self, uri: str, options: Mapping[str, str]) -> KeptTable:
        """The one table of this address, options and credentials, as it was left."""
        # delta-rs reads these when it opens a table: with other credentials it is another client
        environment = sorted(item for item in os.environ.items() if item[0].startswith("AWS_")) if _remote(uri) else ()
        key = (uri, tuple(sorted(options.items())), tuple(environment))
        with self._lock:
            found = self._tables.setdefault(key, KeptTable(uri, options))
            self._tables.move_to_end(key)
            while len(self._tables) > MOST_TABLES:
                self._tables.popitem(last=False)
            return found

    def forget(self) -> None:
        """Closes all; in a child of this process, which may have been born while another thread held the lock."""
        self._lock = RLock()
        self._tables.clear()

    def __len__(self) -> int:
        return len(self._tables)


OPEN = _Open()
os.register_at_fork(after_in_child=OPEN.forget)


def opened(uri: str, options: Mapping[str, str]) -> KeptTable | None:
    """The table at ``uri`` as it is stored now; None where there is none.

    Args:
        uri: folder or ``s3://`` address.
        options: storage options of delta-rs.

    Raises:
        DeltaError: it is damaged.
        OSError: it cannot be reached.
    """
    found = OPEN.table(uri, options)
    return found if found.refresh() else None


def _remote(uri: str) -> bool:
    return "://" in uri
