"""The rules of batches, without a provider and a disk."""

import json
import math
from dataclasses import replace
from datetime import timedelta

import pytest

from label_pipeline.core.judging.batches import steps
from label_pipeline.core.judging.batches.adopting import adopt
from label_pipeline.core.judging.batches.cutting import FileLimits, cut
from label_pipeline.core.judging.batches.matching import Matching, NoAnswer, OutputLine
from label_pipeline.core.judging.batches.pricing import advice, batch_price
from label_pipeline.core.judging.batches.record import COUNT, HASH, NAME, State
from label_pipeline.core.judging.batches.requests import request_set_hash, requests_of
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Plan
from label_pipeline.core.ports import Price
from label_pipeline_tests.core.judging.batches.made import TERMS, key_of, make_record, make_remote, make_request
from label_pipeline_tests.core.judging.scripted import NOW, PRICE, DictJournal, make_member, make_pairs, reply

# what is sent


def test_a_line_says_whom_it_answers_and_nothing_in_a_text_ends_it() -> None:
    request = make_request(1, "a\nb\u2028c\u0085d é")
    line = request.line()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert len(line.decode().splitlines()) == 1
    sent = json.loads(line)
    assert sent == {"custom_id": key_of(1), "method": "POST", "url": "/v1/chat/completions", "body": dict(request.body)}
    assert len(sent["custom_id"]) == 64


def test_an_order_s_requests_are_what_the_journal_does_not_answer_each_once() -> None:
    order = JudgingOrder(make_member(votes=2), [*make_pairs(3), *make_pairs(1)], "amplify", 7)
    everything = requests_of(order, DictJournal(), "run", batch_price(PRICE))
    assert len({request.key for request in everything}) == len(everything) == 6, "the fourth pair shows the same texts"
    journal = DictJournal()
    journal.replies = {everything[0].key: reply(1), everything[1].key: reply("no"), everything[2].key: reply(model="z")}
    left = requests_of(order, journal, "run", batch_price(PRICE))
    assert [request.key for request in left[1:]] == [request.key for request in everything[2:]]
    assert left[0].intent.attempt == 1, "one that cannot be read is asked again, as another draw"
    assert left[0].key not in {request.key for request in everything}


def test_the_most_a_request_may_cost_is_at_the_price_of_a_batch() -> None:
    order = JudgingOrder(make_member(parameters={"max_tokens": 50}), make_pairs(1), "amplify", 7)
    [request] = requests_of(order, DictJournal(), "run", batch_price(PRICE))
    assert request.intent.greatest_usd == pytest.approx((request.tokens * 1.0 + 50 * 4.0) / 2e6)


def test_the_hash_of_a_set_knows_no_order_and_everything_else() -> None:
    keys = [key_of(number) for number in range(5)]
    same = request_set_hash(keys, TERMS)
    assert request_set_hash(reversed(keys), TERMS) == same
    others = [request_set_hash(keys[1:], TERMS)]
    for field in ("account", "model"):
        others.append(request_set_hash(keys, type(TERMS)(**{**vars(TERMS), field: "other"})))
    assert len({same, *others}) == 4


def test_files_are_filled_in_order_up_to_lines_and_bytes() -> None:
    requests = [make_request(number) for number in range(7)]
    line_bytes = len(requests[0].line())
    by_lines = cut(requests, FileLimits(requests=3))
    assert [len(file) for file in by_lines.files] == [3, 3, 1]
    by_bytes = cut(requests, FileLimits(size_bytes=2 * line_bytes + 10))
    assert [len(file) for file in by_bytes.files] == [2, 2, 2, 1]
    for parts in (by_lines, by_bytes):
        assert [request for file in parts.files for request in file] == requests
    for file in by_bytes.files:
        assert sum(len(request.line()) for request in file) <= 2 * line_bytes + 10


def test_a_file_of_exactly_the_limit_is_one_file() -> None:
    requests = [make_request(number) for number in range(4)]
    whole = sum(len(request.line()) for request in requests)
    assert len(cut(requests, FileLimits(requests=4, size_bytes=whole)).files) == 1
    assert len(cut(requests, FileLimits(requests=4, size_bytes=whole - 1)).files) == 2


def test_the_queue_takes_what_fits_in_order_and_the_rest_waits() -> None:
    requests = [make_request(number, tokens=tokens) for number, tokens in enumerate([100, 100, 150, 10])]
    parts = cut(requests, FileLimits(enqueued_tokens=400), enqueued_tokens=150)
    assert parts.files == ((requests[0], requests[1]),)
    assert parts.left == (requests[2], requests[3]), "a smaller one does not slip in before"
    assert cut(requests, FileLimits(enqueued_tokens=400)).left == ()


