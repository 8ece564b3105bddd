"""Which judge a changed judge is compared with, and every reason why the lane cannot be taken, by name."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.judging.shape import Shape
from label_pipeline.stages.gate import (
    POLICIES,
    ReferenceJudge,
    alike,
    comparable,
    find_reference,
    pair_up,
    refuse_own_change,
)
from label_pipeline_tests.core.judging.scripted import make_member
from label_pipeline_tests.sql import frames
from label_pipeline_tests.stages.judged import SCALE, gold, grades, judge

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FORCE: dict[str, object] = {"policy_hash": "p1", "rubric_version": "r1"}
FULL: dict[str, object] = {
    **FORCE, "judge_version": "old", "verdict_id": "v-old", "epoch": 0, "lane": "full",
    "decided_at": NOW - timedelta(days=30),
}  # fmt: skip


def find(*rows: Mapping[str, object], epoch: int = 3) -> ReferenceJudge:
    verdicts = frames.rows("verdicts", *({**FULL, **row} for row in rows))
    return find_reference(
        verdicts, "main", judge_version="new", alike={"old", "twin"}, epoch=epoch, policy_hash="p1",
        rubric_version="r1", now=NOW,
    )  # fmt: skip


def refusal(*rows: Mapping[str, object], epoch: int = 3) -> str:
    with pytest.raises(NotApplicableError) as caught:
        find(*rows, epoch=epoch)
    return str(caught.value)


def test_the_last_judge_a_full_gate_certified_and_never_one_of_the_lane() -> None:
    lane = {"judge_version": "between", "verdict_id": "v-lane", "epoch": 2, "lane": "recertify"}
    found = find({}, {"judge_version": "older", "epoch": 0, "decided_at": NOW - timedelta(days=60)}, lane)
    assert found == ReferenceJudge("main", "old", "v-old", 0, NOW - timedelta(days=30))
    assert found.ends_at == found.decided_at + timedelta(days=365)


def test_a_look_that_was_refused_before_it_was_taken_takes_no_reference_away() -> None:
    """Spent looks leave a row that says insufficient, and the lane exists for just that judge."""
    refused = {"open": False, "state": "insufficient", "epoch": 2, "look": None, "decided_at": NOW}
    assert find({}, refused).verdict_id == "v-old"


def test_a_row_from_before_there_were_lanes_is_a_full_one() -> None:
    assert find({"lane": None}).judge_version == "old"


def test_a_newer_full_judge_is_the_reference_and_a_suspension_takes_none_away() -> None:
    assert find({}, {"judge_version": "newer", "epoch": 1}).judge_version == "newer"
    suspended = {"kind": "suspension", "state": "suspended", "open": False, "epoch": 2}
    assert find({}, suspended).judge_version == "old"


NONE = "collection main: no judge was certified by a full gate {}; run the full gate (gate_verdict with lane: full)"
CLOSED = {"open": False, "state": "closed"}

REFUSED: dict[str, tuple[list[Mapping[str, object]], str]] = {
    "nothing at all": ([{"collection": "mail"}], NONE.format("yet")),
    "the lane alone": ([{"lane": "recertify"}], NONE.format("yet")),
    "closed": ([CLOSED], NONE.format("yet")),
    "closed by a later full look": ([{}, CLOSED | {"epoch": 1}], NONE.format("that still stands")),
    "another policy": ([{"policy_hash": "p2"}], NONE.format("under the policy and rubric in force")),
    "another rubric": ([{"rubric_version": "r2"}], NONE.format("under the policy and rubric in force")),
    "the full gate closed on this very judge": (
        [{}, CLOSED | {"judge_version": "new", "epoch": 3}],
        "collection main: the full gate closed on this member and served model (judge new, epoch 3) after it had "
        "certified old; the re-certification lane does not overrule it: improve the judge, then let the full gate "
        "decide (lane: full)",
    ),
    "the full gate closed on the same member and model, calibrated anew since": (
        [{}, CLOSED | {"judge_version": "twin", "epoch": 1}],
        "collection main: the full gate closed on this member and served model (judge twin, epoch 1) after it had "
        "certified old; the re-certification lane does not overrule it: improve the judge, then let the full gate "
        "decide (lane: full)",
    ),
    "closed, then asked once more with the looks spent": (  # the newest row says less
        [
            {},
            CLOSED | {"judge_version": "new", "epoch": 3},
            {"judge_version": "twin", "epoch": 4, "open": False, "state": "insufficient"},
        ],
        "collection main: the full gate closed on this member and served model (judge new, epoch 3) after it had "
        "certified old; the re-certification lane does not overrule it: improve the judge, then let the full gate "
        "decide (lane: full)",
    ),
    "older than a year": (
        [{"decided_at": NOW - timedelta(days=365)}],
        "collection main: the full gate certified old on 2025-06-01, more than 365 days ago; run the full gate "
        "(gate_verdict with lane: full)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_lane_that_cannot_be_taken_says_why(case: str) -> None:
    rows, sentence = REFUSED[case]
    assert refusal(*rows) == sentence


@pytest.mark.parametrize(
    "other",
    [
        CLOSED | {"judge_version": "stranger", "epoch": 1},  # another model: no word about this one
        CLOSED | {"judge_version": "twin", "epoch": 1, "lane": "recertify"},  # the lane may be taken again
        CLOSED | {"judge_version": "twin", "epoch": 0, "decided_at": NOW - timedelta(days=60)},  # before the reference
        {"judge_version": "twin", "epoch": 1, "open": False, "state": "insufficient"},
    ],
)
def test_what_does_not_stand_in_the_way_of_the_lane(other: Mapping[str, object]) -> None:
    assert find({}, other).judge_version == "old"


def test_a_full_gate_that_closed_before_the_reference_was_certified_is_history() -> None:
    closed = CLOSED | {"judge_version": "twin", "epoch": 1}
    assert find(closed, {"judge_version": "reference", "epoch": 2}).judge_version == "reference"


def test_judges_are_alike_that_differ_in_their_calibrator_alone() -> None:
    given = [
        ("mine", described(), "m-08"),
        ("twin", described(name="renamed"), "m-08"),
        ("other model", described(), "m-09"),
        ("other member", described(member_hash="h2"), "m-08"),
    ]
    table = [{"judge_version": name, "members": one.members, "model_served": served} for name, one, served in given]
    mine = replace(described(), model_served="m-08")
    assert alike(frames.rows("judge_versions", *table), mine) == {"mine", "twin"}


def test_nothing_asked_since_is_no_change_from_outside() -> None:
    assert "nothing was asked since" in refusal({"epoch": 3})
    assert "label-pipeline run --fresh" in refusal({"epoch": 3})


def described(**changes: object) -> JudgeVersion:
    member = {
        "name": "a", "endpoint": "e", "model": "m", "member_hash": "h", "served_as": [], "price": [1, 1, 1],
        "prompt": {"name": "plain", "hash": "p"}, "rubric": {"name": "r", "hash": "r"}, "parameters": {"seed": 1},
        "votes": 1,
    }  # fmt: skip
    return judge(members=json.dumps([member | changes]))


# What was stored of a judge's members before requests had shapes (fec06c5).
BEFORE_SHAPES = (
    "inside", "logprobs", "model", "name", "endpoint", "member_hash", "parameters", "price", "prompt", "read_attempts",
    "rubric", "scale", "served_as", "vary_seed", "votes",
)  # fmt: skip


def test_a_judge_that_was_certified_before_requests_had_shapes_is_compared_as_it_was() -> None:
    """An upgrade of this program is no change of the user's own: the lane was closed to every such judge."""
    now = make_member().describe()
    before = {name: now[name] for name in BEFORE_SHAPES}
    refuse_own_change(judge(members=json.dumps([before])), judge(members=json.dumps([now])))
    for changed, named in (
        (make_member(shape=Shape("text")), "shape"), (make_member(shape=Shape(query={"v": "2"})), "shape"),
        (make_member(top_logprobs=5), "top_logprobs"),
    ):  # fmt: skip
        with pytest.raises(NotApplicableError, match=rf"^{named} of judge"):
            refuse_own_change(judge(members=json.dumps([before])), judge(members=json.dumps([changed.describe()])))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, None),
        ({"model": "m-2", "served_as": ["m-2-2027"], "member_hash": "h2", "price": [2, 2, 2], "endpoint": "f"}, None),
        ({"prompt": {"name": "renamed", "hash": "p"}}, None),
        ({"prompt": {"name": "plain", "hash": "q"}}, "prompt"),
        ({"votes": 3, "parameters": {"seed": 2}}, "parameters, votes"),
        ({"logprobs": True}, "logprobs"),
    ],
)
def test_what_a_user_changed_needs_the_full_gate(change: Mapping[str, object], named: str | None) -> None:
    if named is None:
        refuse_own_change(described(), described(**change))
        return
    with pytest.raises(NotApplicableError, match=f"^{named} of judge .* a change of your own, not of the provider"):
        refuse_own_change(described(), described(**change))


