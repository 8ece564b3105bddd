"""Tiny frames of declared tables: a test writes down the few columns its question is about, the rest is filled in.

Keep out: expectations.
"""

import datetime as dt
from collections.abc import Mapping

import polars as pl

from label_pipeline.adapters import queries
from label_pipeline.adapters.answering import Value, answer
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.tables import Column

DAY = dt.date(2026, 1, 1)
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)

USUAL: Mapping[str, object] = {
    "task": "relevance", "collection": "main", "query_id": "q1", "doc_id": "d1", "doc_version": "v1",
    "judge_version": "judge-a", "verdict_id": "verdict-1", "run_id": "run-1", "status": "provisional",
    "kind": "decision", "open": True, "state": "open", "outcome": "graded", "grade": 2, "purpose": "calibrate",
    "split": "train", "verdict_ids": '["verdict-1"]', "request_keys": '["r1"]',
}  # fmt: skip


def at(hour: int) -> dt.datetime:
    """An hour of the day every frame is about."""
    return NOON.replace(hour=hour)


def rows(table: str, *given: Mapping[str, object]) -> pl.DataFrame:
    """Rows of ``table``: what ``given`` leaves out is its usual value, null where a null is allowed."""
    declared = TABLES[table]
    filled = [{column.name: row.get(column.name, _usual(column)) for column in declared.columns} for row in given]
    unknown = {name for row in given for name in row} - declared.schema.keys()
    assert not unknown, f"{table} has no columns {unknown}"
    return declared.typed(pl.DataFrame(filled, schema=declared.schema))  # as stored: a word may be planted


def ask(name: str, *frames: tuple[str, pl.DataFrame], **params: Value) -> list[tuple[object, ...]]:
    """Whole result rows of ``sql/<name>.sql``; a table that is not given is empty."""
    return frame_of(name, *frames, **params).rows()


def frame_of(name: str, *frames: tuple[str, pl.DataFrame], **params: Value) -> pl.DataFrame:
    """The result of ``sql/<name>.sql`` as a frame; a table given twice is stacked."""
    query = queries.load(name)
    given = {table: TABLES[table].empty() for table in query.reads}
    for table, frame in frames:
        assert table in given, f"{name} does not read {table}"
        given[table] = pl.concat([given[table], frame])
    return answer(query, given, params)


def table(name: str, *given: Mapping[str, object]) -> tuple[str, pl.DataFrame]:
    """``rows`` with the table's name, as ``ask`` takes it."""
    return name, rows(name, *given)


def healthy() -> dict[str, pl.DataFrame]:
    """One small world in which nothing is wrong: every table that a check reads has rows, and none offends."""
    pairs = [{"query_id": "q1", "doc_id": "d1"}, {"query_id": "q2", "doc_id": "d2", "context_id": "de"}]
    return {
        "queries": rows("queries", *({"query_id": q} for q in ("q1", "q2", "q9"))),
        "documents": rows("documents", {"doc_id": "d1"}, {"doc_id": "d2", "boundary": None},
                          {"doc_id": "secret", "boundary": "customer"}),
        "human_labels": rows("human_labels", *({**pair, "annotator_id": who} for pair in pairs for who in "ab")),
        "gold": rows("gold", *pairs),
        "splits": rows("splits", {"query_id": "q1"}, {"query_id": "q2", "split": "holdout"}),
        "judge_versions": rows("judge_versions", {"members": '[{"scale": [0, 3]}]'}),
        "verdicts": rows("verdicts", {}, {"verdict_id": "verdict-0", "open": False, "state": "closed"},
                         {"verdict_id": "verdict-2", "kind": "suspension", "open": False, "state": "suspended"}),
        "candidates": rows("candidates", {"query_id": "q9"}, {"query_id": "q9", "doc_id": "secret"}),
        "labels": rows("labels", {"query_id": "q9"}, {"query_id": "q9", "status": "confirmed"}),
        "label_runs": rows("label_runs", {"pairs_in": 9, "labelled": 3, "reused": 2, "abstained": 1, "failed": 1,
                                          "refused": 2, "skipped": 2},
                           {"run_id": "night", "day": DAY, "cost_usd": 0.25}),
        "payments": rows("payments", {"cost_usd": 0.5},
                         {"run_id": "night", "purpose": "amplify", "day": DAY, "cost_usd": 0.25},
                         {"run_id": "night", "purpose": "canary", "epoch": 7, "cost_usd": 0.125},
                         {"run_id": "night", "purpose": "canary", "epoch": 8, "cost_usd": 0.5}),
        "judgements": rows("judgements", {"cost_usd": 0.25}, {"cost_usd": 0.25, "query_id": "q2"},
                           {"run_id": "night", "purpose": "amplify", "cost_usd": 0.25},
                           {"run_id": "night", "purpose": "canary", "epoch": 7, "cost_usd": 0.125},
                           {"run_id": "night", "purpose": "canary", "epoch": 8, "cost_usd": 0.5},
                           {"run_id": "old", "cost_usd": 9.0, "judged_at": NOON - dt.timedelta(days=9)}),
        "anchor_runs": rows("anchor_runs", {"run_id": "night", "epoch": 7, "kind": "canary", "cost_usd": 0.125}),
        "training_sets": rows("training_sets", {"training_set_id": "t1"},
                              {"training_set_id": "t2", "arm": "seed_only", "verdict_ids": "[]"}),
    }  # fmt: skip


def _usual(column: Column) -> object:
    if column.nullable:
        return None
    if column.values is not None:
        return USUAL[column.name] if USUAL.get(column.name) in column.values else column.values[0]
    if column.name in USUAL:
        return USUAL[column.name]
    usual: dict[object, object] = {
        pl.String: column.name, pl.Int64: 0, pl.Float64: 0.0, pl.Boolean: False, pl.Date: DAY
    }  # fmt: skip
    return usual.get(column.dtype, NOON)
