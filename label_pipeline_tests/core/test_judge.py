"""A judge's name is its content; a pair's grade is made of its votes."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.catalogue import JUDGE_VERSIONS
from label_pipeline.core.judge import JudgeVersion, judge_from_row, pair_grades
from label_pipeline_tests.sql.frames import rows
from label_pipeline_tests.stages.judged import judge, judgements, line, pair

TWO = '[{"member_hash": "m1"}, {"member_hash": "m2"}]'


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"calibrators": {"main": line(0.1)}}, False),
        ({"calibrators": {"main": line(), "mail": line()}}, False),
        ({"members": '[{"member_hash": "m2", "name": "cheap"}]'}, False),
        ({"members": TWO}, False),
        ({"model_served": "model-2027"}, False),
        ({"candidate": "renamed"}, True),
        ({"members": '[{"member_hash": "m1", "name": "renamed", "price": 99}]'}, True),
    ],
)
def test_the_version_is_a_hash_of_what_could_change_a_grade(changes: Mapping[str, object], same: bool) -> None:
    assert (judge(**changes).judge_version == judge().judge_version) == same


def test_the_order_of_collections_is_no_difference() -> None:
    one = judge(calibrators={"main": line(), "mail": line(0.1)})
    other = judge(calibrators={"mail": line(0.1), "main": line()})
    assert one.judge_version == other.judge_version


def test_calibration_is_of_a_collection_and_never_rounds() -> None:
    found = judge(calibrators={"main": line(0.25, 0.5)})
    np.testing.assert_array_equal(found.calibrate("main", np.array([0.0, 3.0, math.nan])), [0.25, 1.75, math.nan])
    assert np.isnan(found.calibrate("mail", np.array([0.0, 3.0]))).all()
    assert found.calibrate("mail", np.empty(0)).shape == (0,)


def test_a_stored_judge_comes_back_as_it_was() -> None:
    first = judge(calibrators={"main": line(1 / 3, 0.1), "mail": line(0.1 + 0.2)}, members=TWO)
    row = rows("judge_versions", _row(first))
    assert row.schema == JUDGE_VERSIONS.schema
    found = judge_from_row(row.row(0, named=True))
    assert found == first
    assert found.judge_version == first.judge_version


def _row(found: JudgeVersion) -> Mapping[str, object]:
    return {
        "judge_version": found.judge_version, "candidate": found.candidate, "members": found.members,
        "calibrators": found.calibrators_json, "rubric_version": found.rubric_version,
        "model_served": found.model_served,
    }  # fmt: skip


def one(votes: Sequence[int | float | None]) -> Mapping[str, object]:
    """The one row of a pair with these votes."""
    return pair_grades(judgements([votes])).row(0, named=True)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([2], {"raw_grade": 2.0, "expected_grade": 2.0, "confidence": None, "ungraded": 0, "replies": 1}),
        ([1.6], {"raw_grade": 2.0, "expected_grade": 1.6}),
        # an expected grade where the vote has one, the grade itself where it has none
        ([1.6, 1], {"raw_grade": 1.5, "expected_grade": pytest.approx(1.3)}),
        ([1, 3], {"raw_grade": 2.0, "expected_grade": 2.0, "confidence": pytest.approx(-math.sqrt(2))}),
        ([1, 1, 1], {"confidence": 0.0, "outcome": "graded", "detail": None}),
        # an unread vote is no grade: it neither counts as 0 nor shrinks the mean
        ([3, None, 3], {"raw_grade": 3.0, "expected_grade": 3.0, "ungraded": 1, "replies": 3, "outcome": "graded"}),
        ([None, 2], {"raw_grade": 2.0, "confidence": None, "outcome": "graded", "request_keys": ["r0.1"]}),
        ([1, 2], {"request_keys": ["r0.0", "r0.1"]}),
        (
            [None, None],
            {"raw_grade": None, "expected_grade": None, "confidence": None, "ungraded": 2, "replies": 2,
             "request_keys": [], "outcome": "malformed", "detail": "the reply is empty"},
        ),
    ],
)  # fmt: skip
def test_a_grade_is_the_mean_of_the_votes_that_were_read(
    votes: Sequence[int | float | None], expected: Mapping[str, object]
) -> None:
    found = one(votes)
    assert {name: found[name] for name in expected} == expected


def test_an_expected_grade_of_an_unread_vote_does_not_count() -> None:
    frame = judgements([[2, None]]).with_columns(expected_grade=pl.Series([None, 0.1], dtype=pl.Float64))
    assert pair_grades(frame)["expected_grade"].to_list() == [2.0]


def test_costs_add_up_and_a_pair_is_reused_when_every_vote_is() -> None:
    assert pair_grades(judgements([[1, 2, 3], [1]], cost_usd=0.25))["cost_usd"].to_list() == [0.75, 0.25]
    frame = judgements([[1, 2], [1, 2]]).with_columns(reused=pl.Series([True, True, True, False]))
    assert pair_grades(frame)["reused"].to_list() == [True, False]


def test_the_outcome_of_an_unread_pair_is_its_first_vote_without_an_answer_else_its_first() -> None:
    words = ["refused", "failed", "over_cap", "cut", "refused", "cut"]
    frame = judgements([[None, None, None], [None], [None, None]]).with_columns(outcome=pl.Series(words))
    assert pair_grades(frame)["outcome"].to_list() == ["failed", "cut", "refused"]


def test_a_pair_is_graded_by_all_votes_or_by_none() -> None:
    frame = judgements([[2, None], [2, None]]).with_columns(
        outcome=pl.Series(["graded", "failed", "graded", "malformed"])
    )
    assert pair_grades(frame)["outcome"].to_list() == ["failed", "graded"]


def test_the_model_is_the_first_one_reported() -> None:
    frame = judgements([[None, 2]]).with_columns(model_reported=pl.Series([None, "model-2026"], dtype=pl.String))
    assert pair_grades(frame)["model_reported"].to_list() == ["model-2026"]


def test_one_row_a_pair_in_the_order_given_contexts_and_texts_apart() -> None:
    keys = [pair(3), pair(1), pair(1, context_id="fr"), pair(1, doc_version="v2"), pair(3)]
    frame = rows("judgements", *(key | {"request_key": str(i)} for i, key in enumerate(keys)))
    found = pair_grades(frame)
    assert found.height == 4
    assert found["replies"].to_list() == [2, 1, 1, 1]
    assert found.select("doc_id", "context_id", "doc_version").row(2) == ("d00001", "fr", "v1")
    assert pair_grades(frame.clear()).is_empty()