REFERENCE = ReferenceJudge("main", "old", "v-old", 0, NOW)
POLICY = POLICIES["single-standard"]


def test_only_pairs_the_reference_judge_was_asked_about_are_compared() -> None:
    truth = gold([0, 1, 2, 3, 1] * 100)  # 50 queries
    asked = grades([1] * 450)  # 45 of them
    both = comparable(truth, asked, REFERENCE, POLICY)
    assert both.height == 450
    assert set(both["query_id"]) == {f"q{number:03}" for number in range(45)}


def test_grades_that_are_not_stored_are_a_refusal_by_name() -> None:
    truth = gold([0, 1, 2, 3, 1] * 100)
    with pytest.raises(NotApplicableError) as caught:
        comparable(truth, grades([1] * 439), REFERENCE, POLICY)
    assert str(caught.value) == (
        "collection main: of 50 holdout and anchor queries the grades of judge old (epoch 0) are stored for 43 with at "
        "least 10 pairs, single-standard needs 44; run the full gate (gate_verdict with lane: full)"
    )


def test_two_judges_are_paired_row_by_row_whatever_the_order() -> None:
    truth = gold([0, 1, 2, 3, 1] * 100)
    split = pl.when(pl.col("query_id") >= "q040").then(pl.lit("anchor")).otherwise(pl.lit("holdout")).alias("split")
    dealt = truth.with_columns(split)
    ours, theirs = grades([0, 1, 2, None, 1] * 100), grades([0, 2, 2, 3, 1] * 100)
    named = set()
    for seed in (1, 2):
        mixed = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (dealt, ours, theirs)]
        found = pair_up(mixed[0], mixed[1], judge(), mixed[2], judge(), REFERENCE, SCALE, 510)
        assert (found.n_anchor, found.n_unpaired, found.reference_judge) == (10, 10, "old")
        assert (found.judge.ungraded.sums.sum(), found.judge.ungraded.counts.sum()) == (100, 500)
        assert found.reference.calibrated[:5].tolist() == [0, 2, 2, 3, 1]
        named.add(found.judge.holdout_hash)
    other = pair_up(dealt, ours, judge(), theirs, judge(), ReferenceJudge("main", "old", "v-2", 0, NOW), SCALE, 510)
    assert len(named) == 1
    assert other.judge.holdout_hash not in named, "another reference is another look"
    assert other.judge.holdout_hash != other.reference.holdout_hash


def test_a_full_gate_that_closed_later_on_the_same_replies_is_not_overruled() -> None:
    """New human grades, no new replies: another calibrator, and the full gate closes in the epoch that it opened in."""
    closed = {"judge_version": "twin", "verdict_id": "v-twin", "state": "closed", "open": False}
    assert "the full gate closed on this member" in refusal({}, {**closed, "decided_at": NOW - timedelta(days=3)})
    assert find({}, {**closed, "decided_at": NOW - timedelta(days=60)}).judge_version == "old"
