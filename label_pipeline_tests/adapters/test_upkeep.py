"""Upkeep changes files, never rows: order, commit ids, and columns of older versions stay."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from polars.testing import assert_frame_equal

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.store import Store
from label_pipeline.adapters.upkeep import FEW_FILES, forget_replies, tidy
from label_pipeline.core.errors import TableError
from label_pipeline_tests.adapters.writers import looks, queries
from label_pipeline_tests.core.judging.scripted import NOW, clock, reply

NOTHING_KEPT = timedelta(0)
MANY = FEW_FILES + 4


def files(store: Store, name: str) -> int:
    return len(list(Path(store.root, name).rglob("*.parquet")))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(str(tmp_path / "tables"), "rank")
    for number in range(MANY):
        found.append("holdout_looks", looks(str(number)), f"commit {number}")
    return found


def test_rows_and_their_order_stay_and_files_become_few(store: Store) -> None:
    before = store.read("holdout_looks")
    done = tidy(store, "holdout_looks", NOTHING_KEPT)
    assert done is not None
    assert (done.files_before, done.files_after, done.removed) == (MANY, 1, MANY)
    assert_frame_equal(store.read("holdout_looks"), before)
    fresh = Store(shutil.copytree(store.root, f"{store.root}-copy"), "rank")  # opened by nobody before
    assert_frame_equal(fresh.read("holdout_looks"), before)


def test_a_commit_id_is_known_after_it(store: Store) -> None:
    tidy(store, "holdout_looks", NOTHING_KEPT)
    assert not store.append("holdout_looks", looks("3"), "commit 3")
    fresh = Store(shutil.copytree(store.root, f"{store.root}-copy"), "rank")
    assert not fresh.append("holdout_looks", looks("3"), "commit 3"), "also from the checkpoint alone"
    with pytest.raises(TableError, match="would be lost"):
        fresh.append("holdout_looks", looks("other"), "commit 3")
    assert fresh.append("holdout_looks", looks("new"), "commit new")


def test_few_files_are_left_alone_and_nothing_is_no_table(store: Store, tmp_path: Path) -> None:
    small = Store(str(tmp_path / "small"), "rank")
    small.append("holdout_looks", looks("1"), "one")
    small.append("holdout_looks", looks("2"), "two")
    done = tidy(small, "holdout_looks", NOTHING_KEPT)
    assert done is not None
    assert (done.files_before, done.files_after) == (2, 2)
    assert tidy(small, "verdicts", NOTHING_KEPT) is None


def test_a_column_that_came_later_is_null_in_older_rows_after_it_too(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "tables"), "rank")
    missing = looks("0").columns[-1]
    for number in range(MANY):
        older = looks(str(number)).drop(missing)
        write_deltalake(f"{store.root}/holdout_looks", older.to_arrow(), mode="append")
    before = DeltaTable(f"{store.root}/holdout_looks").to_pyarrow_table().num_rows
    write_deltalake(f"{store.root}/holdout_looks", looks("9").to_arrow(), mode="append", schema_mode="merge")
    assert tidy(store, "holdout_looks", NOTHING_KEPT) is not None
    rows = pl.from_arrow(DeltaTable(f"{store.root}/holdout_looks").to_pyarrow_table())
    assert isinstance(rows, pl.DataFrame)
    assert (rows.height, rows[missing].null_count()) == (before + 1, before)


def test_what_a_reader_may_still_need_is_kept_as_long_as_asked(store: Store) -> None:
    began = DeltaTable(f"{store.root}/holdout_looks")
    assert tidy(store, "holdout_looks", timedelta(days=2)) is not None
    assert began.to_pyarrow_table().num_rows == MANY
    assert files(store, "holdout_looks") > MANY
    assert tidy(store, "holdout_looks", NOTHING_KEPT) is not None
    with pytest.raises(Exception, match=r"(?i)not found|no such file"):  # whichever library meets it first
        began.to_pyarrow_table()


def test_an_unchanged_snapshot_is_not_written_again(tmp_path: Path) -> None:
    """Three loads of one file took a folder from 1.35 to 5.41 MB."""
    store = Store(str(tmp_path), "seed")
    store.overwrite("queries", queries("a", "b"))
    before = files(store, "queries")
    store.overwrite("queries", queries("a", "b"))
    assert files(store, "queries") == before
    store.overwrite("queries", queries("a"))
    assert store.read("queries")["query_id"].to_list() == ["a"]
    store.overwrite("queries", store.read("queries").clear())
    assert store.read("queries").is_empty()


def test_old_replies_leave_the_journal_where_they_are_named(tmp_path: Path) -> None:
    async def fill(journal: SQLiteJournal) -> None:
        for key in ("old", "old and unnamed", "other"):
            await journal.remember(key, reply())

    with SQLiteJournal(tmp_path / "j", clock) as journal:
        asyncio.run(fill(journal))
    assert forget_replies(tmp_path / "j", ["old", "other"], NOW) == 0, "not older"
    assert forget_replies(tmp_path / "j", ["old", *(f"k{n}" for n in range(2000))], NOW + timedelta(1)) == 1
    with SQLiteJournal(tmp_path / "j") as journal:
        assert set(journal.lookup(["old", "old and unnamed", "other"])) == {"old and unnamed", "other"}
