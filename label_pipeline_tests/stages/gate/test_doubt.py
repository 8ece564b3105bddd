"""A verdict of an older version is told apart from one held to today's rules."""

import json

import pytest

from label_pipeline.stages.gate import doubts
from label_pipeline_tests.stages.gate.world import decide, healthy

TODAY = json.dumps([criterion._asdict() for criterion in decide(healthy()).criteria])
BEFORE = json.dumps([{"name": name} for name in ("looks", "queries", "unreadable replies", "skill R2")])


def verdict(**changes: object) -> dict[str, object]:
    return {"kind": "decision", "open": True, "verdict_id": "v1", "judge_version": "j1", "criteria": TODAY} | changes


@pytest.mark.parametrize(
    ("changes", "slope", "said"),
    [
        ({}, 0.8, []),
        ({}, None, []),
        ({"criteria": BEFORE}, 0.8, ["verdict v1 was given by a version"]),
        ({}, -0.8, ["the calibrator of judge j1 turns the scale round (slope -0.80)"]),
        ({}, 0.0, ["the calibrator of judge j1 turns the scale round (slope 0.00)"]),
        ({"criteria": BEFORE}, -0.8, ["the calibrator of judge j1", "verdict v1 was given"]),
        ({"criteria": BEFORE, "open": False}, -0.8, []),
        ({"criteria": "[]", "kind": "suspension"}, -0.8, []),
    ],
)
def test_doubts(changes: dict[str, object], slope: float | None, said: list[str]) -> None:
    found = doubts(verdict(**changes), slope)
    assert [sentence.startswith(start) for sentence, start in zip(found, said, strict=True)] == [True] * len(said)
    assert all("docs/upgrading.md" in sentence for sentence in found)
