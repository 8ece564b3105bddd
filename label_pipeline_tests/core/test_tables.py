"""Declarations hold together, and a frame that does not fit one is refused with a sentence."""

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import TableError
from label_pipeline.core.tables import STAGE_ORDER, Column, Table, hides_test_queries, visible_to

EVERY = list(TABLES.values())
SMALL = Table(
    "small", "snapshot", "one thing", ("name", "place"),
    (
        Column("name", pl.String, "name"), Column("place", pl.String, "place", nullable=True),
        Column("count", pl.Int64, "things"), Column("on", pl.Date, "day", nullable=True),
        Column("size", pl.String, "how big", nullable=True, values=("big", "small")),
    ),
    "seed",
)  # fmt: skip
GOOD = pl.DataFrame(
    {
        "name": ["a", "b"], "place": [None, "x"], "count": [1, 2], "on": [dt.date(2026, 1, 1), None],
        "size": ["big", None],
    }
)  # fmt: skip


MAY_BE_NULL = {"context_id", "chunk", "day"}
"""Of a key: a pair without a context, the one chunk of a day that an older version booked, what is of no day."""


def faults(table: Table) -> list[str]:
    """What is missing or wrong in a declaration."""
    names = [column.name for column in table.columns]
    optional = {column.name for column in table.columns if column.nullable}
    wrong = {
        "two columns of one name": len(set(names)) < len(names),
        "a key that is no column": not set(table.key) <= set(names),
        "no such stage": not {table.stage, table.readable_from} <= set(STAGE_ORDER),
        "no grain": not table.grain,
        "a column without a meaning": not all(column.meaning for column in table.columns),
        "a key column other than context_id may be null": not optional & set(table.key) <= MAY_BE_NULL,
        "no empty frame of its own": not table.conform(table.empty()).equals(table.empty()),
    }
    return [said for said, holds in wrong.items() if holds]


def test_a_declaration_is_whole() -> None:
    assert len(EVERY) > 20
    assert {table.name: wrong for table in EVERY if (wrong := faults(table))} == {}


def test_a_declaration_that_is_not_whole_is_found() -> None:
    column = Column("a", pl.String, "", nullable=True)
    assert faults(Table("bad", "fact", "", ("a", "b"), (column,), "nowhere")) == [
        "a key that is no column", "no such stage", "no grain", "a column without a meaning",
        "a key column other than context_id may be null",
    ]  # fmt: skip


def test_one_quantity_has_one_type_everywhere() -> None:
    types: dict[str, set[object]] = {}
    for table in EVERY:
        for column in table.columns:
            types.setdefault(column.name, set()).add(column.dtype)
    assert {name for name, found in types.items() if len(found) > 1} == {"reused"}  # a judgement's flag, a run's count


def test_conform_orders_columns_adds_optional_ones_and_leaves_its_input_alone() -> None:
    given = GOOD.select("count", "name", "place", "size")
    before = given.clone()
    found = SMALL.conform(given)
    assert_frame_equal(found, GOOD.with_columns(pl.lit(None, dtype=pl.Date).alias("on")).select(list(SMALL.schema)))
    assert_frame_equal(given, before)


def test_a_value_that_fits_becomes_the_declared_type() -> None:
    assert SMALL.conform(GOOD.with_columns(pl.col("count").cast(pl.Float64))).schema == SMALL.schema


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (GOOD.drop("count"), "missing columns ['count'], unknown columns []"),
        (GOOD.with_columns(pl.lit(1).alias("more")), "missing columns [], unknown columns ['more']"),
        (GOOD.with_columns(pl.lit("many").alias("count")), "a value does not fit its declared type"),
        (GOOD.with_columns(pl.lit(2.5).alias("count")), "2 of 2 values of count are Float64 and cannot become Int64"),
        (GOOD.with_columns(pl.lit(dt.datetime(2026, 1, 1, 5, tzinfo=dt.UTC)).alias("on")), "without loss"),
        (GOOD.with_columns(pl.lit(None).alias("name")), "2 of 2 rows have no name"),
        (pl.concat([GOOD, GOOD[:1]]), "2 rows share a key ('name', 'place')"),  # a null place is a place
    ],
    ids=["missing", "extra", "wrong type", "fraction", "moment", "null", "twice"],
)
def test_a_frame_that_does_not_fit_is_refused(frame: pl.DataFrame, sentence: str) -> None:
    with pytest.raises(TableError) as caught:
        SMALL.conform(frame)
    assert sentence in str(caught.value)
    assert "table small" in str(caught.value)


def test_a_word_outside_its_columns_set_is_refused_in_writing_and_read_as_it_is() -> None:
    old = GOOD.with_columns(pl.lit("huge").alias("size"))
    sentence = (
        "table small: 2 of 2 values of size are none of its words: found ['huge'], expected one of ['big', 'small']"
    )
    with pytest.raises(TableError) as caught:
        SMALL.conform(old)
    assert str(caught.value) == sentence
    assert_frame_equal(SMALL.typed(old), old.select(list(SMALL.schema)))


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_words_are_text_and_each_is_listed_once(table: Table) -> None:
    for column in table.columns:
        if column.values is not None:
            assert column.dtype == pl.String
            assert len(set(column.values)) == len(column.values) > 0


def test_facts_may_repeat_a_key() -> None:
    assert replace(SMALL, kind="fact").conform(pl.concat([GOOD, GOOD])).height == 4


@pytest.mark.parametrize(
    ("name", "stages_that_may_not"),
    [("evaluation", ("seed", "calibrate", "gate", "amplify")), ("gold", ()), ("judgements", ())],
)
def test_who_may_read_a_table(name: str, stages_that_may_not: tuple[str, ...]) -> None:
    assert tuple(stage for stage in STAGE_ORDER if not visible_to(TABLES[name], stage)) == stages_that_may_not


@pytest.mark.parametrize(("name", "blind"), [("gold", ["calibrate"]), ("human_labels", ["calibrate"]), ("splits", [])])
def test_who_does_not_see_test_queries(name: str, blind: list[str]) -> None:
    assert [stage for stage in STAGE_ORDER if hides_test_queries(TABLES[name], stage)] == blind


def test_whatever_holds_human_grades_hides_those_of_test_queries_from_the_stage_that_tunes() -> None:
    graded = {table.name for table in EVERY if {"grade", "gold_mean"} & set(table.schema) and table.stage == "seed"}
    hidden = {
        table.name for table in EVERY if hides_test_queries(table, "calibrate") or not visible_to(table, "calibrate")
    }
    assert graded == {"human_labels", "evaluation", "gold"}
    assert graded <= hidden
