"""The book of batches: which were reserved, created and collected, and what each of their requests may cost.

It is kept in the journal's SQLite file, so that a reply, its receipt and the end of its request are one transaction. It
holds no request text and no key: ids, hashes, token counts, prices and times. Keep out: what is to be done with a batch
(core/judging/batches), and booking its receipts (adapters/outbox.py), which are like every other once they are written.
"""

import json
import secrets
import sqlite3
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from label_pipeline.adapters.batch_rows import (
    ANSWER,
    CREATE,
    END,
    INSERT_BATCH,
    RECEIPT,
    RESERVE,
    SELECT_BATCHES,
    batch_of,
    batch_row,
)
from label_pipeline.adapters.journal import INSERT, KEYS_A_QUERY, connect, explained, reply_text
from label_pipeline.core.errors import TableError
from label_pipeline.core.judging.batches import record as states
from label_pipeline.core.judging.batches.matching import BatchProgress, KeptReply, NoAnswer
from label_pipeline.core.judging.batches.record import BatchRecord, BatchTerms, RemoteBatch, State
from label_pipeline.core.judging.batches.requests import BatchRequest
from label_pipeline.core.judging.receipts import about
from label_pipeline.core.ports import Clock


class SQLiteBatchBook:
    """A ``BatchBook`` in one journal, for one thread. Use as a context manager, or close it.

    Args:
        path: the journal's SQLite file; created where there is none.
        clock: current time.
    """

    def __init__(self, path: Path, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._path, self._clock = path, clock
        self._connection: sqlite3.Connection | None = None
        # receipts of several writers are in one file: each numbers its own from a number of its own (journal.py)
        self._first, self._count = secrets.randbits(30) << 32, 0

    def reserve(self, terms: BatchTerms, request_hash: str, requests: Sequence[BatchRequest]) -> BatchRecord:
        """Writes down a batch and the intent of every request, before anything is sent.

        Raises:
            TableError: the file cannot be used, or one of the requests waits in another batch.
        """
        now = self._clock()
        tokens = sum(request.tokens for request in requests)
        batch = BatchRecord(uuid.uuid4().hex, request_hash, terms, len(requests), tokens, states.RESERVED, now)
        rows = [
            (
                batch.reservation, one.key, one.intent.run_id, one.intent.purpose, about(one.intent),
                one.intent.greatest_usd, one.sent_bytes, now.isoformat(),
            )
            for one in requests
        ]  # fmt: skip
        with self._transaction() as journal:
            journal.execute(INSERT_BATCH, batch_row(batch))
            journal.executemany(RESERVE, rows)
        return batch

    def uploaded(self, reservation: str, file_id: str) -> None:
        """Its file is at the provider."""
        self._note(reservation, states.UPLOADED, file_id=file_id)

    def asked(self, reservation: str) -> None:
        """From now on the provider may have created it."""
        self._note(reservation, states.UPLOADED, asked_at=self._clock().isoformat())

    def created(self, reservation: str, remote: RemoteBatch) -> None:
        """Its id is known. An adopted batch has an input file of its own, which is deleted with it."""
        batch = self.get(reservation)
        told = {"batch_id": remote.batch_id, "status": remote.status, "created_at": self._clock().isoformat()}
        file_id = batch.file_id or remote.input_file_id
        self._note(reservation, states.CREATED, file_id=file_id, **told)

    def cancel_asked(self, reservation: str) -> None:
        """The provider is asked to cancel it."""
        self._note(reservation, states.CREATED, cancel_asked_at=self._clock().isoformat())

    def ended(self, reservation: str, remote: RemoteBatch) -> None:
        """It has ended, and these are its files."""
        self._note(
            reservation, states.READING, status=remote.status, output_file_id=remote.output_file_id,
            error_file_id=remote.error_file_id, completed=remote.completed, code=remote.code,
        )  # fmt: skip

    def keep(self, reservation: str, replies: Sequence[KeptReply]) -> None:
        """Keeps replies: reply, receipt and end of the request in one transaction; of an ended request, nothing."""
        if not replies:
            return
        terms, now = self.get(reservation).terms, self._clock().isoformat()
        with self._transaction() as journal:
            for one in replies:
                named = {"reservation": reservation, "key": one.key, "now": now}
                paid = {"accepted": one.paid.accepted, "cost_usd": one.paid.cost_usd, "lost": one.paid.lost}
                if journal.execute(ANSWER, {**named, **paid}).rowcount == 0:
                    continue
                reply = one.reply
                kept = journal.execute("SELECT model FROM replies WHERE request_key = ?", (one.key,)).fetchone()
                # grades may have been made of a reply that counts while the batch was waiting: it stays
                if kept is None or (one.paid.accepted and not terms.accepts(kept[0])):
                    journal.execute(INSERT, (one.key, reply.model, reply_text(reply), now))
                tokens = (reply.input_tokens, reply.cached_tokens, reply.output_tokens)
                journal.execute(RECEIPT, self._receipt(named, tokens))

    def finish(
        self, reservation: str, unanswered: Mapping[str, NoAnswer], left: NoAnswer, told: Mapping[str, int]
    ) -> None:
        """Ends what was not answered, each with a receipt: as ``unanswered`` says, and the others as ``left``."""
        now = self._clock().isoformat()
        with self._transaction() as journal:
            waiting = journal.execute(
                "SELECT request_key FROM api_requests WHERE reservation = ? AND ended_at IS NULL", (reservation,)
            ).fetchall()
            for (key,) in waiting:
                why = unanswered.get(key, left)
                named = {"reservation": reservation, "key": key, "now": now}
                journal.execute(END, {**named, "lost": int(why.lost), "code": why.code, "kind": why.kind})
                journal.execute(RECEIPT, self._receipt(named, (None, None, None)))
            journal.execute(
                "UPDATE api_batches SET state = ?, told = ? WHERE reservation = ?",
                (states.COLLECTED, json.dumps(dict(told)), reservation),
            )

    def closed(self, reservation: str) -> None:
        """Its files are deleted: its requests are forgotten."""
        self._over(reservation, states.CLOSED)

    def dissolve(self, reservation: str) -> None:
        """It was never created: its requests are free."""
        self._over(reservation, states.DISSOLVED)

    def quarantine(self, reservation: str, code: str, found: Sequence[str] = ()) -> None:
        """Nobody knows what was paid; ``found`` are ids of batches that put it there."""
        self._note(reservation, states.QUARANTINED, code=code, found=json.dumps(list(found)))

    def get(self, reservation: str) -> BatchRecord:
        """One batch.

        Raises:
            TableError: there is none of this name.
        """
        found = self._select(f"{SELECT_BATCHES} WHERE reservation = ?", (reservation,))
        if not found:
            raise TableError(f"journal {self._path} holds no batch {reservation}; is it another machine's?")
        return batch_of(found[0])

    def open(self, endpoint: str | None = None) -> list[BatchRecord]:
        """Batches that are not over, oldest first; of one endpoint, or of every one."""
        return [
            batch_of(row)
            for row in self._select(
                f"{SELECT_BATCHES} WHERE state NOT IN (?, ?) AND (? IS NULL OR endpoint = ?) ORDER BY rowid",
                (*states.OVER, endpoint, endpoint),
            )
        ]

    def known(self) -> set[str]:
        """Ids of every batch that was ever written down, those that put another into quarantine included."""
        rows = self._select("SELECT batch_id, found FROM api_batches")
        return {name for name, _ in rows if name} | {name for _, found in rows for name in json.loads(found or "[]")}

    def waiting(self, keys: Collection[str]) -> set[str]:
        """Those of ``keys`` that wait in some batch."""
        wanted, found = sorted(keys), set[str]()
        for start in range(0, len(wanted), KEYS_A_QUERY):
            some = wanted[start : start + KEYS_A_QUERY]
            marks = ",".join("?" * len(some))
            statement = f"SELECT request_key FROM api_requests WHERE ended_at IS NULL AND request_key IN ({marks})"  # noqa: S608 - marks
            found |= {str(key) for (key,) in self._select(statement, tuple(some))}
        return found

    def sent(self, reservation: str) -> dict[str, int]:
        """Bytes sent by request key."""
        return dict(
            self._select("SELECT request_key, sent_bytes FROM api_requests WHERE reservation = ?", (reservation,))
        )

    def progress(self, reservation: str) -> BatchProgress:
        """How far the requests of a batch are."""
        [counts] = self._select(
            "SELECT coalesce(sum(ended_at IS NULL), 0), coalesce(sum(answered = 1), 0), "
            "coalesce(sum(answered = 1 AND accepted = 0), 0), coalesce(sum(cost_usd), 0.0), "
            "coalesce(sum(lost * greatest_usd), 0.0) FROM api_requests WHERE reservation = ?",
            (reservation,),
        )
        rows = self._select(
            "SELECT request_key, code, kind, lost FROM api_requests WHERE reservation = ? AND answered = 0 "
            "ORDER BY request_key",
            (reservation,),
        )
        waiting, answered, other_model, cost_usd, possibly_usd = counts
        unanswered = {key: NoAnswer(code, kind, bool(lost)) for key, code, kind, lost in rows}
        return BatchProgress(waiting, answered, other_model, cost_usd, possibly_usd, unanswered)

    def held_usd(self) -> float:
        """US dollars that requests which wait may cost at most."""
        [(held,)] = self._select("SELECT coalesce(sum(greatest_usd), 0.0) FROM api_requests WHERE ended_at IS NULL")
        return float(held)

    def _receipt(
        self, named: Mapping[str, object], tokens: tuple[int | None, int | None, int | None]
    ) -> dict[str, object]:
        self._count += 1
        counted = dict(zip(("input_tokens", "cached_tokens", "output_tokens"), tokens, strict=True))
        return {**named, **counted, "receipt": self._first + self._count}

    def _note(self, reservation: str, state: State, **values: str | int | None) -> None:
        changed = {"state": state, **values}
        names = ", ".join(f"{name} = :{name}" for name in changed)
        with self._transaction() as journal:
            journal.execute(
                f"UPDATE api_batches SET {names} WHERE reservation = :reservation",  # noqa: S608 - names of columns
                {**changed, "reservation": reservation},
            )

    def _over(self, reservation: str, state: State) -> None:
        with self._transaction() as journal:
            journal.execute("DELETE FROM api_requests WHERE reservation = ?", (reservation,))
            journal.execute("UPDATE api_batches SET state = ? WHERE reservation = ?", (state, reservation))

    def _select(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._journal() as journal:
            return journal.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._journal() as journal:
            journal.execute("BEGIN IMMEDIATE")
            try:
                yield journal
            except BaseException:
                with suppress(sqlite3.Error):  # it may be gone already
                    journal.execute("ROLLBACK")
                raise
            journal.execute("COMMIT")

    @contextmanager
    def _journal(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._connection is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = connect(self._path)
                for statement in CREATE:
                    self._connection.execute(statement)
            yield self._connection
        except (OSError, sqlite3.Error) as error:
            raise explained("used for its batches", self._path, error) from error

    def close(self) -> None:
        """Closes the file. A later call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
