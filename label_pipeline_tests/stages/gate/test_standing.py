"""Who may label now: one open verdict, changed field by field, and the stories of several judges."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from label_pipeline.stages.gate import Standing, standings, suspension
from label_pipeline.stages.gate.standing import NEW_EPOCH
from label_pipeline_tests.sql import frames

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Row = dict[str, object]


def decision(**changes: object) -> Row:
    """An open decision of ten hours ago that stands."""
    row: Row = {
        "verdict_id": "v1", "judge_version": "j1", "policy": "single-standard", "policy_hash": "p1",
        "rubric_version": "r1", "failures": "[]", "criteria": "[]", "epoch": 2, "decided_at": NOW - 10 * HOUR,
        "expires_at": NOW + HOUR,
    }  # fmt: skip
    return row | changes


def closed(**changes: object) -> Row:
    return decision(state="closed", open=False, failures='["skill is low; improve", "bias"]', **changes)


def suspended(row: Row, epoch: int, hours_ago: float = 1) -> Row:
    frame = suspension(
        frames.rows("verdicts", row).row(0, named=True), "the model changed", epoch, NOW - hours_ago * HOUR
    )
    return frame.row(0, named=True)


def standing(*verdicts: Row, collection: str = "main") -> Standing:
    """The standing under policy p1 and rubric r1, the same whatever the order of rows."""
    found = [
        standings(
            frames.rows("verdicts", *order), [collection], policy_hash="p1", rubric_version="r1", now=NOW
        )[collection]
        for order in (verdicts, verdicts[::-1])
    ]  # fmt: skip
    assert found[0] == found[1]
    return found[0]


CASES: dict[str, tuple[Mapping[str, object], str, tuple[str, ...]]] = {
    "healthy": ({}, "open", ()),
    "missing": (
        {"collection": "mail"}, "missing",
        ("collection main has no verdict; materialise gate_verdict (job recalibrate)",),
    ),
    "closed": (
        {"state": "closed", "open": False, "failures": '["skill is low; improve", "bias"]'}, "closed",
        ("verdict v1 of judge j1 is closed: skill is low; improve; bias",),
    ),
    "insufficient": (
        {"state": "insufficient", "open": False, "failures": '["43 queries"]'}, "insufficient",
        ("verdict v1 of judge j1 is insufficient: 43 queries",),
    ),
    "expires in a microsecond": ({"expires_at": NOW + timedelta(microseconds=1)}, "open", ()),
    "expired at exactly now": (
        {"expires_at": NOW}, "stale", (f"verdict v1 of judge j1 expired on 2026-03-01 12:00 UTC; {NEW_EPOCH}",),
    ),
    "until when it stands is unknown": (
        {"expires_at": None}, "stale", (f"verdict v1 of judge j1 says not until when it stands; {NEW_EPOCH}",),
    ),
    "another policy": (
        {"policy_hash": "p0", "policy": "single-permissive"}, "stale",
        ("verdict v1 of judge j1 was given under policy single-permissive (p0), not the current one; "
         "run job recalibrate",),
    ),
    "another rubric": (
        {"rubric_version": "r0"}, "stale",
        ("verdict v1 of judge j1 was given for rubric r0, the rubric is now r1; run job recalibrate",),
    ),
    "another policy and another rubric, expired": (
        {"policy_hash": "p0", "rubric_version": "r0", "expires_at": NOW - HOUR}, "stale",
        ("verdict v1 of judge j1 was given under policy single-standard (p0), not the current one; "
         "run job recalibrate",
         "verdict v1 of judge j1 was given for rubric r0, the rubric is now r1; run job recalibrate",
         f"verdict v1 of judge j1 expired on 2026-03-01 11:00 UTC; {NEW_EPOCH}"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_change_one_reason(case: str) -> None:
    changes, state, reasons = CASES[case]
    found = standing(decision(**changes))
    assert (found.state, found.reasons) == (state, reasons)
    assert found.open == (state == "open")
    if state != "missing":
        assert (found.judge_version, found.verdict_id) == ("j1", "v1")


def test_an_open_standing_says_who_may_label_until_when() -> None:
    assert standing(decision()) == Standing("main", "j1", "v1", "open", (), NOW + HOUR)


def test_no_row_at_all_is_missing() -> None:
    assert standing().state == "missing"
    assert standings(
        frames.rows("verdicts"), [], policy_hash="p1", rubric_version="r1", now=NOW
    ) == {}  # fmt: skip


NEWER = {"verdict_id": "v2", "decided_at": NOW - 5 * HOUR}
STORIES: dict[str, tuple[tuple[Row, ...], str | None, str]] = {
    "the newest open judge labels": ((decision(), decision(judge_version="j2", **NEWER)), "v2", "open"),
    # a recalibration that ends worse than the certified judge changes nothing
    "the newest is closed, the older one stands": ((decision(), closed(judge_version="j2", **NEWER)), "v1", "open"),
    "the newest is stale, the older one stands": (
        (decision(), decision(judge_version="j2", policy_hash="p0", **NEWER)), "v1", "open",
    ),
    "none stands: the newest is reported": (
        (closed(), decision(judge_version="j2", expires_at=NOW, **NEWER)), "v2", "stale",
    ),
    "the same judge, decided again and closed": ((decision(), closed(**NEWER)), "v2", "closed"),
    "the same judge, decided again and open": ((closed(), decision(**NEWER)), "v2", "open"),
    "the current decision is suspended": ((decision(), suspended(decision(), epoch=2)), "v1", "suspended"),
    "suspended in a later epoch than it was decided": ((decision(), suspended(decision(), epoch=3)), "v1", "suspended"),
    "a decision of the same epoch does not end it": (
        (decision(), suspended(decision(), epoch=2, hours_ago=6), decision(**NEWER)), "v2", "suspended",
    ),
    "a decision of a later epoch ends it": (
        (decision(), suspended(decision(), epoch=2, hours_ago=6), decision(epoch=3, **NEWER)), "v2", "open",
    ),
    "another judge of a later epoch ends it": (
        (decision(), suspended(decision(), epoch=2), decision(judge_version="j2", epoch=3, **NEWER)), "v2", "open",
    ),
    "a later epoch that ends closed leaves nobody": (
        (decision(), suspended(decision(), epoch=2), closed(epoch=3, **NEWER)), "v2", "closed",
    ),
    # drift: then nothing labels until a judge is certified again
    "an older open judge does not take over from a suspended one": (
        (decision(epoch=1), decision(judge_version="j2", **NEWER),
         suspended(decision(judge_version="j2", **NEWER), epoch=2)), "v2", "suspended",
    ),
    "a closed newer judge does not hide the suspension": (
        (decision(), suspended(decision(), epoch=2), closed(judge_version="j2", **NEWER)), "v2", "suspended",
    ),
    # the gate finds the stored verdict and spends no look, so it must stand
    "a policy that was edited and put back": ((decision(), closed(policy_hash="p2", **NEWER)), "v1", "open"),
    "unless the judge was decided in a later epoch since": (
        (decision(), closed(policy_hash="p2", epoch=3, **NEWER)), "v2", "closed",
    ),
    "a look that was not taken does not end the verdict before it": (
        (decision(look=1), decision(open=False, state="insufficient", epoch=3, **NEWER)), "v1", "open",
    ),
    "a look that was taken and could not answer does": (
        (decision(look=1), decision(open=False, state="insufficient", look=2, epoch=3, **NEWER)), "v2", "insufficient",
    ),
    "a look that was not taken is reported where nothing stands": (
        (closed(look=1), decision(open=False, state="insufficient", epoch=3, **NEWER)), "v2", "insufficient",
    ),
    "another collection's verdicts are of no use": ((decision(collection="mail"),), None, "missing"),
    "another collection's suspension does no harm": (
        (decision(), suspended(decision(collection="mail"), epoch=9)), "v1", "open",
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_who_stands(story: str) -> None:
    verdicts, verdict, state = STORIES[story]
    found = standing(*verdicts)
    assert (found.verdict_id, found.state) == (verdict, state)


def test_a_suspension_says_why_and_what_to_do() -> None:
    found = standing(decision(), suspended(decision(), epoch=2))
    assert found.reasons == (f"verdict v1 of judge j1 is suspended: the model changed; {NEW_EPOCH}",)


def test_collections_stand_on_their_own() -> None:
    verdicts = frames.rows("verdicts", decision(), closed(collection="mail", verdict_id="v9"))
    found = standings(verdicts, ["mail", "main", "wiki"], policy_hash="p1", rubric_version="r1", now=NOW)
    assert {name: (s.state, s.verdict_id) for name, s in found.items()} == {
        "mail": ("closed", "v9"), "main": ("open", "v1"), "wiki": ("missing", None),
    }  # fmt: skip
