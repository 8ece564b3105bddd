"""The journal's replies as immutable objects on S3: a machine that lost its disk, or another one, pays for none again.

SQLite stays on the local disk. Triggers in that file note every new reply as unsent, in the transaction that keeps it,
whichever process wrote it; `Segments` sends what is unsent and takes in what others have sent. Replies hold rationales,
which may quote documents; the bucket needs the same care as the tables.
"""

import gzip
import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from label_pipeline.adapters.journal import INSERT, connect, explained
from label_pipeline.adapters.s3 import ABSENT, Objects
from label_pipeline.core.errors import StorageError

LOOK_EVERY_S = 5.0
"""Seconds between looks at how much is unsent while a run asks."""

ENDING = ".jsonl.gz"

_Row = tuple[str, str, str, str]
"""request key, model, reply as JSON, created at: a row of the journal."""

# `restoring` has a row only inside the transaction that takes a segment in: what came from S3 is not unsent
_CREATE = (
    "CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS restoring (yes INTEGER PRIMARY KEY)",
    "CREATE TABLE unsent (request_key TEXT PRIMARY KEY)",
    "INSERT INTO unsent SELECT request_key FROM replies ORDER BY rowid",
    "CREATE TRIGGER reply_added AFTER INSERT ON replies WHEN NOT EXISTS (SELECT 1 FROM restoring) "
    "BEGIN INSERT OR IGNORE INTO unsent VALUES (new.request_key); END",
    "CREATE TRIGGER reply_replaced AFTER UPDATE ON replies WHEN NOT EXISTS (SELECT 1 FROM restoring) "
    "BEGIN INSERT OR IGNORE INTO unsent VALUES (new.request_key); END",
)
# whatever order segments come in: two of them hold one reply where a machine died between sending and noting it
_TAKE_IN = f"{INSERT} AND excluded.created_at > created_at"
_UNSENT = (
    "SELECT request_key, model, reply, created_at FROM unsent JOIN replies USING (request_key) "
    "ORDER BY unsent.rowid LIMIT ?"
)


class Segments:
    """The segments of one journal.

    Args:
        path: the journal's SQLite file; created where there is none.
        objects: S3.
        prefix: address below which the segments are, ending in a slash.
        replies: most replies a segment holds.
    """

    def __init__(self, path: Path, objects: Objects, prefix: str, *, replies: int) -> None:
        self._path, self._objects, self._prefix, self._replies = path, objects, prefix, replies
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Takes in what others sent, then sends whatever the block adds: every full segment, and the rest at its end.

        Raises:
            StorageError: S3 cannot be reached or says no: before the block, or after one that did its work. The
                replies are in the local journal all the same.
            TableError: the journal cannot be used.
        """
        self.restore()
        ended = threading.Event()
        sending = threading.Thread(target=self._send_until, args=(ended,), name="segments", daemon=True)
        sending.start()
        done = False
        try:
            yield
            done = True
        finally:
            ended.set()
            sending.join()
            with suppress(*(() if done else (StorageError,))):  # what ended the block matters more
                self.send()

    def restore(self) -> int:
        """Takes in every segment this journal does not know; returns how many replies are new here.

        Raises:
            StorageError: S3 cannot be reached or says no, or a segment is no segment.
            TableError: the journal cannot be used.
        """
        with self._journal() as journal:
            known = {name for (name,) in journal.execute("SELECT name FROM segments")}
            before = _count(journal, "replies")
            for url in self._objects.names(self._prefix):
                name = url.rpartition("/")[2]
                if not name.endswith(ENDING) or name in known:
                    continue
                found = self._objects.read(url)
                if found is not None:
                    self._take_in(journal, name, _rows(url, found.data))
            return _count(journal, "replies") - before

    def send(self, at_least: int = 1) -> int:
        """Sends what is unsent, as long as that is ``at_least`` so many replies; returns how many were sent.

        Raises:
            StorageError: S3 cannot be reached or says no.
            TableError: the journal cannot be used.
        """
        sent = 0
        with self._one_at_a_time, self._journal() as journal:
            while True:
                rows: list[_Row] = journal.execute(_UNSENT, (self._replies,)).fetchall()
                if len(rows) < max(at_least, 1):
                    return sent
                name, data = _segment(rows)
                # already there: another process, or this one before its answer was lost
                self._objects.write(f"{self._prefix}{name}", data, only_over=ABSENT)
                self._note_sent(journal, name, rows)
                sent += len(rows)

    def _send_until(self, ended: threading.Event) -> None:
        while not ended.wait(LOOK_EVERY_S):
            with suppress(StorageError):  # tried again at the next look, and told at the end
                self.send(at_least=self._replies)

    @contextmanager
    def _journal(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = connect(self._path)
            try:
                with _transaction(connection):
                    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'unsent'").fetchone():
                        for statement in _CREATE:
                            connection.execute(statement)
                yield connection
            finally:
                connection.close()
        except (OSError, sqlite3.Error) as error:
            raise explained("sent to or read from S3", self._path, error) from error

    def _take_in(self, journal: sqlite3.Connection, name: str, rows: Sequence[_Row]) -> None:
        with _transaction(journal):
            journal.execute("INSERT INTO restoring VALUES (1)")
            journal.executemany(_TAKE_IN, rows)
            journal.execute("INSERT OR IGNORE INTO segments VALUES (?)", (name,))
            journal.execute("DELETE FROM restoring")

    def _note_sent(self, journal: sqlite3.Connection, name: str, rows: Sequence[_Row]) -> None:
        with _transaction(journal):
            # not where another model's reply has replaced the one that was sent
            journal.executemany(
                "DELETE FROM unsent WHERE request_key = ? "
                "AND (SELECT model FROM replies WHERE replies.request_key = unsent.request_key) = ?",
                [(key, model) for key, model, _, _ in rows],
            )
            journal.execute("INSERT OR IGNORE INTO segments VALUES (?)", (name,))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _count(journal: sqlite3.Connection, table: str) -> int:
    (number,) = journal.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - own name
    return int(number)


def _segment(rows: Sequence[_Row]) -> tuple[str, bytes]:
    """Name and content of a segment; the same rows give the same name and bytes."""
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows).encode()
    began = min(created_at for _, _, _, created_at in rows)
    stamp = "".join(letter for letter in began.partition("+")[0] if letter.isalnum())
    return f"{stamp}-{hashlib.sha256(text).hexdigest()[:16]}{ENDING}", gzip.compress(text, mtime=0)


def _rows(url: str, data: bytes) -> list[_Row]:
    try:
        rows = [json.loads(line) for line in gzip.decompress(data).splitlines()]
        if not rows or any(len(row) != 4 for row in rows):
            raise ValueError("no lines, or a line of other than four fields")
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise StorageError(
            f"{url} is no journal segment ({error}); expected gzipped JSON lines of four fields: move it away, and the "
            "replies in it are asked and paid for again"
        ) from error
    return [(str(key), str(model), str(reply), str(created_at)) for key, model, reply, created_at in rows]
