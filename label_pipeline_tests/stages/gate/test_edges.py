"""Exact limits, ties and order of rows in the gate, where planted faults showed that no other test stands."""

import hashlib
import json
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from label_pipeline.core import intervals
from label_pipeline.core.codes.verdicts import FULL
from label_pipeline.core.intervals import MIN_QUERIES, ClusterTotals
from label_pipeline.core.splits import Shares
from label_pipeline.stages.gate import (
    POLICIES,
    collect,
    edited_policy,
    looks_left,
    next_look,
    queries_needed,
    refuse_own_change,
    retire,
    suspension,
)  # fmt: skip
from label_pipeline.stages.gate.criteria import NOT_APPLICABLE
from label_pipeline.stages.gate.measures import difference_low
from label_pipeline_tests.sql import frames
from label_pipeline_tests.stages.gate.test_reference import described
from label_pipeline_tests.stages.gate.test_renewal import counts, dealt, holdout
from label_pipeline_tests.stages.gate.test_standing import HOUR, NOW, decision, standing
from label_pipeline_tests.stages.gate.world import GOLD, JUDGE, paired, recertify
from label_pipeline_tests.stages.judged import SCALE, gold, grades, judge

POLICY = POLICIES["single-standard"]


def bound(n_queries: int, sums: float = 1.0) -> float:
    """The lower bound of a difference whose mean is ``sums`` / 10 in every query, none of them changed."""
    totals = ClusterTotals(np.full(n_queries, sums), np.full(n_queries, 10.0))
    drawn = intervals.resample_counts(n_queries, np.random.default_rng(0), b=100)
    return difference_low(totals, 0, drawn, 0.05)


def test_a_difference_has_a_bound_from_twenty_queries_on_and_none_without_a_mean() -> None:
    assert math.isnan(bound(MIN_QUERIES - 1))
    assert bound(MIN_QUERIES) == pytest.approx(0.1)  # every query alike: the mean, 1 / 10, without an error
    assert math.isnan(bound(MIN_QUERIES, sums=math.nan))


def test_evidence_stands_in_the_order_of_the_pair_key_no_context_last() -> None:
    contexts = [None, "de", "at"]
    truth, replies = (
        [make([value], context_id=context)[0] for value, context in zip([0, 1, 2], contexts, strict=True)]
        for make in (gold, grades)
    )
    evidence = collect(pl.concat(truth), pl.concat(replies), judge(), SCALE)["main"]
    assert evidence.gold.tolist() == [2, 1, 0]
    assert evidence.trained.tolist() == [2, 1, 0]


@pytest.mark.parametrize("field", ["name", "endpoint", "inside", "model", "member_hash", "served_as", "price"])
def test_each_thing_a_provider_may_force_is_no_change_of_your_own(field: str) -> None:
    refuse_own_change(described(), described(**{field: "other"}))


def test_a_renewed_holdout_that_is_just_full_is_asked_about_the_next_renewal() -> None:
    """88 queries give a holdout of 44, exactly what the policy needs; it is renewed and filled to 44 again."""
    first = dealt(88)
    again = first
    for n in range(88, 160):
        again = dealt(n, retire(first, holdout(first), "main"))
        if counts(again)["holdout"] == POLICY.min_queries:
            break
    assert counts(again)["holdout"] == 44
    assert queries_needed(again, "main", Shares(), POLICY) >= 44


def test_of_two_judges_of_one_epoch_the_later_decision_is_the_newest_whatever_its_name() -> None:
    later = {"decided_at": NOW - 5 * HOUR}
    one = decision(verdict_id="v9", judge_version="j1")
    two = decision(verdict_id="v1", judge_version="j2", **later)
    assert standing(one, two).verdict_id == "v1"


def test_a_look_is_at_the_first_holdout_where_nothing_else_is_said() -> None:
    """A row without a generation is of the first one; a second holdout has a row of its own."""
    taken = frames.rows("holdout_looks", {"policy_hash": "p0"}, {"policy_hash": "p1", "generation": 2})
    assert next_look(taken, "main") == 2
    assert looks_left(taken, "main", FULL, 5) == 4
    assert edited_policy(taken, "main", "p1")
    assert not edited_policy(taken, "main", "p0")


def test_a_suspension_is_named_by_what_it_suspends_when_and_why() -> None:
    stored = frames.rows("verdicts", decision()).row(0, named=True)
    [name] = suspension(stored, "drift", 6, NOW)["verdict_id"]
    said = json.dumps(["suspension", "v1", 6, "drift"])
    assert name == hashlib.sha256(said.encode()).hexdigest()[:16]


def test_a_query_without_items_changes_no_bound_of_a_difference() -> None:
    """Two of 30 queries changed and another holds nothing that counts: it is no query at all."""
    sums = np.array([-3.0, -1.0] + [0.0] * 28)
    drawn = intervals.resample_counts(31, np.random.default_rng(0), b=100)
    without = difference_low(ClusterTotals(sums, np.full(30, 10.0)), 2, drawn[:, :30], 0.05)
    with_empty = ClusterTotals(np.append(sums, 0.0), np.append(np.full(30, 10.0), 0.0))
    assert math.isfinite(without)
    assert difference_low(with_empty, 2, drawn, 0.05) == pytest.approx(without)


def test_of_few_misread_queries_the_worst_seen_is_not_taken_for_the_worst_there_is() -> None:
    """One of 44 queries lost 6 of 10: as many as .1036 of them may change (Clopper-Pearson, .95), twice as badly."""
    totals = ClusterTotals(np.array([-6.0] + [0.0] * 43), np.full(44, 10.0))
    drawn = intervals.resample_counts(44, np.random.default_rng(0), b=100)
    assert difference_low(totals, 1, drawn, 0.05) == pytest.approx(-2 * 0.6 * stats.beta.ppf(0.95, 2, 43))


def test_the_lane_says_what_it_cannot_apply_too() -> None:
    listed = {c.name for c in recertify(paired()).criteria if c.status == "not applicable"}
    assert listed == set(NOT_APPLICABLE)


def test_in_the_lane_a_gross_error_share_at_the_threshold_is_missed() -> None:
    """3 of 20 pairs off by two: .150 is not below .150."""
    wrong = np.append(JUDGE, [0, 2, 2, 1, 1, 1, 2, 2, 1, 3])
    found = recertify(paired(judge=wrong, reference=wrong, human=np.tile(GOLD, 2)))
    [own] = [c for c in found.criteria if c.name == "errors of 2 grades or more"]
    assert own.figure == pytest.approx(0.15)
    assert own.status == "missed"


def test_a_decision_of_a_later_epoch_is_the_newer_one_though_the_clock_was_set_back() -> None:
    earlier = decision(verdict_id="v1", judge_version="j1")
    later = decision(verdict_id="v2", judge_version="j2", epoch=3, decided_at=NOW - 99 * HOUR)
    assert standing(earlier, later).verdict_id == "v2"
