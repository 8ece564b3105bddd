import asyncio
import sqlite3
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from label_pipeline.adapters.batch_book import SQLiteBatchBook
from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.outbox import Outbox
from label_pipeline.core.errors import TableError
from label_pipeline.core.judging.batches.matching import KeptReply, NoAnswer
from label_pipeline.core.judging.batches.record import BatchRecord
from label_pipeline.core.ports import Paid
from label_pipeline_tests.core.judging.batches.made import TERMS, key_of, make_remote, make_request
from label_pipeline_tests.core.judging.scripted import NOW, clock, reply

REQUESTS = [make_request(number) for number in range(4)]


def kept(number: int, *, accepted: bool = True, **changes: object) -> KeptReply:
    return KeptReply(key_of(number), reply(1, **changes), Paid(0.25, accepted))


def reserved(book: SQLiteBatchBook) -> BatchRecord:
    batch = book.reserve(TERMS, "h" * 64, REQUESTS)
    book.created(batch.reservation, make_remote())
    return batch


def test_a_batch_comes_back_as_it_was_written_step_by_step(tmp_path: Path) -> None:
    terms = type(TERMS)(**{**vars(TERMS), "day": date(2026, 1, 2), "served": "judge-7"})
    with SQLiteBatchBook(tmp_path / "new" / "j", clock) as book:
        batch = book.reserve(terms, "h" * 64, REQUESTS)
        book.uploaded(batch.reservation, "f1")
        book.asked(batch.reservation)
        book.created(batch.reservation, make_remote())
        book.cancel_asked(batch.reservation)
        book.ended(batch.reservation, make_remote(status="expired", output_file_id="o1", completed=2))
    with SQLiteBatchBook(tmp_path / "new" / "j", clock) as book:
        [found] = book.open("main")
        assert book.open("other") == []
        assert book.known() == {"b1"}
    assert (found.terms, found.reserved_at, found.asked_at, found.cancel_asked_at) == (terms, NOW, NOW, NOW)
    assert (found.state, found.status, found.files, found.completed) == ("reading", "expired", ("f1", "o1"), 2)
    assert (found.requests, found.tokens) == (4, 400)


def test_a_request_waits_in_one_batch_at_a_time(tmp_path: Path) -> None:
    with SQLiteBatchBook(tmp_path / "j", clock) as book:
        batch = book.reserve(TERMS, "h" * 64, REQUESTS)
        assert book.waiting([key_of(1), key_of(9)]) == {key_of(1)}
        with pytest.raises(TableError, match="UNIQUE"):
            book.reserve(TERMS, "g" * 64, REQUESTS[3:])
        assert len(book.open()) == 1, "of the second nothing is left behind"
        book.dissolve(batch.reservation)
        assert book.waiting([key_of(1)]) == set()
        book.reserve(TERMS, "g" * 64, REQUESTS[3:])


def test_what_waits_holds_its_greatest_price_and_is_no_receipt(tmp_path: Path) -> None:
    with SQLiteBatchBook(tmp_path / "j", clock) as book:
        batch = reserved(book)
        assert book.held_usd() == pytest.approx(0.04)
        assert Outbox(tmp_path / "j").take() == [], "a run that ended did not lose what a batch still holds"
        book.keep(batch.reservation, [kept(0)])
        assert book.held_usd() == pytest.approx(0.03)


