"""A large table answers from its files just what it answers as a frame."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters import table_files
from label_pipeline.adapters.store import Store
from label_pipeline.adapters.table_files import TableFiles
from label_pipeline.adapters.where import Between, Since, Where
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import AccessDeniedError, TableError
from label_pipeline_tests.sql.frames import DAY, at, rows

QUESTION = "amplify/new_pairs"
ASKED: dict[str, str | date] = {"day": DAY, "collection": "main", "judge_version": "judge-a"}
WHERE: list[dict[str, Where]] = [
    {},
    {"candidates": {"arrived_on": DAY}},
    {"candidates": {"arrived_on": [DAY, DAY + timedelta(days=1)], "query_id": ["q1", "q'3", "nobody"]}},
    {"candidates": {"query_id": Between("q'3", "q1")}},
    {"candidates": {"query_id": Between("qä", "q中")}, "labels": {"labelled_at": Since(at(10))}},
    {"candidates": {"query_id": []}},
    {"labels": {"judge_version": "judge-a"}},
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(str(tmp_path / "it's here"), "amplify")
    names = ["q1", "q2", "q'3", "qä", "qé", "q中", "Q1"]
    found.overwrite("candidates", rows("candidates", *({"query_id": n, "doc_id": d} for n in names for d in "abc")))
    for hour, n in enumerate(names, 9):
        found.append("labels", rows("labels", {"query_id": n, "doc_id": "b", "labelled_at": at(hour)}), n)
    return found


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on every table is large."""
    return lambda: monkeypatch.setattr(table_files, "LARGE_ROWS", 1)


@pytest.mark.parametrize("where", WHERE, ids=range(len(WHERE)))
def test_the_rows_are_those_of_the_frame(store: Store, where: dict[str, Where], large: Callable[[], None]) -> None:
    as_frames = store.query(QUESTION, ASKED, where)
    large()
    assert isinstance(store._source("candidates", ["query_id"], None), TableFiles)
    assert store.query(QUESTION, ASKED, where).equals(as_frames)
    assert bool(as_frames.height) is (where != {"candidates": {"query_id": []}})


def test_a_small_table_is_a_frame_and_an_absent_one_is_empty(store: Store, large: Callable[[], None]) -> None:
    assert isinstance(store._source("candidates", ["query_id"], None), pl.DataFrame)
    large()
    absent = store._source("judgements", ["query_id"], None)
    assert isinstance(absent, pl.DataFrame)
    assert absent.is_empty()


def test_what_a_stage_may_not_see_it_does_not_see_in_files_either(store: Store, large: Callable[[], None]) -> None:
    large()
    with pytest.raises(AccessDeniedError):
        store.query("rank/test_grades")
    labels = rows("human_labels", {"query_id": "q1"}, {"query_id": "q2"})
    store.at("seed").overwrite("human_labels", labels)
    store.at("seed").overwrite("splits", rows("splits", {"query_id": "q1"}, {"query_id": "q2", "split": "holdout"}))
    seen = store.at("calibrate")._source("human_labels", ["query_id", "grade"], None)
    assert isinstance(seen, pl.DataFrame), "holdout queries are left out of a frame"
    assert seen["query_id"].to_list() == ["q1"]


def test_old_words_are_read_as_today_s_and_never_from_files(store: Store, large: Callable[[], None]) -> None:
    large()
    respelled = [table for table in TABLES.values() if table.respelled]
    assert respelled, "the rule is about some table"
    for table in respelled:
        wanted = [old.column for old in table.respelled]
        assert isinstance(store.at("review")._source(table.name, wanted, None), pl.DataFrame), table.name
        with pytest.raises(TableError, match="older rows hold other words"):
            store.at("review")._source(table.name, list(table.schema), {wanted[0]: "x"})


def test_a_column_an_older_version_did_not_write_is_null_as_in_a_frame(
    tmp_path: Path, large: Callable[[], None]
) -> None:
    from deltalake import write_deltalake

    old = rows("labels", {}).drop("served_by")
    write_deltalake(str(tmp_path / "labels"), old.to_arrow())
    found = Store(str(tmp_path), "rank")
    large()
    source = found._source("labels", ["query_id", "served_by"], None)
    assert isinstance(source, pl.DataFrame)
    assert source["served_by"].to_list() == [None]
    found.append("labels", rows("labels", {"doc_id": "new", "served_by": "host"}), "new")
    both = found._source("labels", ["query_id", "served_by"], {"labelled_at": Since(datetime(2020, 1, 1, tzinfo=UTC))})
    assert isinstance(both, TableFiles)
    assert found.query("amplify/labelled_pairs", {"judge_version": "judge-a"}).height == 2


def test_a_column_nobody_declared_is_refused(store: Store, large: Callable[[], None]) -> None:
    large()
    with pytest.raises(TableError, match="has no columns"):
        store.query(QUESTION, ASKED, {"candidates": {"nothing": 1}})
