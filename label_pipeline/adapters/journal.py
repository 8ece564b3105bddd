"""The journal: every request that went out and every reply that was paid for, in one SQLite file, each durable first.

Holds request key, reply as JSON and time, and a receipt of every request until its money is booked (ids of the pair,
run and price); no request, no document text, no key (a reply's rationale may quote the document). The file must be on a
local disk: SQLite's write-ahead log needs shared memory, which network file systems do not give. Keep out: booking what
receipts say (adapters/outbox.py).
"""

import asyncio
import json
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from label_pipeline.core.errors import TableError
from label_pipeline.core.judging.receipts import about
from label_pipeline.core.ports import Clock, Intent, Paid, Reply, TokenChoice

KEYS_A_QUERY = 800
"""SQLite allows 999 parameters a statement in older builds."""

BATCH_WAIT_S = 0.004
"""Replies that arrive within this time share one commit: one flush to disk costs more than many rows."""

BATCH_ROWS = 1000

BUSY_S = 60.0
"""Seconds to wait for another process that writes."""

_CREATE = (
    """
CREATE TABLE IF NOT EXISTS replies (
    request_key TEXT PRIMARY KEY, model TEXT NOT NULL, reply TEXT NOT NULL, created_at TEXT NOT NULL
)
""",
    # A receipt is open while `ended_at` is null, and goes when its `batch` is booked.
    """
CREATE TABLE IF NOT EXISTS receipts (
    receipt INTEGER PRIMARY KEY, request_key TEXT NOT NULL, run_id TEXT NOT NULL, purpose TEXT NOT NULL,
    about TEXT NOT NULL, greatest_usd REAL NOT NULL, sent_at TEXT NOT NULL, ended_at TEXT, answered INTEGER,
    accepted INTEGER, input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, cost_usd REAL,
    lost INTEGER NOT NULL DEFAULT 0, batch TEXT
)
""",
)
# The first reply of a model stays: grades already made of it must be found again. Another model's reply replaces it,
# because the engine asks again only where the kept one came from a model that does not count.
INSERT = """
INSERT INTO replies VALUES (?, ?, ?, ?) ON CONFLICT (request_key) DO UPDATE
SET model = excluded.model, reply = excluded.reply, created_at = excluded.created_at WHERE excluded.model <> model
"""