def test_a_reply_is_kept_with_its_receipt_and_once_only(tmp_path: Path) -> None:
    with SQLiteBatchBook(tmp_path / "j", clock) as book:
        batch = reserved(book)
        book.keep(batch.reservation, [kept(0), kept(1)])
        book.keep(batch.reservation, [kept(1), kept(0), kept(2), kept(9)])
        book.finish(batch.reservation, {key_of(3): NoAnswer("500", lost=True)}, NoAnswer("missing"), {"unknown": 1})
        book.finish(batch.reservation, {}, NoAnswer("missing", lost=True), {})
        progress = book.progress(batch.reservation)
    assert (progress.waiting, progress.answered, progress.cost_usd, progress.possibly_usd) == (0, 3, 0.75, 0.01)
    assert progress.unanswered == {key_of(3): NoAnswer("500", lost=True)}
    [booking] = Outbox(tmp_path / "j").take("run")
    receipts = Outbox(tmp_path / "j").receipts(booking, replies=True)
    assert [(one.intent, one.answered, one.cost_usd, one.lost) for one in receipts] == [
        *((request.intent, True, 0.25, 0) for request in REQUESTS[:3]), (REQUESTS[3].intent, False, 0.0, 1),
    ]  # fmt: skip
    assert [one.reply for one in receipts] == [reply(1)] * 3 + [None]
    with SQLiteJournal(tmp_path / "j") as journal:
        assert set(journal.lookup([key_of(number) for number in range(10)])) == {key_of(number) for number in range(3)}


def test_a_kept_reply_that_counts_stays_and_one_that_does_not_goes(tmp_path: Path) -> None:
    async def before(journal: SQLiteJournal) -> None:
        await journal.remember(key_of(0), reply(3))
        await journal.remember(key_of(1), reply(3, model="cheap"))

    with SQLiteJournal(tmp_path / "j") as journal, SQLiteBatchBook(tmp_path / "j", clock) as book:
        asyncio.run(before(journal))
        batch = reserved(book)
        book.keep(batch.reservation, [kept(0, model="judge-x"), kept(1), kept(2, accepted=False, model="cheap")])
        models = {key: one.model for key, one in journal.lookup([key_of(number) for number in range(3)]).items()}
    assert models == {key_of(0): "judge", key_of(1): "judge", key_of(2): "cheap"}


def test_receipts_of_a_book_and_of_a_journal_that_write_at_once_keep_apart(tmp_path: Path) -> None:
    """Both number their own; a number taken twice would refuse a payment."""

    async def intents(journal: SQLiteJournal, count: int) -> None:
        for _ in range(count):
            await journal.intend(REQUESTS[0].intent)

    with SQLiteJournal(tmp_path / "j") as journal, SQLiteBatchBook(tmp_path / "j", clock) as book:
        batch = reserved(book)
        asyncio.run(intents(journal, 3))
        book.keep(batch.reservation, [kept(number) for number in range(4)])
        asyncio.run(intents(journal, 3))
    [booking] = Outbox(tmp_path / "j").take()
    receipts = Outbox(tmp_path / "j").receipts(booking, replies=False)
    assert Counter(one.answered for one in receipts) == {True: 4, False: 6}


def test_a_batch_that_is_over_leaves_no_request_behind(tmp_path: Path) -> None:
    with SQLiteBatchBook(tmp_path / "j", clock) as book:
        batch = reserved(book)
        book.finish(batch.reservation, {}, NoAnswer("missing"), {})
        book.closed(batch.reservation)
        assert book.open() == []
        assert book.sent(batch.reservation) == {}
        assert book.known() == {"b1"}, "its hash may be found at the provider again"


def test_a_batch_nobody_wrote_and_a_file_that_is_no_journal_are_told(tmp_path: Path) -> None:
    with SQLiteBatchBook(tmp_path / "j", clock) as book, pytest.raises(TableError, match="holds no batch nobody"):
        book.get("nobody")
    (tmp_path / "text").write_text("not a database, and long enough to be read as one" * 30)
    with pytest.raises(TableError, match="used for its batches"):
        SQLiteBatchBook(tmp_path / "text").open()


def test_a_journal_of_an_older_version_gets_its_tables(tmp_path: Path) -> None:
    SQLiteJournal(tmp_path / "j").close()
    with SQLiteBatchBook(tmp_path / "j", clock) as book:
        reserved(book)
    connection = sqlite3.connect(tmp_path / "j")
    assert connection.execute("SELECT count(*) FROM api_requests").fetchone() == (4,)
    connection.close()
