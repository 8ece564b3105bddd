"""Labels a killed run stored and never booked, and labels that break their contract."""

import datetime as dt
from typing import Any

import pytest

from label_pipeline_tests.sql.frames import DAY, NOON, ask, at, healthy, table

NEXT = DAY + dt.timedelta(days=1)
LABELS = table("labels", {"query_id": "q1"}, {"query_id": "q2"}, {"query_id": "q3", "run_id": "run-2"})
CANDIDATES = table("candidates", *({"query_id": q, "arrived_on": DAY} for q in ("q1", "q2", "q3")))
PAID = {"purpose": "amplify", "input_tokens": 100, "output_tokens": 10, "cost_usd": 0.5}
JUDGEMENTS = table(
    "judgements",
    {**PAID, "query_id": "q1", "request_key": "r1"},
    {
        **PAID,
        "query_id": "q2",
        "request_key": "r2",
        "reused": True,
        "cost_usd": 0.25,
    },  # paid by an earlier run, unbooked
    {**PAID, "query_id": "q3", "request_key": "r3", "run_id": "run-2"},
    {**PAID, "query_id": "elsewhere", "request_key": "r4"},  # another day of the same run
)


def test_a_run_without_books_is_found_with_what_it_paid() -> None:
    booked = table("label_runs", {"run_id": "run-2", "day": DAY})
    found = ask("amplify/unbooked_before_payments", LABELS, booked, JUDGEMENTS, CANDIDATES)
    assert found == [("judge-a", "verdict-1", "run-1", DAY, "main", 2, 2, 200, 0, 20, 0.75, NOON)]


def test_a_run_that_stored_no_label_is_found_by_what_it_asked() -> None:
    """Killed on its second day: what it booked before is not found again, though a candidate moved to another day."""
    candidates = table(
        "candidates", {"query_id": "q1", "arrived_on": NEXT}, {"query_id": "q2", "arrived_on": NEXT},
        {"query_id": "q3", "arrived_on": NEXT}, {"query_id": "q4", "arrived_on": NEXT},
    )  # fmt: skip
    asked = table(
        "judgements",
        {**PAID, "query_id": "q1", "request_key": "r1", "judged_at": at(9)},
        {**PAID, "query_id": "q2", "request_key": "r2", "judged_at": at(11), "attempt": 1},
        {**PAID, "query_id": "q3", "request_key": "r2", "judged_at": at(11), "reused": True, "cost_usd": 0.0},
        {"purpose": "amplify", "query_id": "q4", "request_key": "r4", "judged_at": at(12), "outcome": "over_cap"},
    )  # fmt: skip
    booked = table("label_runs", {"day": DAY, "finished_at": at(10)})
    found = ask("amplify/unbooked_before_payments", booked, asked, candidates)
    assert found == [(None, None, "run-1", NEXT, "main", 0, 2, 100, 0, 10, 0.5, at(12))]
    now_booked = table("label_runs", {"day": NEXT, "finished_at": at(12)})
    assert ask("amplify/unbooked_before_payments", booked, now_booked, asked, candidates) == []


def test_a_booked_run_is_not_booked_again() -> None:
    booked = table("label_runs", {"run_id": "run-1", "day": DAY}, {"run_id": "run-2", "day": DAY})
    assert ask("amplify/unbooked_before_payments", LABELS, booked, JUDGEMENTS, CANDIDATES) == []


def test_what_was_paid_and_is_in_no_books_is_found_with_its_day() -> None:
    """By the money: a run books some of a day and dies, and candidates may have moved meanwhile."""
    one = {"purpose": "amplify", "day": DAY, "requests": 3, "input_tokens": 100, "output_tokens": 10, "cost_usd": 0.5}
    paid = table(
        "payments", one, {**one, "batch": "b2", "requests": 1, "cost_usd": 0.25, "paid_at": at(13)},
        {**one, "day": NEXT, "run_id": "run-2"}, {**one, "purpose": "gate", "day": None},
    )  # fmt: skip
    part = table("label_runs", {"day": DAY, "requests": 3, "input_tokens": 100, "output_tokens": 10, "cost_usd": 0.5})
    other = table("label_runs", {"day": NEXT, "run_id": "run-2", "requests": 3, "cost_usd": 0.5})
    found = ask("amplify/unbooked_runs", paid, part, other)
    assert found == [(None, None, "run-1", DAY, "main", 0, 1, 100, 0, 10, 0.25, at(13))]
    rest = table("label_runs", {"day": DAY, "chunk": "orphan", "requests": 1, "cost_usd": 0.25})
    assert ask("amplify/unbooked_runs", paid, part, other, rest) == []


def test_labels_newer_than_all_books_of_their_day_are_found_with_what_was_paid() -> None:
    labels = table("labels", {"labelled_at": at(11)}, {"query_id": "q2", "labelled_at": at(9)})
    books = table("label_runs", {"day": DAY, "finished_at": at(10)})
    paid = table("payments", {"purpose": "amplify", "day": DAY, "requests": 1, "cost_usd": 0.5, "paid_at": at(10)})
    found = ask("amplify/unbooked_runs", labels, books, paid)
    assert found == [("judge-a", "verdict-1", "run-1", DAY, "main", 1, 1, 0, 0, 0, 0.5, at(11))]


@pytest.mark.parametrize(
    "change",
    [
        {"raw_grade": 3.5}, {"raw_grade": -1.0}, {"expected_grade": 9.0}, {"status": "maybe"},
        {"judge_version": "nobody"}, {"run_id": "unbooked"}, {"request_keys": "[]"},
    ],
)  # fmt: skip
def test_a_label_that_breaks_its_contract(change: dict[str, Any]) -> None:
    world = healthy()
    given = [("judge_versions", world["judge_versions"]), ("label_runs", world["label_runs"])]
    assert ask("checks/labels_contract", table("labels", {}), *given) == []
    assert len(ask("checks/labels_contract", table("labels", change), *given)) == 1