def test_what_no_file_and_no_queue_can_take_is_told_apart() -> None:
    small, long, heavy = make_request(1), make_request(2, "x" * 5000), make_request(3, tokens=900)
    parts = cut([small, long, heavy], FileLimits(size_bytes=4000, enqueued_tokens=500))
    assert parts.files == ((small,),)
    assert parts.too_large == (long, heavy)
    assert parts.left == ()


# what is found


def test_an_exact_match_is_adopted_and_no_match_is_created() -> None:
    found = make_remote()
    assert adopt([found], make_record(), account="host org", known=set()).batch is found
    assert adopt([], make_record(), account="host org", known=set()).verdict == "create"
    assert adopt([found], make_record(), account="host org", known={"b1"}).verdict == "create", "an earlier batch"


@pytest.mark.parametrize("total", [0, None])
def test_a_batch_whose_requests_are_not_counted_yet_matches_by_what_we_told_of_it(total: int | None) -> None:
    found = make_remote(status="validating", total=total)
    assert adopt([found], make_record(), account="host org", known=set()).verdict == "adopted"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"total": 4}, "its number of requests is 4, expected 3"),
        ({"metadata": {HASH: "h" * 64, COUNT: "4", NAME: "r1"}}, "in its metadata is 4, expected 3"),
        ({"metadata": {HASH: "h" * 64, NAME: "r1"}}, "in its metadata is None, expected 3"),
        ({"endpoint": "/v1/responses"}, "its endpoint is /v1/responses"),
        ({"window": "1h"}, "its window is 1h"),
        ({"metadata": {HASH: "g" * 64, COUNT: "3", NAME: "r1"}}, "its hash is"),
    ],
)
def test_any_difference_is_quarantine(changes: dict[str, object], says: str) -> None:
    adoption = adopt([make_remote(**changes)], make_record(), account="host org", known=set())
    assert (adoption.verdict, adoption.code, adoption.batch) == ("quarantine", "mismatch", None)
    assert says in adoption.reason


def test_two_matches_and_another_account_are_quarantine() -> None:
    two = adopt([make_remote(), make_remote(batch_id="b2")], make_record(), account="host org", known=set())
    assert (two.verdict, two.code) == ("quarantine", "several")
    other = adopt([], make_record(), account="host other", known=set())
    assert (other.verdict, other.code) == ("quarantine", "other_account"), "there it may have been created"


def test_the_same_requests_of_another_journal_are_quarantine_unless_nothing_came_of_them() -> None:
    theirs = make_remote(batch_id="b9", metadata={HASH: "h" * 64, COUNT: "3", NAME: "r9"})
    adoption = adopt([theirs], make_record(), account="host org", known=set())
    assert (adoption.verdict, adoption.code, adoption.found) == ("quarantine", "other_machine", ("b9",))
    assert adopt([theirs], make_record(), account="host org", known={"b9"}).verdict == "create", "it was released"
    assert adopt([theirs, make_remote()], make_record(), account="host org", known=set()).verdict == "adopted"
    nothing = replace(theirs, status="cancelled", completed=0)
    assert adopt([nothing], make_record(), account="host org", known=set()).verdict == "create"
    something = replace(theirs, status="cancelled", completed=1)
    assert adopt([something], make_record(), account="host org", known=set()).verdict == "quarantine"


# what comes next


@pytest.mark.parametrize(
    ("state", "changes", "step"),
    [
        ("reserved", {}, "dissolve"),
        ("uploaded", {}, "dissolve"),
        ("uploaded", {"asked_at": NOW}, "find"),
        ("created", {}, "poll"),
        ("reading", {}, "read"),
        ("collected", {}, "delete"),
        ("closed", {}, "wait"),
        ("dissolved", {}, "wait"),
        ("quarantined", {}, "wait"),
    ],
)
def test_each_state_has_its_next_step(state: State, changes: dict[str, object], step: str) -> None:
    assert steps.next_step(make_record(state=state, **changes)) == step


@pytest.mark.parametrize("status", ["failed", "completed", "expired", "cancelled"])
def test_what_has_ended_is_read(status: str) -> None:
    assert steps.after_poll(make_record(), make_remote(status=status), NOW, steps.USUAL_PATIENCE) == ("read", "")


