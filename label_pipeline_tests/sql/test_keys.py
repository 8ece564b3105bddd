"""Rows that differ in one column of their key never meet, and the order of the inputs never shows.

Two laws instead of an example for every column of every join: worlds that differ in one key column answer together what
they answer alone; and a row whose counterpart differs in one key column has none.
"""

import datetime as dt
from collections.abc import Mapping

import polars as pl
import pytest

from label_pipeline.adapters import queries
from label_pipeline.adapters.answering import Value
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline_tests.sql.frames import DAY, at, frame_of, healthy, rows

Frames = Mapping[str, pl.DataFrame]

WORLD: Frames = {
    "queries": rows("queries", {}),
    "documents": rows("documents", {}),
    "splits": rows("splits", {}),
    "gold": rows("gold", {}),
    "candidates": rows("candidates", {}),
    "labels": rows("labels", {"labelled_at": at(9)}, {"status": "confirmed", "labelled_at": at(10)}),
    "judgements": rows("judgements", {"judged_at": at(9)}, {"judged_at": at(10), "reused": True}),
    "evaluation": rows("evaluation", {}),
}
TESTED: Frames = {**WORLD, "splits": rows("splits", {"split": "holdout"})}

PAIR_QUESTIONS: list[tuple[str, Frames, dict[str, Value]]] = [
    ("seed/graded_pairs", WORLD, {"splits": ["train"]}),
    ("calibrate/member_judgements", WORLD, {"member_hash": "member_hash", "epochs": [0], "purpose": "calibrate"}),
    ("amplify/day_pairs", WORLD, {"day": DAY}),
    ("amplify/labelled_pairs", WORLD, {"judge_version": "judge-a"}),
    ("amplify/pair_marks", WORLD, {"day": DAY}),
    ("rank/human_seed", WORLD, {}),
    ("rank/test_grades", TESTED, {}),
    ("rank/training_labels", WORLD, {}),
]


def changed(frames: Frames, column: str) -> dict[str, pl.DataFrame]:
    """The same frames with another value in ``column``; tables without that column stay empty, for they are shared."""
    return {
        name: frame.with_columns(_other(frame, column)) if column in frame.columns else frame.clear()
        for name, frame in frames.items()
    }


def _other(frame: pl.DataFrame, column: str) -> pl.Expr:
    others: dict[object, object] = {pl.String: "another", pl.Int64: 7, pl.Date: DAY + dt.timedelta(days=1)}
    return pl.lit(others[frame.schema[column]], dtype=frame.schema[column]).alias(column)


def both(first: Frames, second: Frames) -> dict[str, pl.DataFrame]:
    return {name: pl.concat([first[name], second[name]]) for name in first}


def answer(name: str, frames: Frames, params: dict[str, Value]) -> list[tuple[object, ...]]:
    return frame_of(name, *((table, frames[table]) for table in queries.load(name).reads), **params).rows()


@pytest.mark.parametrize("column", PAIR_KEY)
@pytest.mark.parametrize(("name", "world", "params"), PAIR_QUESTIONS, ids=[name for name, _, _ in PAIR_QUESTIONS])
def test_pairs_that_differ_in_one_column_of_their_key_never_meet(
    name: str, world: Frames, params: dict[str, Value], column: str
) -> None:
    other = changed(world, column)
    # what the other world has no column for, it shares with the first one
    alone = answer(name, {table: other[table] if other[table].height else world[table] for table in world}, params)
    together = answer(name, both(world, other), params)
    assert len(alone) == 1
    assert sorted(together, key=str) == sorted([*answer(name, world, params), *alone], key=str)
    reversed_inputs = {table: frame.reverse() for table, frame in both(world, other).items()}
    assert answer(name, reversed_inputs, params) == together


STRANGERS = [
    ("candidate_without_text", "candidates", ("task", "collection", "query_id", "doc_id", "doc_version")),
    ("gold_query_without_split", "gold", ("task", "collection", "query_id")),
    ("gold_without_human_label", "gold", PAIR_KEY),
    ("label_without_open_verdict", "labels", ("verdict_id", "judge_version", "collection")),
    ("labels_missing_from_run", "label_runs", ("run_id", "day", "collection")),
]


@pytest.mark.parametrize(
    ("check", "table", "column"), [(check, table, column) for check, table, key in STRANGERS for column in key]
)
def test_a_row_whose_counterpart_differs_in_one_column_of_the_key_has_none(check: str, table: str, column: str) -> None:
    world = healthy()
    assert answer(f"checks/{check}", world, {}) == []
    strangers = changed({table: world[table]}, column)[table]
    for frame in (pl.concat([world[table], strangers]), pl.concat([strangers, world[table]])):
        found = answer(f"checks/{check}", {**world, table: frame}, {})
        assert found, f"a stranger by {column} was taken for one of the world"
        assert found == answer(f"checks/{check}", {**world, table: strangers}, {})


@pytest.mark.parametrize("check", [name for name in queries.names() if name.startswith("checks/")])
def test_offenders_are_listed_in_an_order_of_their_own(check: str) -> None:
    # six offenders of every check, and the inputs in the opposite order
    names = [f"{letter}{number}" for letter in "ab" for number in range(3)]
    world = {
        "queries": rows("queries"), "judge_versions": rows("judge_versions"),
        "splits": rows("splits"), "verdicts": rows("verdicts"),
        "documents": rows("documents", *({"doc_id": v, "boundary": "customer"} for v in names)),
        "human_labels": rows("human_labels", *({"doc_id": v, "query_id": v[0]} for v in names)),
        "gold": rows("gold", *({"query_id": v} for v in names)),
        "candidates": rows("candidates", *({"doc_id": v, "query_id": v[0], "doc_version": "gone"} for v in names)),
        "labels": rows("labels", *({"verdict_id": v, "doc_id": v, "query_id": v[0]} for v in names for _ in "xy")),
        "label_runs": rows("label_runs", *({"run_id": v[0], "collection": v, "labelled": 1} for v in names)),
        "payments": rows("payments", *({"run_id": v[0], "collection": v, "cost_usd": 1.0} for v in names)),
        "judgements": rows("judgements"), "anchor_runs": rows("anchor_runs"),
        "training_sets": rows(
            "training_sets", *({"training_set_id": v[0], "arm": v, "verdict_ids": f'["{v}"]'} for v in names)
        ),
    }  # fmt: skip
    found = answer(check, {name: frame.reverse() for name, frame in world.items()}, {})
    assert len(found) == len(names)
    assert found == sorted(found, key=str)


@pytest.mark.parametrize("column", PAIR_KEY)
def test_coverage_counts_pairs_that_differ_in_one_column_as_two(column: str) -> None:
    world = {name: WORLD[name] for name in ("candidates", "labels")}
    together = both(world, changed(world, column))
    found = frame_of("amplify/coverage", *together.items())
    assert (found["candidates"].sum(), found["labelled"].sum()) == (2, 2)
    assert found.height == (2 if column == "collection" else 1)
