"""How the book of batches is laid out in the journal's file: tables, statements, and a batch as a row."""

import json
from datetime import date, datetime

from label_pipeline.core.judging.batches.record import BatchRecord, BatchTerms
from label_pipeline.core.ports import Price

CREATE = (
    """
CREATE TABLE IF NOT EXISTS api_batches (
    reservation TEXT PRIMARY KEY, request_hash TEXT NOT NULL, endpoint TEXT NOT NULL, terms TEXT NOT NULL,
    requests INTEGER NOT NULL, tokens INTEGER NOT NULL, state TEXT NOT NULL, reserved_at TEXT NOT NULL, file_id TEXT,
    asked_at TEXT, batch_id TEXT, created_at TEXT, cancel_asked_at TEXT, status TEXT, output_file_id TEXT,
    error_file_id TEXT, completed INTEGER, code TEXT, told TEXT, found TEXT
)
""",
    # a request waits while `ended_at` is null; its row goes when the files of its batch are deleted
    """
CREATE TABLE IF NOT EXISTS api_requests (
    reservation TEXT NOT NULL, request_key TEXT NOT NULL, run_id TEXT NOT NULL, purpose TEXT NOT NULL,
    about TEXT NOT NULL, greatest_usd REAL NOT NULL, sent_bytes INTEGER NOT NULL, sent_at TEXT NOT NULL, ended_at TEXT,
    answered INTEGER, accepted INTEGER, cost_usd REAL, lost INTEGER, code TEXT, kind TEXT,
    PRIMARY KEY (reservation, request_key)
) WITHOUT ROWID
""",
    # whoever calls: no request is under way in two batches
    "CREATE UNIQUE INDEX IF NOT EXISTS api_waiting ON api_requests (request_key) WHERE ended_at IS NULL",
)
RESERVE = """
INSERT INTO api_requests (reservation, request_key, run_id, purpose, about, greatest_usd, sent_bytes, sent_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
ANSWER = """
UPDATE api_requests SET ended_at = :now, answered = 1, accepted = :accepted, cost_usd = :cost_usd, lost = :lost
WHERE reservation = :reservation AND request_key = :key AND ended_at IS NULL
"""
END = """
UPDATE api_requests SET ended_at = :now, answered = 0, cost_usd = 0, lost = :lost, code = :code, kind = :kind
WHERE reservation = :reservation AND request_key = :key AND ended_at IS NULL
"""
RECEIPT = """
INSERT INTO receipts (receipt, request_key, run_id, purpose, about, greatest_usd, sent_at, ended_at, answered, accepted,
    input_tokens, cached_tokens, output_tokens, cost_usd, lost)
SELECT :receipt, request_key, run_id, purpose, about, greatest_usd, sent_at, ended_at, answered, accepted,
    :input_tokens, :cached_tokens, :output_tokens, cost_usd, lost
FROM api_requests WHERE reservation = :reservation AND request_key = :key
"""
INSERT_BATCH = """
INSERT INTO api_batches (reservation, request_hash, endpoint, terms, requests, tokens, state, reserved_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

_TIMES = ("reserved_at", "asked_at", "created_at", "cancel_asked_at")
BATCH_COLUMNS = (
    "reservation", "request_hash", "terms", "requests", "tokens", "state", "reserved_at", "file_id", "asked_at",
    "batch_id", "created_at", "cancel_asked_at", "status", "output_file_id", "error_file_id", "completed", "code",
    "told", "found",
)  # fmt: skip
SELECT_BATCHES = f"SELECT {', '.join(BATCH_COLUMNS)} FROM api_batches"  # noqa: S608 - names of columns
"""Columns in the order `batch_of` reads them."""


def batch_row(batch: BatchRecord) -> tuple[object, ...]:
    """The values of ``INSERT_BATCH`` for a batch that has just been reserved."""
    return (
        batch.reservation, batch.request_hash, batch.terms.endpoint, _text(batch.terms), batch.requests, batch.tokens,
        batch.state, batch.reserved_at.isoformat(),
    )  # fmt: skip


def batch_of(row: tuple[object, ...]) -> BatchRecord:
    """A batch from its ``BATCH_COLUMNS``."""
    values = dict(zip(BATCH_COLUMNS, row, strict=True))
    for name in _TIMES:
        values[name] = datetime.fromisoformat(str(values[name])) if values[name] is not None else None
    values["terms"] = _terms(str(values["terms"]))
    values["told"] = json.loads(str(values["told"])) if values["told"] is not None else None
    values["found"] = tuple(json.loads(str(values["found"] or "[]")))
    return BatchRecord(**values)  # type: ignore[arg-type]  # as they were written


def _text(terms: BatchTerms) -> str:
    values = {**vars(terms), "price": list(terms.price), "day": terms.day.isoformat() if terms.day else None}
    return json.dumps(values, separators=(",", ":"))


def _terms(text: str) -> BatchTerms:
    values = json.loads(text)
    values |= {name: tuple(values[name]) for name in ("served_as", "fields")}
    values["price"] = Price(*values["price"])
    values["day"] = date.fromisoformat(values["day"]) if values["day"] else None
    return BatchTerms(**values)
