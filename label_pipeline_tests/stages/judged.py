"""Gold, judgements and a frozen judge as the stages get them: one healthy pair, changed field by field.

Keep out: expectations.
"""

import json
from collections.abc import Sequence

import polars as pl

from label_pipeline.core.calibrators import AffineCalibrator
from label_pipeline.core.judge import JudgeVersion, pair_grades
from label_pipeline.core.scale import Scale
from label_pipeline_tests.sql.frames import rows

SCALE = Scale(0, 3)
Grade = int | float | None


def pair(number: int, per_query: int = 10, **changes: object) -> dict[str, object]:
    """The key of pair ``number``: ``per_query`` documents per query, every other pair in a context of its own."""
    key: dict[str, object] = {
        "collection": "main", "query_id": f"q{number // per_query:03}", "doc_id": f"d{number:05}",
        "context_id": None if number % 2 else "de",
    }  # fmt: skip
    return key | changes


def gold(grades: Sequence[float], per_query: int = 10, **changes: object) -> pl.DataFrame:
    """GOLD rows, one grade per pair."""
    given = [pair(i, per_query, gold_mean=float(g), n_grades=1, **changes) for i, g in enumerate(grades)]
    return rows("gold", *given)


def judgements(replies: Sequence[Grade | Sequence[Grade]], per_query: int = 10, **changes: object) -> pl.DataFrame:
    """JUDGEMENTS rows: a pair's reply, or its votes; None could not be read, a fraction is an expected grade."""
    given = []
    for i, votes in enumerate(replies):
        for sample, grade in enumerate(votes if isinstance(votes, Sequence) else [votes]):
            given.append(
                pair(i, per_query, **_reply(grade), request_key=f"r{i}.{sample}", sample_index=sample) | changes
            )
    return rows("judgements", *given)


def grades(replies: Sequence[Grade | Sequence[Grade]], per_query: int = 10, **changes: object) -> pl.DataFrame:
    """``judgements`` with one row per pair."""
    return pair_grades(judgements(replies, per_query, **changes))


def judge(**changes: object) -> JudgeVersion:
    """A judge of one member that leaves the grades of collection ``main`` as they are."""
    fields: dict[str, object] = {
        "candidate": "cheap", "members": json.dumps([{"member_hash": "m1", "name": "cheap", "price": 1.0}]),
        "calibrators": {"main": line()}, "rubric_version": "1-abc", "model_served": "model-2026",
    }  # fmt: skip
    return JudgeVersion(**(fields | changes))  # type: ignore[arg-type]  # a factory: one field per test


def line(intercept: float = 0.0, slope: float = 1.0) -> AffineCalibrator:
    """A calibrator on the 0-3 scale."""
    return AffineCalibrator(intercept, slope, SCALE, 100)


def _reply(grade: Grade) -> dict[str, object]:
    if grade is None:
        return {"outcome": "malformed", "grade": None, "detail": "the reply is empty"}
    whole = int(grade + 0.5)
    return {"outcome": "graded", "grade": whole, "expected_grade": None if whole == grade else float(grade)}
