"""The journal's receipts until they are booked: taken out batch by batch, each exactly once.

A batch is named on disk before it is booked, and its receipts go afterwards, so that a process that dies in between
books the same batch under the same name again. Keep out: what it is booked as (operations/payments.py), and writing
receipts (adapters/journal.py).
"""

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from label_pipeline.adapters.journal import connect, explained, reply_of
from label_pipeline.core.judging.receipts import Receipt, about, intent_of
from label_pipeline.core.ports import Intent

_READ = """
SELECT r.request_key, r.run_id, r.purpose, r.about, r.greatest_usd, p.reply, r.answered, r.accepted, r.input_tokens,
    r.cached_tokens, r.output_tokens, r.cost_usd, r.lost, coalesce(r.ended_at, r.sent_at)
FROM receipts AS r LEFT JOIN replies AS p
    ON r.request_key = p.request_key AND r.answered = 1 AND r.ended_at = p.created_at AND :replies
WHERE r.batch = :batch ORDER BY r.receipt
"""


_INHERIT = """
INSERT INTO receipts (receipt, request_key, run_id, purpose, about, greatest_usd, sent_at, ended_at, answered, accepted,
    input_tokens, cached_tokens, output_tokens, cost_usd)
SELECT NULL, request_key, ?, ?, ?, ?, created_at, created_at, 1, 1, ?, ?, ?, ? FROM replies WHERE request_key = ?
"""


class Outbox:
    """The receipts of one journal.

    Args:
        path: the journal's SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def inherit(self, found: Sequence[tuple[Intent, int, int, int]]) -> None:
        """Writes receipts of replies that the journal holds without one: an older version's, or another machine's.

        Args:
            found: what each was for, its price as ``greatest_usd``, and its tokens: input, cached, output.

        Raises:
            TableError: the journal cannot be used.
        """
        rows = [
            (one.run_id, one.purpose, about(one), one.greatest_usd, *tokens, one.greatest_usd, one.request_key)
            for one, *tokens in found
        ]
        with self._journal() as journal:
            journal.execute("BEGIN IMMEDIATE")
            journal.executemany(_INHERIT, rows)
            journal.execute("COMMIT")

    def take(self, run_id: str | None = None) -> list[str]:
        """Names what is to be booked: what was named and not booked before, and every receipt that has no batch yet.

        Args:
            run_id: only what this run ended; None: everybody's, and what is open still is of a dead run. Call it so
                only while no other run asks.

        Returns:
            The names of the batches, oldest first.

        Raises:
            TableError: the journal cannot be used.
        """
        with self._journal() as journal:
            batch = uuid.uuid4().hex
            journal.execute("BEGIN IMMEDIATE")
            if run_id is None:  # it went out, and whoever waited for the answer is gone
                journal.execute(
                    "UPDATE receipts SET lost = lost + 1, ended_at = sent_at, answered = 0, cost_usd = 0 "
                    "WHERE ended_at IS NULL"
                )
            journal.execute(
                "UPDATE receipts SET batch = ? "
                "WHERE batch IS NULL AND ended_at IS NOT NULL AND (? IS NULL OR run_id = ?)",
                (batch, run_id, run_id),
            )
            journal.execute("COMMIT")
            found = journal.execute(
                "SELECT batch FROM receipts WHERE batch IS NOT NULL GROUP BY batch ORDER BY min(rowid)"
            )
            return [str(name) for (name,) in found.fetchall()]

    def receipts(self, batch: str, *, replies: bool) -> list[Receipt]:
        """The receipts of one batch, in the order they were written, with or without what the replies say.

        Raises:
            TableError: the journal cannot be used.
        """
        with self._journal() as journal:
            return [_receipt(row) for row in journal.execute(_READ, {"batch": batch, "replies": replies})]

    def booked(self, batch: str) -> None:
        """Forgets the receipts of a batch: the books have them.

        Raises:
            TableError: the journal cannot be used.
        """
        with self._journal() as journal:
            journal.execute("DELETE FROM receipts WHERE batch = ?", (batch,))

    @contextmanager
    def _journal(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            journal = connect(self._path)
            try:
                yield journal
            finally:
                journal.close()
        except (OSError, sqlite3.Error) as error:
            raise explained("read for its books", self._path, error) from error


def _receipt(row: tuple[object, ...]) -> Receipt:
    key, run_id, purpose, told, greatest, reply, answered, accepted, fresh, cached, output, cost, lost, ended = row
    return Receipt(
        intent=intent_of(str(key), str(run_id), purpose, str(told), float(str(greatest))),  # type: ignore[arg-type]
        reply=None if reply is None else reply_of(str(reply)),
        answered=bool(answered), accepted=bool(accepted),
        input_tokens=int(str(fresh or 0)), cached_tokens=int(str(cached or 0)), output_tokens=int(str(output or 0)),
        cost_usd=float(str(cost or 0.0)), lost=int(str(lost)), ended_at=datetime.fromisoformat(str(ended)),
    )  # fmt: skip
