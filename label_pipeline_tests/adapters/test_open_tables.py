"""Tables kept open on a folder: read once while nothing changes, and never believed after something did."""

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from label_pipeline.adapters.open_tables import MOST_BYTES, MOST_TABLES, OPEN, KeptTable, opened
from label_pipeline.adapters.store import Store
from label_pipeline_tests.adapters.changed_behind import CHANGES, TABLE, Change, check
from label_pipeline_tests.adapters.writers import looks, queries


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "tables"), "review")


@dataclass
class Folder:
    """The files of one table on a disk."""

    path: Path

    def files(self) -> Mapping[str, bytes]:
        return {str(p.relative_to(self.path)): p.read_bytes() for p in self.path.rglob("*") if p.is_file()}

    def replace(self, files: Mapping[str, bytes]) -> None:
        shutil.rmtree(self.path)
        for name, content in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(content)


@dataclass
class Counting:
    """Reads the rows and counts how often."""

    times: int = 0

    def __call__(self, delta: DeltaTable) -> pl.DataFrame:
        self.times += 1
        return pl.DataFrame(pl.from_arrow(delta.to_pyarrow_dataset().to_table()))


def kept(store: Store, name: str = TABLE) -> KeptTable:
    found = opened(f"{store.root}/{name}", {})
    assert found is not None
    return found


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_behind_it_is_noticed(store: Store, tmp_path: Path, change: Change) -> None:
    check(store, Folder(tmp_path / "tables" / TABLE), change)


def test_a_backup_put_back_with_its_times_is_noticed(store: Store, tmp_path: Path) -> None:
    table, backup = tmp_path / "tables" / TABLE, tmp_path / "backup"
    store.append(TABLE, looks("a"), "a")
    shutil.copytree(table, backup)
    store.append(TABLE, looks("b"), "b")
    assert store.read(TABLE).height == 2
    shutil.rmtree(table)
    shutil.copytree(backup, table)  # as `cp -a`: the times are those of the copied files
    assert store.read(TABLE)["verdict_id"].to_list() == ["a"]


def height_of(frame: pl.DataFrame | None) -> int:
    """Its rows; -1 where there is no table."""
    return -1 if frame is None else frame.height


def test_a_table_that_went_between_looking_and_reading_is_absent(store: Store) -> None:
    store.append(TABLE, looks("a"), "a")
    first = kept(store)
    shutil.rmtree(Path(store.root) / TABLE)
    assert not first.refresh()  # as another thread does meanwhile
    assert height_of(first.rows("all", Counting())) == -1
    assert not first.committed("a")


def test_while_nothing_changes_it_is_read_once_a_question(store: Store) -> None:
    store.append(TABLE, looks("a"), "a")
    read = Counting()
    for question in ("all", "all", "some", "all"):
        assert height_of(kept(store).rows(question, read)) == 1
    assert read.times == 2
    store.append(TABLE, looks("b"), "b")
    assert height_of(kept(store).rows("all", read)) == 2
    assert read.times == 3
    assert kept(store) is kept(Store(store.root)), "one table a process"


def test_a_frame_that_is_changed_in_place_is_not_what_the_next_one_reads(store: Store) -> None:
    store.append(TABLE, looks("a"), "a")
    for _ in range(2):  # the frame that was read, and one that was kept
        found = store.read(TABLE)
        found.extend(found.clone())
        found.insert_column(0, pl.Series("more", [1, 2]))
        found[0, "verdict_id"] = "changed"
        assert store.read(TABLE)["verdict_id"].to_list() == ["a"]
        assert "more" not in store.read(TABLE).columns


def test_a_large_answer_is_read_each_time(store: Store) -> None:
    store.overwrite("queries", queries(*(f"{number:0400}" for number in range(MOST_BYTES // 400))))
    read = Counting()
    for _ in range(2):
        kept(store, "queries").rows("all", read)
    assert read.times == 2


def test_it_keeps_a_bounded_number_of_tables(store: Store, tmp_path: Path) -> None:
    store.append(TABLE, looks("a"), "a")
    first = kept(store)
    for number in range(MOST_TABLES):
        assert opened(f"{tmp_path}/{number}", {}) is None
    assert len(OPEN) == MOST_TABLES
    assert kept(store) is not first


def test_with_other_credentials_it_is_another_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    first = OPEN.table("s3://bucket/table", {})
    assert OPEN.table("s3://bucket/table", {}) is first
    assert OPEN.table("s3://bucket/table", {"aws_endpoint": "http://127.0.0.1:9"}) is not first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "two")
    assert OPEN.table("s3://bucket/table", {}) is not first


@pytest.mark.outside
def test_a_forked_process_keeps_none(store: Store) -> None:
    store.append(TABLE, looks("a"), "a")
    store.read(TABLE)
    assert len(OPEN) > 0
    child = os.fork()
    if not child:
        os._exit(len(OPEN))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_that_read_while_it_grows_see_whole_commits(store: Store) -> None:
    store.append(TABLE, looks("0a", "0b"), "0")

    def seen() -> set[int]:
        return {store.read(TABLE, where={"verdict_id": [f"{n}{half}" for n in range(9) for half in "ab"]}).height % 2}

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(lambda: set().union(*(seen() for _ in range(20)))) for _ in range(3)]
        for number in range(1, 9):
            store.append(TABLE, looks(f"{number}a", f"{number}b"), str(number))
    assert [reader.result() for reader in readers] == [{0}] * 3
    assert store.read(TABLE).height == 18
