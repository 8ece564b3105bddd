import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.core.errors import TableError
from label_pipeline.core.ports import TokenChoice
from label_pipeline_tests.core.judging.scripted import clock, reply

FULL = reply(
    3,
    content='{"rationale": "é 漢 \\ud800", "grade": 3}',
    refusal=None,
    tokens=(TokenChoice("3", (("3", -0.1), ("2", float("-inf")))),),
)


def script(body: str, *arguments: object, limit_file_bytes: int | None = None) -> "subprocess.Popen[bytes]":
    """Another process that runs ``body``; ``sys.argv[1:]`` are the arguments."""
    prologue = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom label_pipeline.adapters.journal import SQLiteJournal\n"
    )
    prologue += "from label_pipeline_tests.core.judging.scripted import reply\n"
    if limit_file_bytes is not None:
        prologue += f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({limit_file_bytes},) * 2)\n"
    code = prologue + textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE)


def test_a_reply_comes_back_as_it_was(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "new" / "journal.sqlite", clock) as journal:
        asyncio.run(journal.remember("k", FULL))
        assert journal.lookup(["k", "unknown"]) == {"k": FULL}
        assert journal.lookup([]) == {}
    with SQLiteJournal(tmp_path / "new" / "journal.sqlite") as journal:
        assert journal.lookup(["k"]) == {"k": FULL}


def test_thousands_of_keys_are_recalled_at_once(tmp_path: Path) -> None:
    async def fill(journal: SQLiteJournal) -> None:
        await asyncio.gather(*(journal.remember(f"k{i}", reply(i % 4)) for i in range(2500)))

    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(fill(journal))
        found = journal.lookup([f"k{i}" for i in range(3000)])
    assert len(found) == 2500
    assert found["k7"] == reply(3)


def test_replies_that_arrive_together_share_commits(tmp_path: Path) -> None:
    """2,000 commits of their own would take 2,000 flushes; together they are a handful."""

    async def fill(journal: SQLiteJournal) -> None:
        await asyncio.gather(*(journal.remember(f"k{i}", reply()) for i in range(2000)))

    with SQLiteJournal(tmp_path / "j") as journal:
        watcher = sqlite3.connect(tmp_path / "j")
        versions = set()
        stop = threading.Event()

        def watch() -> None:
            other = sqlite3.connect(tmp_path / "j")
            while not stop.is_set():
                versions.add(other.execute("PRAGMA data_version").fetchone()[0])
            other.close()

        thread = threading.Thread(target=watch)
        thread.start()
        asyncio.run(fill(journal))
        stop.set()
        thread.join()
        assert watcher.execute("SELECT count(*) FROM replies").fetchone() == (2000,)
        watcher.close()
    assert len(versions) < 30


def test_the_first_reply_of_a_model_stays_and_another_model_replaces_it(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(journal.remember("k", reply(1, model="wrong")))
        asyncio.run(journal.remember("k", reply(2)))
        asyncio.run(journal.remember("k", reply(3)))
        assert journal.lookup(["k"])["k"] == reply(2)


def test_it_holds_no_request_and_no_document(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "j", clock) as journal:
        asyncio.run(journal.remember("k", reply()))
    connection = sqlite3.connect(tmp_path / "j")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(replies)")]
    assert columns == ["request_key", "model", "reply", "created_at"]
    assert connection.execute("SELECT created_at FROM replies").fetchone() == (clock().isoformat(),)
    connection.close()


@pytest.mark.outside
def test_remembered_means_it_survives_kill_9(tmp_path: Path) -> None:
    """The process reports each key only after ``remember`` returned; every reported key must be there afterwards."""
    writer = script(
        """
        async def main():
            journal = SQLiteJournal(Path(sys.argv[1]))
            async def one(i):
                await journal.remember(f"k{i}", reply(i % 4))
                print(i, flush=True)
            for start in range(0, 10**6, 16):
                await asyncio.gather(*(one(i) for i in range(start, start + 16)))
        asyncio.run(main())
        """,
        tmp_path / "j",
    )
    assert writer.stdout is not None
    reported = [int(writer.stdout.readline()) for _ in range(300)]
    os.kill(writer.pid, signal.SIGKILL)
    reported += [int(line) for line in writer.stdout.read().split(b"\n") if line.strip()]
    writer.wait()
    writer.stdout.close()
    with SQLiteJournal(tmp_path / "j") as journal:
        found = journal.lookup([f"k{i}" for i in reported])
        assert all(found[f"k{i}"] == reply(i % 4) for i in reported)
        asyncio.run(journal.remember("after", reply()))


@pytest.mark.outside
def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    body = """
    async def main():
        with SQLiteJournal(Path(sys.argv[1])) as journal:
            for start in range(0, 400, 8):
                await asyncio.gather(*(journal.remember(f"{sys.argv[2]}{i}", reply()) for i in range(start, start + 8)))
                # Both ask for the same keys too.
                await journal.remember(f"shared{start}", reply())
    asyncio.run(main())
    """
    writers = [script(body, tmp_path / "j", name) for name in "ab"]  # both create the file
    assert [writer.wait(60) for writer in writers] == [0, 0]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.close()
    with SQLiteJournal(tmp_path / "j") as journal:
        assert len(journal.lookup([f"{name}{i}" for name in "ab" for i in range(400)])) == 800
        assert len(journal.lookup([f"shared{i}" for i in range(0, 400, 8)])) == 50


def test_opening_waits_for_another_process_that_is_just_creating_the_file(tmp_path: Path) -> None:
    """SQLite gives up at once when the switch to the write-ahead log meets a writer, whatever its busy timeout."""
    other = sqlite3.connect(tmp_path / "j", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE something_else (x)")
    release = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    release.start()
    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(journal.remember("k", reply()))
    release.join()
    other.close()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.7])
