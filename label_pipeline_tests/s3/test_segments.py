"""The journal's segments: a lost disk or another machine finds every reply that was sent, as it was."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from label_pipeline.adapters.aws import s3
from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.s3 import Found, Objects
from label_pipeline.adapters.segments import Segments
from label_pipeline.core.errors import StorageError
from label_pipeline.core.ports import Reply
from label_pipeline_tests.s3 import servers
from label_pipeline_tests.s3.servers import Troubled

NOON = datetime(2026, 9, 20, 12, tzinfo=UTC)


def reply(text: str, model: str = "m") -> Reply:
    return Reply(text, None, "stop", model, "fp", "id", 10, 5, 3, 0.1)


def segments(bucket: str, path: Path, replies: int = 1000) -> Segments:
    return Segments(path, s3().objects, f"s3://{bucket}/journal/", replies=replies)


def remember(path: Path, *replies: tuple[str, Reply], at: datetime = NOON) -> None:
    async def work(journal: SQLiteJournal) -> None:
        for key, found in replies:
            await journal.remember(key, found)

    with SQLiteJournal(path, lambda: at) as journal:
        asyncio.run(work(journal))


def recalled(path: Path, *keys: str) -> dict[str, Reply]:
    with SQLiteJournal(path) as journal:
        return journal.lookup(keys)


def test_a_machine_with_an_empty_disk_has_every_reply_of_the_other(bucket: str, s3_url: str, tmp_path: Path) -> None:
    here, there = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    remember(here, ("before", reply("kept before anything was on S3")))
    with segments(bucket, here).kept():
        remember(here, *((f"k{n}", reply(f"text {n}")) for n in range(5)))
    [name] = servers.contents(s3_url, bucket)
    assert name.startswith("journal/20260920T120000-")
    assert segments(bucket, there).restore() == 6
    keys = ["before", *(f"k{n}" for n in range(5))]
    assert recalled(there, *keys) == recalled(here, *keys)
    assert len(recalled(there, *keys)) == 6
    assert segments(bucket, there).restore() == 0
    assert segments(bucket, there).send() == 0, "what came from S3 is not sent back"


def test_two_machines_in_turn_know_what_the_other_paid_for(bucket: str, s3_url: str, tmp_path: Path) -> None:
    for turn in range(4):
        path = tmp_path / f"{turn % 2}.sqlite"
        with segments(bucket, path).kept():
            assert len(recalled(path, *(f"k{n}" for n in range(turn)))) == turn
            remember(path, (f"k{turn}", reply(f"turn {turn}")), at=NOON + timedelta(minutes=turn))
    assert len(servers.contents(s3_url, bucket)) == 4


def test_another_models_reply_counts_everywhere_and_the_first_of_one_model_stays(bucket: str, tmp_path: Path) -> None:
    here, there = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    for minute, (text, model) in enumerate([("first", "m"), ("second", "m"), ("other", "n")]):
        with segments(bucket, here).kept():
            remember(here, ("k", reply(text, model)), at=NOON + timedelta(minutes=minute))
        expected = {0: "first", 1: "first", 2: "other"}[minute]
        assert recalled(here, "k")["k"].content == expected
    segments(bucket, there).restore()
    assert recalled(there, "k") == recalled(here, "k")


def test_full_segments_go_and_the_rest_at_the_end(bucket: str, s3_url: str, tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    shipped = segments(bucket, path, replies=3)
    remember(path, *((f"k{n}", reply(str(n))) for n in range(8)))
    assert shipped.send(at_least=3) == 6
    assert len(servers.contents(s3_url, bucket)) == 2
    assert shipped.send() == 2
    assert shipped.send() == 0
    assert len(servers.contents(s3_url, bucket)) == 3


def test_while_a_run_asks_full_segments_go_by_themselves(
    bucket: str, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("label_pipeline.adapters.segments.LOOK_EVERY_S", 0.05)
    path = tmp_path / "j.sqlite"
    with segments(bucket, path, replies=3).kept():
        remember(path, *((f"k{n}", reply(str(n))) for n in range(4)))
        for _ in range(100):
            if servers.contents(s3_url, bucket):
                break
            asyncio.run(asyncio.sleep(0.05))
        assert len(servers.contents(s3_url, bucket)) == 1
    assert len(servers.contents(s3_url, bucket)) == 2


def test_what_could_not_be_sent_is_kept_told_and_sent_by_the_next_run(
    bucket: str, s3_url: str, troubled: Troubled, tmp_path: Path
) -> None:
    path = tmp_path / "j.sqlite"

    def run() -> None:
        with segments(bucket, path).kept():
            troubled.rules({"method": "PUT", "path": "journal/", "do": "forbid"})
            remember(path, ("k", reply("paid for")))

    with pytest.raises(StorageError, match=r"journal/.* cannot be written: S3 refuses"):
        run()
    assert recalled(path, "k")["k"].content == "paid for"
    troubled.rules({"method": "PUT", "path": "journal/", "do": "swallow", "times": 1})
    with segments(bucket, path).kept():
        pass
    assert len(servers.contents(s3_url, bucket)) == 1, "an answer that is lost makes no second segment"
    assert segments(bucket, tmp_path / "new.sqlite").restore() == 1


def test_what_ended_the_block_matters_more_than_a_segment_that_cannot_be_sent(
    bucket: str, troubled: Troubled, tmp_path: Path
) -> None:
    def stopped() -> None:
        with segments(bucket, tmp_path / "j.sqlite").kept():
            remember(tmp_path / "j.sqlite", ("k", reply("paid for")))
            troubled.rules({"method": "PUT", "path": "journal/", "do": "forbid"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()


def test_killed_between_a_reply_and_its_segment_the_next_process_sends_it(bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    segments(bucket, path).restore()  # the run began, then was killed: nothing but the file is left
    remember(path, ("k", reply("paid for")))
    assert segments(bucket, path).send() == 1


@pytest.mark.parametrize("content", [b"not gzip", b"", b"\x1f\x8b\x08\x00\x00"])
def test_a_broken_segment_is_named(bucket: str, s3_url: str, tmp_path: Path, content: bytes) -> None:
    servers.client("s3", s3_url).put_object(Bucket=bucket, Key="journal/broken.jsonl.gz", Body=content)
    with pytest.raises(StorageError, match=r"journal/broken.jsonl.gz is no journal segment \(.*move it away"):
        segments(bucket, tmp_path / "j.sqlite").restore()


def test_a_segment_read_through_a_connection_that_breaks_is_whole(
    bucket: str, troubled: Troubled, tmp_path: Path
) -> None:
    here = tmp_path / "a.sqlite"
    with segments(bucket, here).kept():
        remember(here, *((f"k{n}", reply("x" * 1000)) for n in range(20)))
    troubled.rules({"method": "GET", "path": r"journal/2026", "do": "swallow", "times": 2})
    assert segments(bucket, tmp_path / "b.sqlite").restore() == 20
    assert troubled.rules() == [2]


def test_an_old_journal_keeps_its_rows(bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    remember(path, ("old", reply("of a run on a folder")))
    with segments(bucket, path).kept():
        pass
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM unsent").fetchone() == (0,)
    connection.close()
    assert recalled(path, "old")["old"].content == "of a run on a folder"


T = TypeVar("T")


class Killed(BaseException):
    """The process ends here."""


@dataclass(frozen=True)
class Dying:
    """S3 for a process that is killed at one of its requests: before it is sent, or before its answer is heard.

    Attributes:
        objects: S3.
        at: ``read`` or ``write``.
        number: of that request, from 1.
        after: the request is done first.
    """

    objects: Objects
    at: str
    number: int
    after: bool
    counts: Counter[str] = field(default_factory=Counter)

    def read(self, url: str) -> Found | None:
        return self._done("read", lambda: self.objects.read(url))

    def write(self, url: str, data: bytes, *, only_over: str | None = None) -> str | None:
        return self._done("write", lambda: self.objects.write(url, data, only_over=only_over))

    def names(self, prefix: str) -> list[str]:
        return self.objects.names(prefix)

    def _done(self, what: str, do: Callable[[], T]) -> T:
        self.counts[what] += 1
        dies = (what, self.counts[what]) == (self.at, self.number)
        if dies and not self.after:
            raise Killed
        found = do()
        if dies:
            raise Killed
        return found


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("at", "number"), [("read", 1), ("read", 2), ("write", 1), ("write", 2)])
def test_killed_anywhere_the_rest_is_taken_in_and_sent_once(
    bucket: str, tmp_path: Path, at: str, number: int, after: bool
) -> None:
    other, mine, third = tmp_path / "other.sqlite", tmp_path / "mine.sqlite", tmp_path / "third.sqlite"
    for n in range(2):
        with segments(bucket, other).kept():
            remember(other, (f"o{n}", reply(f"other {n}")), at=NOON + timedelta(minutes=n))
    dying = Dying(s3().objects, at, number, after)
    killed = Segments(mine, dying, f"s3://{bucket}/journal/", replies=2)  # type: ignore[arg-type]  # the methods used
    remember(mine, *((f"k{n}", reply(f"mine {n}")) for n in range(4)))

    def run() -> None:
        killed.restore()
        killed.send()

    with pytest.raises(Killed):
        run()
    remember(mine, ("late", reply("after the crash")))
    with segments(bucket, mine, replies=2).kept():
        pass
    keys = ["o0", "o1", *(f"k{n}" for n in range(4)), "late"]
    assert len(recalled(mine, *keys)) == len(keys)
    segments(bucket, third).restore()
    assert recalled(third, *keys) == recalled(mine, *keys)
    assert segments(bucket, mine).send() == segments(bucket, third).send() == 0


def test_of_two_models_the_later_reply_counts_whatever_order_segments_come_in(
    bucket: str, s3_url: str, tmp_path: Path
) -> None:
    """Two segments that begin at one moment hold the same request where a process died before it noted the first."""
    for path, text, model, minute in ((tmp_path / "1", "old", "m", 0), (tmp_path / "2", "new", "n", 5)):
        with segments(bucket, path).kept():
            remember(path, ("k", reply(text, model)), at=NOON + timedelta(minutes=minute))
        if minute:
            break
        (first,) = servers.contents(s3_url, bucket).items()
        servers.client("s3", s3_url).delete_object(Bucket=bucket, Key=first[0])
    servers.client("s3", s3_url).put_object(Bucket=bucket, Key="journal/20260920T120900-ff.jsonl.gz", Body=first[1])
    there = tmp_path / "3"
    assert segments(bucket, there).restore() == 1
    assert recalled(there, "k")["k"].content == "new"
