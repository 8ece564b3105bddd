"""Folders, moments and many keys of the journal, where planted faults showed that no other test stands."""

import asyncio
import sqlite3
from pathlib import Path

from label_pipeline.adapters.journal import KEYS_A_QUERY, SQLiteJournal
from label_pipeline_tests.core.judging.scripted import clock, reply


def test_every_folder_above_the_file_is_created(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "journal.sqlite"
    with SQLiteJournal(path) as journal:
        asyncio.run(journal.remember("k", reply()))
    assert path.exists()


def test_the_moment_is_now_in_utc_where_no_clock_is_given(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(journal.remember("k", reply()))
    connection = sqlite3.connect(tmp_path / "j")
    [(moment,)] = connection.execute("SELECT created_at FROM replies")
    connection.close()
    assert moment.endswith("+00:00")


def test_the_first_and_the_last_key_of_every_question_are_asked(tmp_path: Path) -> None:
    keys = [f"k{i}" for i in range(2 * KEYS_A_QUERY + 1)]

    async def fill(journal: SQLiteJournal) -> None:
        await asyncio.gather(*(journal.remember(key, reply()) for key in keys))

    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(fill(journal))
        for count in (KEYS_A_QUERY - 1, KEYS_A_QUERY, KEYS_A_QUERY + 1, 2 * KEYS_A_QUERY, 2 * KEYS_A_QUERY + 1):
            assert set(journal.lookup(keys[:count])) == set(keys[:count])


def test_what_was_asked_last_before_closing_is_written(tmp_path: Path) -> None:
    """Closing waits for the writer; the row carries the moment of the call, not that of the commit."""

    async def ask(journal: SQLiteJournal) -> None:
        waiting = asyncio.ensure_future(asyncio.gather(*(journal.remember(f"k{i}", reply()) for i in range(50))))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    journal = SQLiteJournal(tmp_path / "j", clock)
    asyncio.run(ask(journal))
    journal.close()
    connection = sqlite3.connect(tmp_path / "j")
    moments = {moment for (moment,) in connection.execute("SELECT created_at FROM replies")}
    assert connection.execute("SELECT count(*) FROM replies").fetchone() == (50,)
    connection.close()
    assert moments == {clock().isoformat()}


def test_a_closed_journal_is_one_file(tmp_path: Path) -> None:
    """Reader and writer both let go of it: what is copied then is whole without its write-ahead log."""
    journal = SQLiteJournal(tmp_path / "j")
    asyncio.run(journal.remember("k", reply()))
    assert {path.name for path in tmp_path.iterdir()} == {"j", "j-wal", "j-shm"}
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


def test_who_gave_up_waiting_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """Both replies are of one commit; the first call is cancelled before it, the second is told."""

    async def ask(journal: SQLiteJournal) -> None:
        first, second = (asyncio.ensure_future(journal.remember(key, reply())) for key in "ab")
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait_for(second, 10)

    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(ask(journal))
        assert set(journal.lookup(["a", "b"])) == {"a", "b"}