def test_what_goes_on_is_waited_for_and_validation_only_so_long() -> None:
    late, patience = NOW + timedelta(hours=7), steps.USUAL_PATIENCE
    for status in ("in_progress", "finalizing", "cancelling", "a new word"):
        assert steps.after_poll(make_record(), make_remote(status=status), late, patience) == ("wait", "")
    validating = make_remote(status="validating")
    assert steps.after_poll(make_record(), validating, NOW + patience.validating, patience) == ("wait", "")
    assert steps.after_poll(make_record(), validating, late, patience) == ("cancel", "")
    cancelled = make_record(cancel_asked_at=NOW)
    assert steps.after_poll(cancelled, validating, NOW, patience) == ("wait", "")
    assert steps.after_poll(cancelled, validating, late, patience) == ("quarantine", "stuck")
    assert steps.after_poll(make_record(), None, NOW, patience) == ("quarantine", "gone")


def test_what_is_not_listed_was_not_created_once_it_would_have_been() -> None:
    asked, patience = make_record(state="uploaded", asked_at=NOW), steps.USUAL_PATIENCE
    assert steps.after_no_find(asked, NOW + timedelta(minutes=14), patience) == "wait"
    assert steps.after_no_find(asked, NOW + timedelta(minutes=15), patience) == "dissolve"


# what was answered


def test_lines_are_matched_by_key_and_the_first_reply_wins() -> None:
    matching = Matching(["a", "b", "c"])
    first = reply(1)
    assert matching.take(OutputLine("b", first)) is first
    assert matching.take(OutputLine("b", reply(1))) is None
    assert matching.take(OutputLine("b", reply(2))) is None
    assert matching.take(OutputLine("z", reply(1))) is None
    assert matching.take(OutputLine(None, None)) is None
    assert matching.told == {"duplicate": 2, "differing": 1, "unknown": 1, "unreadable": 1}


def test_a_reply_wins_over_an_error_whichever_came_first() -> None:
    matching = Matching(["a", "b"])
    error = NoAnswer("500 server_error")
    assert matching.take(OutputLine("a", error)) is None
    assert matching.take(OutputLine("a", reply(1))) is not None
    assert matching.take(OutputLine("b", reply(1))) is not None
    assert matching.take(OutputLine("b", error)) is None
    assert matching.unanswered == {}
    assert matching.told["duplicate"] == 2


@pytest.mark.parametrize(("completed", "lost"), [(2, False), (1, False), (3, True), (None, True)])
def test_what_is_in_no_file_was_possibly_paid_where_more_completed_than_was_seen(
    completed: int | None, lost: bool
) -> None:
    matching = Matching(["a", "b", "c", "d"])
    matching.take(OutputLine("a", reply(1)))
    matching.take(OutputLine("b", NoAnswer("200 unusable", lost=True)))
    matching.take(OutputLine("c", NoAnswer("500")))
    assert matching.left(completed, None) == NoAnswer("missing", lost=lost)
    assert matching.left(0, "token_limit_exceeded") == NoAnswer("token_limit_exceeded")


# what it costs


def test_a_batch_costs_half_of_everything_or_what_is_stated() -> None:
    assert batch_price(Price(2.0, 1.0, 8.0)) == Price(1.0, 0.5, 4.0)
    assert batch_price(Price(2.0, 1.0, 8.0), 0.75) == Price(1.5, 0.75, 6.0)


@pytest.mark.parametrize(
    ("hours", "online_usd", "batch_usd", "send", "says"),
    [
        (None, 10.0, 5.0, "batch", "100 requests cost about $5.0000 instead of $10.0000 (50% less), within 24 hours"),
        (24, 10.0, 5.0, "batch", "50% less"),
        (23, 10.0, 5.0, "online", "needed in 23 hours, and a batch may take 24 hours"),
        (None, 0.0, 0.0, "online", "saves nothing"),
        (None, math.nan, math.nan, "online", "a price is unknown"),
    ],
)
def test_advice_looks_at_the_deadline_first_and_the_price_second(
    hours: int | None, online_usd: float, batch_usd: float, send: str, says: str
) -> None:
    deadline = None if hours is None else timedelta(hours=hours)
    found = advice(Plan(requests=100, cost_usd=online_usd), Plan(requests=100, cost_usd=batch_usd), deadline)
    assert found.send == send
    assert says in found.sentence


def test_advice_about_nothing_says_so() -> None:
    assert "nothing is to be sent" in advice(Plan(), Plan(), None).sentence
