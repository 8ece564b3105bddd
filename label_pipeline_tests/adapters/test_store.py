"""The store on real Delta tables in a folder, with real processes where several write at once."""

import datetime as dt
import multiprocessing
from pathlib import Path

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from polars.testing import assert_frame_equal

from label_pipeline.adapters.answering import Value, answer
from label_pipeline.adapters.queries import Query
from label_pipeline.adapters.store import Store
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import AccessDeniedError, TableError
from label_pipeline.core.tables import Column
from label_pipeline_tests.adapters.writers import DAY, append_ten, candidates, load_again_and_again, looks, queries
from label_pipeline_tests.sql.frames import rows

NEXT = DAY + dt.timedelta(days=1)
SPAWN = multiprocessing.get_context("spawn")
PATIENCE_S = 120.0
"""How long a process waits for the others before the test fails: far longer than it takes on a busy machine."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "tables"), "review")


# reading and writing


def test_every_table_comes_back_as_it_was_written(store: Store) -> None:
    assert {name: wrong for name in TABLES if (wrong := unlike(stored(store, name), store.read(name)))} == {}


def unlike(wanted: pl.DataFrame, found: pl.DataFrame) -> str:
    """How two frames differ, whatever the order of their rows."""
    try:
        assert_frame_equal(found, wanted, check_row_order=False)
    except AssertionError as difference:
        return str(difference)
    return ""


def stored(store: Store, name: str) -> pl.DataFrame:
    """Rows of table ``name`` with texts that are hard to keep, which are stored now."""
    keys = [column for column in TABLES[name].key if column != "context_id"]
    schema = TABLES[name].schema
    words = {column.name for column in TABLES[name].columns if column.values is not None}
    text = next(column for column in [*keys, *schema] if schema[column] == pl.String and column not in words)
    number = [column for column in keys if schema[column] == pl.Int64][:1]  # a key without text is a number
    texts = ("it's", "ünïcode\n\x00 'quoted' \"twice\"", "")
    odd = rows(name, *({text: value, **dict.fromkeys(number, place)} for place, value in enumerate(texts)))
    filled = odd.with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(_some(column)).otherwise(pl.col(column.name)).alias(column.name)
        for column in TABLES[name].columns
        if column.nullable
    )
    if TABLES[name].kind == "fact":
        store.append(name, filled, "one")
    else:
        store.overwrite(name, filled)
    return filled


def _some(column: Column) -> pl.Expr:
    word = "some" if column.values is None else column.values[0]
    values: dict[object, object] = {pl.String: word, pl.Int64: -1, pl.Float64: 0.1, pl.Date: DAY, pl.Boolean: True}
    return pl.lit(values.get(column.dtype, dt.datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=dt.UTC)))


def test_an_absent_table_reads_as_an_empty_typed_frame(store: Store) -> None:
    assert {name: wrong for name in TABLES if (wrong := unlike(TABLES[name].empty(), store.read(name)))} == {}


def test_an_unknown_table_is_refused_by_name(store: Store) -> None:
    with pytest.raises(TableError, match=r"no table 'query'; declared: \['agreement'"):
        store.read("query")


def test_facts_are_appended_and_snapshots_overwritten_never_the_other_way(store: Store) -> None:
    with pytest.raises(TableError, match="'queries' is not a fact table; those are"):
        store.append("queries", queries("q1"), "one")
    with pytest.raises(TableError, match="'labels' is not a snapshot table; those are"):
        store.overwrite("labels", TABLES["labels"].empty())


def test_a_frame_that_does_not_fit_is_not_written(store: Store) -> None:
    store.overwrite("queries", queries("q1"))
    for bad in (queries("q2").drop("query"), pl.concat([queries("q2")] * 2), queries("q2").with_columns(query=None)):
        with pytest.raises(TableError, match="table queries"):
            store.overwrite("queries", bad)
    with pytest.raises(TableError, match="table holdout_looks"):
        store.append("holdout_looks", looks("a").drop("alpha"), "one")
    assert store.read("queries")["query_id"].to_list() == ["q1"]
    assert store.read("holdout_looks").is_empty()


# appending once


def test_a_commit_that_is_repeated_writes_nothing(store: Store) -> None:
    # a run killed between its commit and Dagster's record is run again under the same commit id
    assert store.append("holdout_looks", looks("a"), "run-1") is True
    assert Store(store.root).append("holdout_looks", looks("a"), "run-1") is False
    assert store.append("holdout_looks", looks("b"), "run-2") is True
    assert sorted(store.read("holdout_looks")["verdict_id"]) == ["a", "b"]


def test_a_commit_id_that_comes_again_with_other_rows_is_an_error(store: Store) -> None:
    """`label_day` twice under one run id dropped the labels of the second pass, and every check was green."""
    assert store.append("holdout_looks", looks("a", "b"), "run-1") is True
    assert store.append("holdout_looks", looks("b", "a"), "run-1") is False, "in any order"
    with pytest.raises(TableError, match=r"already has a commit 'run-1' with other rows: these 1 would be lost"):
        store.append("holdout_looks", looks("c"), "run-1")


def test_a_commit_of_an_older_version_names_no_rows_and_is_known_by_its_id(store: Store) -> None:
    store.append("holdout_looks", looks("a"), "run-1")
    mark = CommitProperties(app_transactions=[Transaction("run-2", 1)])
    path = Path(store.root) / "holdout_looks"
    write_deltalake(
        str(path), TABLES["holdout_looks"].conform(looks("b")).to_arrow(), mode="append", commit_properties=mark
    )
    assert Store(store.root).append("holdout_looks", looks("c"), "run-2") is False


def test_a_commit_is_still_known_when_the_log_was_condensed(store: Store) -> None:
    store.append("holdout_looks", looks("a"), "run-1")
    store.append("holdout_looks", looks("b"), "run-2")
    path = Path(store.root) / "holdout_looks"
    DeltaTable(str(path)).create_checkpoint()
    for entry in sorted((path / "_delta_log").glob("*.json"))[:-1]:
        assert "run-2" not in entry.read_text()
        entry.unlink()
    assert store.append("holdout_looks", looks("a"), "run-1") is False
    assert store.append("holdout_looks", looks("c"), "run-3") is True
    assert store.read("holdout_looks").height == 3


def test_commit_ids_of_one_table_are_not_those_of_another(store: Store) -> None:
    store.append("holdout_looks", looks("a"), "run-1")
    assert store.append("verdicts", rows("verdicts", {}), "run-1") is True


# overwriting


def test_an_overwrite_drops_what_the_user_removed(store: Store) -> None:
    store.overwrite("queries", queries("q1", "q2"))
    store.overwrite("queries", queries("q2", "q3"))
    assert sorted(store.read("queries")["query_id"]) == ["q2", "q3"]
    store.overwrite("queries", TABLES["queries"].empty())
    assert store.read("queries").is_empty()


def test_an_overwrite_of_some_rows_leaves_the_others(store: Store) -> None:
    store.overwrite("candidates", candidates("a", "b"), {"arrived_on": DAY})
    store.overwrite("candidates", candidates("c", day=NEXT), {"arrived_on": NEXT})
    store.overwrite("candidates", candidates("b", "d"), {"arrived_on": DAY})
    assert sorted(store.read("candidates").select("query_id", "arrived_on").rows()) == [
        ("b", DAY), ("c", NEXT), ("d", DAY)
    ]  # fmt: skip
    store.overwrite("candidates", TABLES["candidates"].empty(), {"arrived_on": DAY})
    assert store.read("candidates")["query_id"].to_list() == ["c"]


def test_a_value_with_quotes_selects_only_its_rows(store: Store) -> None:
    sly = "x' or '1'='1"
    store.overwrite("queries", queries("kept"), {"collection": "main"})
    store.overwrite("queries", queries("q1", collection=sly), {"collection": sly})
    store.overwrite("queries", queries("q2", collection=sly), {"collection": sly})
    assert sorted(store.read("queries").select("collection", "query_id").rows()) == [("main", "kept"), (sly, "q2")]


def test_several_values_are_joined_by_and(store: Store) -> None:
    def rejected(partition: str, line: int) -> pl.DataFrame:
        return rows("quarantine", {"input": "candidates", "partition": partition, "line": line})

    for partition, line in (("2026-01-01", 1), ("2026-01-02", 2), ("2026-01-02", 3)):
        where = {"input": "candidates", "partition": partition}
        store.overwrite("quarantine", rejected(partition, line), where)
    assert sorted(store.read("quarantine").select("partition", "line").rows()) == [("2026-01-01", 1), ("2026-01-02", 3)]


def test_rows_outside_the_part_that_is_replaced_are_refused(store: Store) -> None:
    with pytest.raises(TableError, match="1 of 2 rows are outside"):
        store.overwrite("candidates", pl.concat([candidates("a"), candidates("b", day=NEXT)]), {"arrived_on": DAY})
    assert store.read("candidates").is_empty()


def test_a_key_that_another_part_holds_is_refused_and_the_table_stays_readable(store: Store) -> None:
    store.overwrite("candidates", candidates("a"), {"arrived_on": DAY})
    with pytest.raises(TableError, match=r"1 of 2 rows .* another load holds; load that part again first"):
        store.overwrite("candidates", candidates("a", "b", day=NEXT), {"arrived_on": NEXT})
    assert store.read("candidates").select("query_id", "arrived_on").rows() == [("a", DAY)]


@pytest.mark.parametrize("where", [{"nowhere": "x"}, {"arrived_on": "2026-01-01"}])
def test_a_part_is_named_by_a_column_and_a_value_of_its_type(store: Store, where: dict[str, str]) -> None:
    with pytest.raises(TableError, match="no columns of that type"):
        store.overwrite("candidates", candidates("a"), where)


# what a stage may see


def seeded(store: Store) -> Store:
    splits = {"t": "train", "d": "dev", "h": "holdout", "a": "anchor"}
    store.overwrite("splits", rows("splits", *({"query_id": q, "split": s} for q, s in splits.items())))
    graded = [{"query_id": query} for query in (*splits, "undealt")]
    for name in ("human_labels", "gold", "evaluation"):
        store.overwrite(name, rows(name, *graded))
    store.overwrite("queries", queries(*splits, "undealt"))
    store.overwrite("documents", rows("documents", {}))
    return store


@pytest.mark.parametrize("stage", ["seed", "calibrate", "gate", "amplify"])
def test_the_grades_that_test_the_ranker_are_closed_before_rank(store: Store, stage: str) -> None:
    early = seeded(store).at(stage)
    sentence = f"stage {stage} may not read table evaluation"
    with pytest.raises(AccessDeniedError, match=sentence):
        early.read("evaluation")
    with pytest.raises(AccessDeniedError, match=sentence):
        early.query("rank/test_grades")


def test_rank_reads_the_grades_that_test_it(store: Store) -> None:
    found = seeded(store).at("rank")
    assert found.read("evaluation").height == 5
    assert sorted(found.query("rank/test_grades")["query_id"]) == ["a", "h"]


@pytest.mark.parametrize("name", ["gold", "human_labels"])
@pytest.mark.parametrize(
    ("stage", "visible"), [("seed", "adht"), ("calibrate", "dt"), ("gate", "adht"), ("rank", "adht")]
)
def test_calibration_does_not_see_grades_of_test_queries(store: Store, name: str, stage: str, visible: str) -> None:
    found = seeded(store).at(stage).read(name)["query_id"]
    others = [] if stage == "calibrate" else ["undealt"]  # what was never dealt may yet become a test query
    assert sorted(found) == [*visible, *others]


@pytest.mark.parametrize(("stage", "found"), [("calibrate", ["d", "t"]), ("gate", ["a", "d", "h", "t"])])
def test_a_question_sees_what_its_stage_sees(store: Store, stage: str, found: list[str]) -> None:
    everything = {"splits": ["train", "dev", "holdout", "anchor"]}
    assert seeded(store).at(stage).query("seed/graded_pairs", everything)["query_id"].to_list() == found


def test_a_question_with_a_missing_or_an_unknown_parameter_is_refused(store: Store) -> None:
    wrong: list[dict[str, Value]] = [{}, {"splits": ["dev"], "split": "dev"}]
    for params in wrong:
        with pytest.raises(TableError, match=r"sql/seed/graded_pairs\.sql failed"):
            store.query("seed/graded_pairs", params)


def test_a_misspelt_table_is_never_a_python_variable_of_that_name() -> None:
    # DuckDB would look for `frame` among the variables of whoever calls it, and find one
    query = Query("seed/typo", "select f.query_id from frame as f", "", "", (), ("query_id",), ("queries",))
    with pytest.raises(TableError, match=r"sql/seed/typo\.sql failed"):
        answer(query, {"queries": queries("q1")})


# trouble


def test_a_root_that_cannot_hold_tables_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.write_text("not a folder")
    with pytest.raises(TableError, match=r"table queries under .*file cannot be written"):
        Store(str(root)).overwrite("queries", queries("q1"))
    with pytest.raises(TableError, match=r"table candidates under .*file cannot be written"):
        Store(str(root)).overwrite("candidates", candidates("q1"), {"arrived_on": DAY})
    with pytest.raises(TableError, match=r"table holdout_looks under .*file cannot be written"):
        Store(str(root)).append("holdout_looks", looks("a"), "one")


def test_a_damaged_table_is_an_error_and_not_an_empty_one(store: Store) -> None:
    store.overwrite("queries", queries("q1"))
    [data] = (Path(store.root) / "queries").glob("*.parquet")
    data.write_bytes(b"junk")
    with pytest.raises(TableError, match=r"table queries under .* cannot be read"):
        store.read("queries")
    [log] = (Path(store.root) / "queries" / "_delta_log").glob("*.json")
    log.write_text("junk")
    with pytest.raises(TableError, match=r"table queries under .* cannot be opened"):
        store.read("queries")


# several processes at once


@pytest.mark.outside
def test_four_processes_that_append_at_once_lose_nothing(store: Store) -> None:
    # the table does not exist yet: creating it is the hardest moment
    start = SPAWN.Barrier(4, timeout=PATIENCE_S)
    writers = [SPAWN.Process(target=append_ten, args=(store.root, writer, start)) for writer in range(4)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0, 0, 0, 0]
    expected = sorted(f"{writer}-{number}" for writer in range(4) for number in range(10))
    assert sorted(store.read("holdout_looks")["verdict_id"]) == expected


@pytest.mark.outside
def test_of_two_loads_at_once_one_wins_or_says_why_and_days_do_not_meet(store: Store, tmp_path: Path) -> None:
    start, rounds = SPAWN.Barrier(2, timeout=PATIENCE_S), 6
    loaders = [
        SPAWN.Process(target=load_again_and_again, args=(store.root, n, start, str(tmp_path), rounds)) for n in range(2)
    ]
    for process in loaders:
        process.start()
    for process in loaders:
        process.join()
    assert [process.exitcode for process in loaders] == [0, 0]  # loads of two days never fail each other
    assert sorted(store.read("candidates")["query_id"]) == [f"0-{rounds - 1}", f"1-{rounds - 1}"]
    said = [(tmp_path / str(n)).read_text().split("\n") for n in range(2)]
    for first, second in zip(*said, strict=True):
        assert "" in (first, second)  # at least one of the two came through
        assert all(
            sentence == "" or "another load overwrote it at the same moment" in sentence for sentence in (first, second)
        )
    winners = {name.rsplit("-", 1)[0] for name in store.read("queries")["query_id"]}
    assert len(winners) == 1, "rows of two loads were mixed"
