"""What a look leaves behind, what names it, and how looks are counted."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from label_pipeline.core.catalogue import HOLDOUT_LOOKS, VERDICTS
from label_pipeline.core.judge import pair_grades
from label_pipeline.stages.gate import (
    Lane,
    alpha_of_look,
    choose_policy,
    collect,
    edited_policy,
    looks_left,
    next_look,
    rows,
    suspension,
    verdict_id,
)
from label_pipeline_tests.sql import frames
from label_pipeline_tests.stages.gate.world import JUDGE, decide, healthy
from label_pipeline_tests.stages.judged import SCALE, gold, judge, judgements

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = {"judge_version": "j1", "rubric_version": "1-abc", "epoch": 4}
LOOK = {"judge_version": "j1", "collection": "main", "epoch": 0, "holdout_hash": "h1", "policy_hash": "p1"}


def stored(judge_error: float = 0.0) -> tuple[dict[str, object], dict[str, object]]:
    """The VERDICTS and the HOLDOUT_LOOKS row of a first look."""
    evidence = healthy(judge=JUDGE + judge_error)
    verdict, look = rows(decide(evidence), evidence, **WHO, now=NOW, valid_days=90)  # type: ignore[arg-type]
    assert verdict.schema == VERDICTS.schema
    assert look.schema == HOLDOUT_LOOKS.schema
    return verdict.row(0, named=True), look.row(0, named=True)


def test_an_open_verdict_and_the_look_that_paid_for_it() -> None:
    verdict, look = stored()
    assert verdict | {"verdict_id": 0, "criteria": 0} == {
        "verdict_id": 0, "kind": "decision", "judge_version": "j1", "collection": "main", "state": "open", "open": True,
        "lane": "full", "failures": "[]", "criteria": 0, "policy": "single-standard",
        "policy_hash": choose_policy("single-standard").policy_hash, "rubric_version": "1-abc", "holdout_hash": "h1",
        "epoch": 4, "look": 1, "alpha": alpha_of_look(1), "n_queries": 44, "n_pairs": 440, "decided_at": NOW,
        "expires_at": NOW + timedelta(days=90), "served_by": None,
    }  # fmt: skip
    told = {key: verdict[key] for key in look if key not in {"looked_at", "generation"}}
    assert look == told | {"looked_at": NOW, "generation": 1}


def test_a_closed_verdict_keeps_every_reason_and_criterion() -> None:
    verdict, look = stored(judge_error=0.33)
    assert (verdict["state"], verdict["open"], look["open"]) == ("closed", False, False)
    decided = decide(healthy(judge=JUDGE + 0.33))
    assert json.loads(str(verdict["failures"])) == list(decided.failures) != []
    assert json.loads(str(verdict["criteria"])) == [criterion._asdict() for criterion in decided.criteria]


def test_a_verdict_stands_no_longer_than_it_may() -> None:
    evidence = healthy()
    limit = NOW + timedelta(days=30)
    for no_later_than, expected in ((limit, limit), (NOW + timedelta(days=91), NOW + timedelta(days=90))):
        found, _ = rows(
            decide(evidence), evidence, judge_version="j1", rubric_version="1-abc", epoch=4, now=NOW, valid_days=90,
            no_later_than=no_later_than,
        )  # fmt: skip
        assert found["expires_at"][0] == expected


def test_a_look_of_the_other_lane_is_another_look_and_a_full_one_keeps_the_name_it_had() -> None:
    names = {verdict_id(**LOOK, lane=lane) for lane in ("full", "recertify")}  # type: ignore[arg-type]
    assert len(names) == 2
    five = json.dumps([LOOK[key] for key in ("judge_version", "collection", "epoch", "holdout_hash", "policy_hash")])
    assert verdict_id(**LOOK) == hashlib.sha256(five.encode()).hexdigest()[:16]  # type: ignore[arg-type]


@pytest.mark.parametrize("field", LOOK)
def test_each_of_five_things_makes_another_look(field: str) -> None:
    other = LOOK | {field: 1 if field == "epoch" else "other"}
    assert verdict_id(**other) != verdict_id(**LOOK)  # type: ignore[arg-type]
    assert verdict_id(**LOOK) == verdict_id(**dict(reversed(LOOK.items())))  # type: ignore[arg-type]


def test_the_same_look_has_the_same_name_whatever_the_order_of_rows() -> None:
    truth, replies = gold([0, 1, 2, 3] * 5), judgements([0, 1, 3, None] * 5)
    names = []
    for seed in (None, 1, 2):
        shuffled = [f if seed is None else f.sample(fraction=1, shuffle=True, seed=seed) for f in (truth, replies)]
        evidence = collect(shuffled[0], pair_grades(shuffled[1]), judge(), SCALE)["main"]
        row, _ = rows(decide(evidence), evidence, **WHO, now=NOW, valid_days=90)  # type: ignore[arg-type]
        names.append(row.select("verdict_id", "criteria").row(0))
    assert len(set(names)) == 1


def looks(*given: dict[str, object]) -> pl.DataFrame:
    return frames.rows("holdout_looks", *given)


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ([], 1),
        ([{}], 2),
        # whatever judge, policy, epoch or answer: the holdout was looked at
        ([{"judge_version": "a"}, {"policy_hash": "b"}, {"epoch": 3}, {"open": False}], 5),
        ([{"collection": "mail"}], 1),
    ],
)
def test_every_look_at_a_collection_counts(earlier: Sequence[dict[str, object]], expected: int) -> None:
    assert next_look(looks(*earlier), "main") == expected


MIXED: list[dict[str, object]] = [
    {},
    {"lane": "full"},
    {"lane": "recertify"},
    {"lane": "full", "generation": 2},
    {"collection": "mail"},
]
"""A row without lane and generation is a full look at the first holdout."""


@pytest.mark.parametrize(
    ("lane", "generation", "taken"), [("full", 1, 2), ("recertify", 1, 1), ("full", 2, 1), ("recertify", 2, 0)]
)
def test_lanes_and_generations_have_budgets_of_their_own(lane: Lane, generation: int, taken: int) -> None:
    assert next_look(looks(*MIXED), "main", lane, generation) == taken + 1
    assert looks_left(looks(*MIXED), "main", lane, 5, generation) == 5 - taken
    assert looks_left(looks(*MIXED), "main", lane, 1, generation) == max(0, 1 - taken)


@pytest.mark.parametrize(
    ("earlier", "edited"),
    [
        ([], False),
        ([{"policy_hash": "p1"}], False),
        ([{"policy_hash": "p1"}, {"policy_hash": "p2"}], True),
        ([{"policy_hash": "p2", "collection": "mail"}], False),
        ([{"policy_hash": "p2", "lane": "recertify"}, {"policy_hash": "p2", "generation": 2}], False),
    ],
)
def test_a_look_under_other_thresholds_is_remembered(earlier: Sequence[dict[str, object]], edited: bool) -> None:
    assert edited_policy(looks(*earlier), "main", "p1") is edited


def test_a_suspension_is_a_row_about_the_same_judge_and_collection() -> None:
    decision, _ = stored()
    before = dict(decision)
    found = suspension(decision, "the anchor moved by .2 since 2026-03-02", 6, NOW + timedelta(days=3))
    assert decision == before
    assert found.schema == VERDICTS.schema
    row = found.row(0, named=True)
    changed = {key for key in row if row[key] != decision[key]}
    assert {key: row[key] for key in changed - {"verdict_id"}} == {
        "kind": "suspension", "state": "suspended", "open": False, "criteria": "[]", "epoch": 6, "look": None,
        "failures": '["the anchor moved by .2 since 2026-03-02"]', "alpha": None,
        "decided_at": NOW + timedelta(days=3), "expires_at": None,
    }  # fmt: skip
    assert "verdict_id" in changed
    names = {
        suspension(decision, reason, epoch, NOW)["verdict_id"][0] for reason in ("drift", "model") for epoch in (6, 7)
    }
    assert len(names) == 4