_INTEND = """
INSERT INTO receipts (receipt, request_key, run_id, purpose, about, greatest_usd, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_PAY = """
UPDATE receipts SET ended_at = ?, answered = 1, accepted = ?, input_tokens = ?, cached_tokens = ?, output_tokens = ?,
cost_usd = ?, lost = ? WHERE receipt = ?
"""
_LOSE = "UPDATE receipts SET lost = ? WHERE receipt = ?"
_END = "UPDATE receipts SET lost = ?, ended_at = ?, answered = 0, cost_usd = 0 WHERE receipt = ? AND ended_at IS NULL"
_WITHDRAW = "DELETE FROM receipts WHERE receipt = ? AND ended_at IS NULL"
_ORDER = (_INTEND, INSERT, _PAY, _LOSE, _END, _WITHDRAW)
"""What arrived together is written in this order: a receipt is there before anything changes it."""


class _Entry(NamedTuple):
    """Rows by statement, and who waits for them; nobody where ``durable`` is None."""

    rows: dict[str, tuple[object, ...]]
    loop: asyncio.AbstractEventLoop | None = None
    durable: asyncio.Future[None] | None = None


class SQLiteJournal:
    """A ``Journal`` that several processes may use at once. Use as a context manager, or close it.

    Args:
        path: the file; it and its folder are created.
        clock: current time, for ``created_at``.

    Raises:
        TableError: the file cannot be opened or is not a journal.
    """

    def __init__(self, path: Path, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._path, self._clock = path, clock
        self._entries: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._reading = threading.Lock()
        self._closed = False
        # receipts of several processes are in one file: each numbers its own from a number of its own
        self._first, self._count = secrets.randbits(30) << 32, 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = connect(path), connect(path)
        except (OSError, sqlite3.Error) as error:
            raise explained("opened", path, error) from error
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def lookup(self, request_keys: Sequence[str]) -> dict[str, Reply]:
        """The stored replies among ``request_keys``.

        Raises:
            TableError: the file cannot be read.
        """
        found: dict[str, Reply] = {}
        with self._reading:
            for start in range(0, len(request_keys), KEYS_A_QUERY):
                keys = request_keys[start : start + KEYS_A_QUERY]
                marks = ",".join("?" * len(keys))
                statement = f"SELECT request_key, reply FROM replies WHERE request_key IN ({marks})"  # noqa: S608 - marks
                try:
                    rows = self._reader.execute(statement, keys).fetchall()
                except sqlite3.Error as error:
                    raise explained("read", self._path, error) from error
                found.update((key, reply_of(text)) for key, text in rows)
        return found

    async def intend(self, intent: Intent) -> int:
        """Returns the number of an open receipt once it is on disk.

        Raises:
            TableError: the disk is full, or the file cannot be written.
        """
        self._count += 1
        receipt = self._first + self._count
        told = intent.request_key, intent.run_id, intent.purpose, about(intent), intent.greatest_usd
        try:
            await self._written({_INTEND: (receipt, *told, self._clock().isoformat())})
        except asyncio.CancelledError:  # it is written all the same, and nothing goes out
            self.withdraw(receipt)
            raise
        return receipt

    async def remember(
        self, request_key: str, reply: Reply, receipt: int | None = None, paid: Paid | None = None
    ) -> None:
        """Returns once the reply, and what it cost, is on disk. A cancelled call is written all the same.

        Raises:
            TableError: the disk is full, or the file cannot be written.
        """
        now = self._clock().isoformat()
        rows: dict[str, tuple[object, ...]] = {INSERT: (request_key, reply.model, reply_text(reply), now)}
        if receipt is not None and paid is not None:
            tokens = reply.input_tokens, reply.cached_tokens, reply.output_tokens
            rows[_PAY] = (now, paid.accepted, *tokens, paid.cost_usd, paid.lost, receipt)
        await self._written(rows)

    def settle(self, receipt: int, lost: int, *, ended: bool) -> None:
        """Notes, soon, tries whose answer never came, and where no other goes out, that there is no reply."""
        if not self._closed:
            row = (lost, self._clock().isoformat(), receipt) if ended else (lost, receipt)
            self._entries.put(_Entry({_END if ended else _LOSE: row}))

    def withdraw(self, receipt: int) -> None:
        """Forgets, soon, an open receipt under which nothing went out: it is no request."""
        if not self._closed:
            self._entries.put(_Entry({_WITHDRAW: (receipt,)}))

    async def _written(self, rows: dict[str, tuple[object, ...]]) -> None:
        if self._closed:
            raise TableError(f"journal {self._path} is closed; nothing can be remembered any more")
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[None] = loop.create_future()
        self._entries.put(_Entry(rows, loop, durable))
        await durable

    def close(self) -> None:
        """Writes what is waiting and closes the file. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._entries.put(None)
        self._thread.join()
        self._reader.close()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        """The one writer of this process: takes what has arrived, commits it at once, tells the waiting."""
        open_for_more = True
        while open_for_more:
            batch = [self._entries.get()]
            if batch[0] is not None:
                time.sleep(BATCH_WAIT_S)
            while batch[-1] is not None and len(batch) < BATCH_ROWS and not self._entries.empty():
                batch.append(self._entries.get())
            open_for_more = batch[-1] is not None
            entries = [entry for entry in batch if entry is not None]
            if entries:
                _tell(entries, self._commit(entries))

    def _commit(self, entries: Sequence[_Entry]) -> TableError | None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for statement in _ORDER:
                if rows := [entry.rows[statement] for entry in entries if statement in entry.rows]:
                    self._writer.executemany(statement, rows)
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            # The transaction may be gone already; whatever is wrong must not end this thread, others wait for it.
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            return explained("written", self._path, error)
        return None


def connect(path: Path) -> sqlite3.Connection:
    """The journal's file, its tables created; sqlite3.Error where it cannot be used."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    # FULL: a commit is on the disk, not only with the operating system, so it survives a power cut too.
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *_CREATE):
        _patiently(lambda: connection.execute(statement))  # noqa: B023 - called at once
    return connection


def _patiently(step: Callable[[], object]) -> None:
    # Two processes that open a new file at once: switching to WAL does not honour the busy timeout.
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            step()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _tell(entries: Sequence[_Entry], error: TableError | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for entry in entries:
        if entry.loop is not None and entry.durable is not None:
            by_loop.setdefault(entry.loop, []).append(entry.durable)
    for loop, waiting in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, waiting, error)
        except RuntimeError:  # the loop is closed: an interrupted run does not wait any more
            continue


def _settle(waiting: Sequence[asyncio.Future[None]], error: TableError | None) -> None:
    for future in waiting:
        if future.done():  # cancelled meanwhile
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def explained(verb: str, path: Path, error: Exception) -> TableError:
    """The sentence for a journal that cannot be opened, read or written."""
    return TableError(
        f"journal {path} cannot be {verb}: {error}. It must be a SQLite file on a local disk with free space and write "
        "permission; replies committed before are kept. Free space or move the file away, then run again"
    )


def reply_text(reply: Reply) -> str:
    """A reply as it is kept; ``reply_of`` reads it."""
    return json.dumps(vars(reply), separators=(",", ":"))


def reply_of(text: str) -> Reply:
    """A reply as the journal keeps it."""
    fields = json.loads(text)
    tokens = tuple(TokenChoice(token, tuple((t, p) for t, p in others)) for token, others in fields.pop("tokens"))
    return Reply(**fields, tokens=tokens)
