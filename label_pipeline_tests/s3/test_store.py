"""Tables on S3: two writers at once lose nothing, and every refusal and loss ends with its sentence."""

import multiprocessing
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from label_pipeline.adapters.aws import s3
from label_pipeline.adapters.store import Store
from label_pipeline.adapters.upkeep import FEW_FILES, tidy
from label_pipeline.core.errors import StorageError
from label_pipeline_tests.adapters.writers import looks, queries
from label_pipeline_tests.s3.holders import append_again_and_again
from label_pipeline_tests.s3.servers import Troubled

WRITERS, APPENDS = 2, 8


def store(bucket: str) -> Store:
    return Store(f"s3://{bucket}/tables", "rank", s3().delta_options)


def test_writers_in_several_processes_at_once_lose_nothing(bucket: str) -> None:
    tables = store(bucket)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(WRITERS)
    processes = [
        context.Process(target=append_again_and_again, args=(tables.root, dict(tables.options), writer, start, APPENDS))
        for writer in range(WRITERS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * WRITERS
    wanted = {f"{writer}-{number}" for writer in range(WRITERS) for number in range(APPENDS)}
    found = tables.read("holdout_looks")["verdict_id"].to_list()
    assert sorted(found) == sorted(wanted), "each row once: none lost, none twice"


def test_a_snapshot_and_a_fact_come_back_as_written(bucket: str) -> None:
    tables = store(bucket)
    assert tables.read("queries").is_empty()
    tables.overwrite("queries", queries("a", "b"))
    tables.overwrite("queries", queries("b", "c"))
    assert tables.read("queries")["query_id"].sort().to_list() == ["b", "c"]
    assert tables.append("holdout_looks", looks("1"), "one")
    assert not tables.append("holdout_looks", looks("1"), "one"), "once a commit id"
    assert_frame_equal(tables.read("holdout_looks").select(looks("1").columns), looks("1"), check_dtypes=False)


def test_a_part_of_a_table_is_read_as_from_a_folder(bucket: str) -> None:
    tables = store(bucket)
    for number in ("1", "2", "3"):
        tables.append("holdout_looks", looks(number), number)
    found = tables.read("holdout_looks", ["verdict_id", "look"], {"verdict_id": ["1", "3", "none"], "look": [1, 0]})
    assert found.columns == [name for name in looks("1").columns if name in ("verdict_id", "look")]
    assert sorted(found["verdict_id"]) == ["1", "3"]


def test_a_bucket_that_is_not_there(bucket: str) -> None:
    wrong = store(f"{bucket}-elsewhere")
    told = (
        f"s3://{bucket}-elsewhere/tables/queries cannot be {{}}: S3 has no such bucket here (NoSuchBucket); expected "
        "one made beforehand, in the region the environment names: correct the address, or create it"
    )
    with pytest.raises(StorageError) as refused:
        wrong.read("queries")
    assert str(refused.value) == told.format("opened")
    with pytest.raises(StorageError) as refused:
        wrong.overwrite("queries", queries("a"))
    assert str(refused.value) == told.format("written")


def test_permission_to_read_but_not_to_write(bucket: str, troubled: Troubled) -> None:
    tables = store(bucket)
    tables.append("holdout_looks", looks("before"), "before")
    troubled.rules({"method": "PUT|POST", "path": ".", "do": "forbid"})
    assert tables.read("holdout_looks")["verdict_id"].to_list() == ["before"]
    with pytest.raises(StorageError, match=r"holdout_looks cannot be written: S3 refuses these credentials \(.*policy"):
        tables.append("holdout_looks", looks("after"), "after")
    troubled.rules()
    assert tables.read("holdout_looks")["verdict_id"].to_list() == ["before"], "half a write shows nothing"
    assert tables.append("holdout_looks", looks("after"), "after")
    assert sorted(tables.read("holdout_looks")["verdict_id"]) == ["after", "before"]


def test_a_connection_that_dies_half_way_through_a_file_leaves_nothing_half(bucket: str, troubled: Troubled) -> None:
    tables = store(bucket)
    tables.overwrite("queries", queries("old"))
    troubled.rules({"method": "PUT", "path": r"part-", "do": "cut"})
    with pytest.raises(StorageError, match=r"queries cannot be written: the connection to S3 failed .*run again"):
        tables.overwrite("queries", queries("new", "newer"))
    assert troubled.rules()[0] > 1, "delta-rs tried again before it gave up"
    assert tables.read("queries")["query_id"].to_list() == ["old"]
    tables.overwrite("queries", queries("new", "newer"))
    assert sorted(tables.read("queries")["query_id"]) == ["new", "newer"]


def test_a_connection_that_dies_for_a_moment_is_no_trouble(bucket: str, troubled: Troubled) -> None:
    tables = store(bucket)
    troubled.rules({"method": "PUT|GET", "path": "holdout_looks", "do": "cut", "times": 2})
    assert tables.append("holdout_looks", looks("1"), "one")
    assert troubled.rules() == [2]


@pytest.mark.parametrize("times", [1, 1000])
def test_a_commit_whose_answer_is_lost_is_there_once(bucket: str, troubled: Troubled, times: int) -> None:
    tables = store(bucket)
    tables.append("holdout_looks", looks("before"), "before")
    troubled.rules({"method": "PUT", "path": r"_delta_log/\d+\.json", "do": "swallow", "times": times})
    assert tables.append("holdout_looks", looks("after"), "after")
    assert troubled.rules()[0] >= 1
    assert not tables.append("holdout_looks", looks("after"), "after")
    assert tables.read("holdout_looks")["verdict_id"].value_counts().sort("verdict_id").rows() == [
        ("after", 1),
        ("before", 1),
    ]


def test_no_server_at_all(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageError, match=r"the connection to S3 failed .*Connection refused.*AWS_ENDPOINT_URL"):
        store(bucket).read("queries")


def test_an_empty_frame_of_the_store_is_typed_as_on_a_folder(bucket: str) -> None:
    assert store(bucket).read("labels").schema == pl.Schema(Store("/nowhere", "rank").read("labels").schema)


def test_tables_on_s3_are_tidied_and_commit_ids_are_known_after_it(bucket: str) -> None:
    tables = store(bucket)
    for number in range(FEW_FILES + 4):
        tables.append("holdout_looks", looks(str(number)), f"commit {number}")
    before = tables.read("holdout_looks")
    done = tidy(tables, "holdout_looks", timedelta(0))
    assert done is not None
    assert (done.files_before, done.files_after) == (FEW_FILES + 4, 1)
    assert_frame_equal(tables.read("holdout_looks"), before)
    assert not tables.append("holdout_looks", looks("3"), "commit 3")
    assert tidy(tables, "verdicts", timedelta(0)) is None