def test_a_file_with_half_a_write_ahead_log_opens(tmp_path: Path, kept: float) -> None:
    async def fill(journal: SQLiteJournal) -> None:
        for i in range(50):
            await journal.remember(f"k{i}", reply())

    broken = tmp_path / "broken"
    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(fill(journal))
        log = (tmp_path / "j-wal").read_bytes()
        broken.write_bytes((tmp_path / "j").read_bytes())
        (tmp_path / "broken-wal").write_bytes(log[: int(len(log) * kept)])
    with SQLiteJournal(broken) as journal:
        found = journal.lookup([f"k{i}" for i in range(50)])
        # Whole commits from the beginning, none half.
        assert sorted(found) == sorted(f"k{i}" for i in range(len(found)))
        assert len(found) < 50
        asyncio.run(journal.remember("k49", reply(1)))
        assert journal.lookup(["k49"])["k49"] == reply(1)


def test_an_empty_file_opens_and_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    SQLiteJournal(tmp_path / "empty").close()
    (tmp_path / "notes.txt").write_text("these are my notes, not a journal\n" * 10)
    with pytest.raises(TableError, match=r"notes\.txt cannot be opened: file is not a database.*run again"):
        SQLiteJournal(tmp_path / "notes.txt")
    (tmp_path / "file").touch()
    with pytest.raises(TableError, match="cannot be opened"):
        SQLiteJournal(tmp_path / "file" / "journal")


@pytest.mark.outside
def test_a_disk_that_is_full_is_said_and_what_was_committed_is_kept(tmp_path: Path) -> None:
    """A real write failure: this process may not grow a file beyond 200 KB."""
    writer = script(
        """
        from label_pipeline.core.errors import TableError
        async def main():
            with SQLiteJournal(Path(sys.argv[1])) as journal:
                for i in range(10**4):
                    try:
                        await journal.remember(f"k{i}", reply(content="x" * 1000))
                    except TableError as error:
                        print(i, error)
                        break
        asyncio.run(main())
        """,
        tmp_path / "j",
        limit_file_bytes=200_000,
    )
    said, _ = writer.communicate(timeout=60)
    assert writer.returncode == 0
    kept, _, sentence = said.decode().partition(" ")
    assert "cannot be written" in sentence
    assert "free space" in sentence
    assert "replies committed before are kept" in sentence
    with SQLiteJournal(tmp_path / "j") as journal:
        assert len(journal.lookup([f"k{i}" for i in range(int(kept))])) == int(kept) > 10


def test_a_cancelled_wait_is_written_all_the_same(tmp_path: Path) -> None:
    async def interrupted(journal: SQLiteJournal) -> None:
        task = asyncio.create_task(journal.remember("k", reply()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(interrupted(journal))
    with SQLiteJournal(tmp_path / "j") as journal:
        assert journal.lookup(["k"]) == {"k": reply()}


def test_the_event_loop_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    async def busy(journal: SQLiteJournal) -> None:
        blocker = sqlite3.connect(tmp_path / "j", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")  # another process in a long write
        waiting = asyncio.create_task(journal.remember("k", reply()))
        await asyncio.sleep(0.1)
        assert not waiting.done()  # a loop that waited would have sat out the lock's patience and have failed by now
        blocker.execute("COMMIT")
        blocker.close()
        await waiting

    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(busy(journal))
        assert journal.lookup(["k"]) == {"k": reply()}


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = SQLiteJournal(tmp_path / "j")
    journal.close()
    journal.close()
    with pytest.raises(TableError, match="is closed"):
        asyncio.run(journal.remember("k", reply()))


def test_a_reply_kept_by_an_older_version_is_read_and_nobody_knows_who_served_it(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "j") as journal:
        asyncio.run(journal.remember("k", reply(1)))
    with sqlite3.connect(tmp_path / "j") as connection:
        [(kept,)] = connection.execute("SELECT reply FROM replies").fetchall()
        fields = json.loads(kept)
        del fields["served_by"]
        connection.execute("UPDATE replies SET reply = ?", (json.dumps(fields),))
    connection.close()
    with SQLiteJournal(tmp_path / "j") as journal:
        assert journal.lookup(["k"])["k"].served_by is None
