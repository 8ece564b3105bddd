"""A part of a table: some columns, some rows, and nothing else read from disk."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake
from polars.testing import assert_frame_equal

from label_pipeline.adapters.queries import Query
from label_pipeline.adapters.store import Store
from label_pipeline.adapters.where import Between, Since, Where
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import TableError
from label_pipeline_tests.adapters.test_store import seeded
from label_pipeline_tests.sql.frames import at, rows


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "tables"), "review")


def judged(store: Store) -> None:
    """Two epochs of two purposes, in files of their own."""
    for epoch in (1, 2):
        for purpose in ("anchor", "amplify"):
            mine = {"purpose": purpose, "epoch": epoch}
            frame = rows("judgements", mine | {"doc_id": "", "context_id": "de"}, mine | {"doc_id": "d1"})
            store.append("judgements", frame, f"{epoch}{purpose}")


# what a commit tells of a file is cut after 64 characters, and milliseconds
HARD = ("", "'", "%41", "a/b", "é", "中" * 40, "x" * 80, "x" * 80 + "~", "\U0010ffff" * 70, "NULL", "null", "1")
MOMENT = dt.datetime(2026, 1, 1, 12, 0, 0, 123_456, dt.UTC)


def test_no_file_is_passed_over_for_what_its_commit_tells(store: Store) -> None:
    moments = [MOMENT + dt.timedelta(microseconds=number) for number in range(len(HARD))]
    for text, moment in zip(HARD, moments, strict=True):
        store.append("judgements", rows("judgements", {"doc_id": text, "judged_at": moment}), repr(text))
    wheres: list[Where] = [*({"doc_id": text} for text in HARD), {"doc_id": HARD}]
    found = [store.read("judgements", ["doc_id"], where)["doc_id"].sort().to_list() for where in wheres]
    assert found == [*([text] for text in HARD), sorted(HARD)]
    for number, moment in enumerate(moments):
        assert store.read("judgements", where={"judged_at": moment})["doc_id"].to_list() == [HARD[number]]
        assert store.read("judgements", where={"judged_at": Since(moment)}).height == len(HARD) - number
        between = store.read("judgements", where={"doc_id": Between(HARD[number], HARD[number])})
        assert between["doc_id"].to_list() == [HARD[number]]


def test_deleted_rows_that_another_program_only_marked_are_no_rows(store: Store) -> None:
    """Deletion vectors: no reader here can follow them, and none may pass over them."""
    judged(store)
    log = Path(store.root) / "judgements" / "_delta_log"
    features = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
                "writerFeatures": ["deletionVectors"]}  # fmt: skip
    (log / f"{len(list(log.glob('*.json'))):020}.json").write_text(json.dumps({"protocol": features}) + "\n")
    with pytest.raises(TableError, match=r"table judgements under .* cannot be"):
        store.read("judgements")


def test_a_part_of_the_columns_comes_in_the_tables_order_and_type(store: Store) -> None:
    judged(store)
    part = store.read("judgements", ["judged_at", "epoch"])
    assert_frame_equal(part, store.read("judgements").select("epoch", "judged_at"))
    assert_frame_equal(store.read("labels", ["day"]), TABLES["labels"].empty().select("day"))


WHERES: list[tuple[Where, pl.Expr]] = [
    ({"epoch": 1}, pl.col("epoch") == 1),
    ({"epoch": [1, 2], "purpose": "anchor"}, pl.col("purpose") == "anchor"),
    ({"purpose": ["anchor", "nothing"], "epoch": 2}, (pl.col("purpose") == "anchor") & (pl.col("epoch") == 2)),
    ({"context_id": "de"}, pl.col("context_id") == "de"),
    ({"doc_id": ""}, pl.col("doc_id") == ""),
    ({"purpose": []}, pl.lit(value=False)),
    ({"reused": False}, pl.lit(value=True)),
    ({"judged_at": rows("judgements", {})["judged_at"][0]}, pl.lit(value=True)),
    ({}, pl.lit(value=True)),
]


@pytest.mark.parametrize("number", range(len(WHERES)))
def test_the_rows_with_some_values_are_those_a_filter_leaves(store: Store, number: int) -> None:
    judged(store)
    where, same = WHERES[number]
    everything = store.read("judgements")
    assert everything.height == 8
    assert_frame_equal(store.read("judgements", where=where), everything.filter(same), check_row_order=False)
    one = store.read("judgements", ["doc_id"], where)  # a column may decide without being read
    assert_frame_equal(one, everything.filter(same).select("doc_id"), check_row_order=False)
    assert store.read("labels", where={"judge_version": "a"}).is_empty()


def test_files_and_columns_that_are_not_wanted_are_not_read(store: Store) -> None:
    judged(store)
    folder = Path(store.root) / "judgements"
    for path in folder.glob("*.parquet"):
        if pl.read_parquet(path)["epoch"].unique().to_list() == [1]:
            path.write_bytes(b"junk")
    assert store.read("judgements", where={"epoch": 2}).height == 4
    with pytest.raises(TableError, match="cannot be read"):
        store.read("judgements", where={"purpose": "anchor"})


def test_columns_nobody_declared_are_refused_though_the_table_is_not_there(store: Store) -> None:
    with pytest.raises(TableError, match=r"table labels has no columns \['grade'\]; declared: \['task'"):
        store.read("labels", ["grade", "day"])
    with pytest.raises(TableError, match=r"table labels has no columns \['grade'\]"):
        store.read("labels", where={"grade": 1})


def test_a_column_that_came_later_has_no_value_in_older_files(store: Store) -> None:
    old = rows("judgements", {"doc_id": "old"})
    write_deltalake(f"{store.root}/judgements", old.drop("fingerprint").to_arrow())
    assert store.read("judgements", ["doc_id", "fingerprint"]).rows() == [("old", None)]
    assert store.read("judgements", where={"fingerprint": "fp"}).is_empty()
    store.append("judgements", rows("judgements", {"doc_id": "new", "fingerprint": "fp"}), "new")
    assert store.read("judgements", ["doc_id"], {"fingerprint": "fp"})["doc_id"].to_list() == ["new"]


@pytest.mark.parametrize("name", ["gold", "human_labels"])
def test_a_part_hides_the_test_queries_too(store: Store, name: str) -> None:
    early = seeded(store).at("calibrate")
    assert_frame_equal(early.read(name, ["doc_id"]), early.read(name).select("doc_id"))
    assert early.read(name, ["doc_id"]).height == 2
    assert early.read(name, where={"query_id": ["t", "h"]})["query_id"].to_list() == ["t"]


def test_a_question_reads_only_the_columns_it_names(store: Store) -> None:
    judged(store)
    frame = store.read("judgements")
    narrow = Query("calibrate/q", "select j.epoch from judgements as j -- not purpose", "", "", (), (), ("judgements",))
    assert narrow.columns_of("judgements") == ("epoch",)
    counting = Query("calibrate/q", "select count(*) as n from judgements", "", "", (), (), ("judgements",))
    assert counting.columns_of("judgements") == tuple(frame.columns)
    assert store.query("calibrate/newest_epoch")["epoch"].to_list() == [2]
    first = store.query("calibrate/newest_epoch", where={"judgements": {"epoch": 1}})
    assert first["epoch"].to_list() == [1], "of the table it names only such rows are read"


OLD_OUTCOMES: list[tuple[dict[str, object], str]] = [
    ({"outcome": "failed", "detail": "over the cap: 1.0000 of 1.0000 US dollars spent; raise it"}, "over_cap"),
    ({"outcome": "failed", "detail": "no answer after 5 tries"}, "failed"),
    ({"outcome": "failed", "detail": None}, "failed"),
    ({"outcome": "refused", "model_reported": None, "detail": "the endpoint rejects this text: too long"}, "rejected"),
    ({"outcome": "refused", "model_reported": None, "detail": "withheld"}, "rejected"),  # customer text
    ({"outcome": "refused", "model_reported": "model-1", "detail": "the model refused"}, "refused"),
    ({"outcome": "graded", "model_reported": "model-1"}, "graded"),
    ({"outcome": "a word of a newer version", "model_reported": "model-1"}, "a word of a newer version"),
]


def test_judgements_of_an_older_version_are_read_in_todays_words(store: Store) -> None:
    """It told texts the endpoint rejects, and pairs over the cap, by a sentence and a missing model."""
    old = rows(
        "judgements", *({**row, "doc_id": f"d{n}", "request_key": f"r{n}"} for n, (row, _) in enumerate(OLD_OUTCOMES))
    )
    write_deltalake(f"{store.root}/judgements", old.to_arrow())
    today = [word for _, word in OLD_OUTCOMES]
    assert store.read("judgements").sort("doc_id")["outcome"].to_list() == today
    # a part of the columns is enough, whatever else had to be looked at for it
    assert store.read("judgements", ["outcome"]).columns == ["outcome"]
    assert sorted(store.read("judgements", ["outcome"])["outcome"]) == sorted(today)
    known = store.query("calibrate/known_requests")["request_key"].to_list()
    unpaid = {"failed", "over_cap", "wrong_model", "rejected"}
    assert known == [f"r{n}" for n, word in enumerate(today) if word not in unpaid], "no model spoke, nothing was paid"
    assert_frame_equal(store.read("judgements", ["detail"]), old.select("detail"), check_row_order=False)


def test_books_of_an_older_killed_run_count_no_request_that_its_cap_kept_back(store: Store) -> None:
    asked = {"purpose": "amplify", "outcome": "failed"}
    old = rows(
        "judgements", {**asked, "request_key": "r1", "detail": "over the cap: 1.0000 of 1.0000 US dollars spent"},
        {**asked, "request_key": "r2", "detail": "no answer after 5 tries"},
    )  # fmt: skip
    write_deltalake(f"{store.root}/judgements", old.to_arrow())
    store.overwrite("candidates", rows("candidates", {}))
    [found] = store.query("amplify/unbooked_before_payments").rows(named=True)
    assert found["requests"] == 1


def test_rows_cannot_be_chosen_by_a_word_that_had_another_spelling(store: Store) -> None:
    judged(store)
    with pytest.raises(TableError, match=r"cannot be read by \['outcome'\]: older rows hold other words there"):
        store.read("judgements", where={"outcome": "failed"})


def test_what_an_older_version_stored_is_appended_to_in_todays_words_only(store: Store) -> None:
    write_deltalake(f"{store.root}/labels", rows("labels", {"status": "maybe"}).to_arrow())
    assert store.read("labels")["status"].to_list() == ["maybe"]
    with pytest.raises(TableError, match=r"found \['maybe'\], expected one of \['provisional', 'confirmed'"):
        store.append("labels", rows("labels", {"status": "maybe"}), "again")
    store.append("labels", rows("labels", {"status": "confirmed"}), "new")
    assert sorted(store.read("labels")["status"]) == ["confirmed", "maybe"]


def test_rows_since_a_moment_are_those_a_filter_leaves(store: Store) -> None:
    for hour in (3, 7, 11):
        store.append("judgements", rows("judgements", {"judged_at": at(hour)}), str(hour))
    moments = store.read("judgements")["judged_at"].unique().sort()
    for moment in (*moments, moments[0] - dt.timedelta(days=1), moments[-1] + dt.timedelta(microseconds=1)):
        found = store.read("judgements", where={"judged_at": Since(moment)})
        assert found.equals(store.read("judgements").filter(pl.col("judged_at") >= moment)), moment
