"""The rules one by one, on times that the tests state."""

import math

import pytest

from label_pipeline.adapters.pace.breaker import IN_A_ROW, PROBE_MAX_S, Breaker
from label_pipeline.adapters.pace.learned import BELOW, HALVED, PAUSE_S, LearnedPace
from label_pipeline.adapters.pace.quota import Quota
from label_pipeline.adapters.pace.troubles import Blame, Trouble
from label_pipeline.adapters.pace.window import LEAST, Window


def test_what_a_request_did_not_use_is_there_for_the_next_at_once() -> None:
    tokens = Quota(6_000)  # 100 a second
    tokens.take(1_100, 0.0)  # a second's burst, and ten seconds
    assert tokens.wait_s(0.0) == pytest.approx(10)
    tokens.take(-600, 0.0)
    assert tokens.wait_s(0.0) == pytest.approx(4)
    tokens.take(-5_000, 0.0)  # what is given back makes no more than a burst
    tokens.take(200, 0.0)
    assert tokens.wait_s(0.0) == pytest.approx(1)


def steady(pace: LearnedPace, begins: float, ends: float, per_s: float) -> None:
    for number in range(round((ends - begins) * per_s)):
        pace.sent(begins + number / per_s)


def test_the_requests_of_one_burst_are_cut_once() -> None:
    pace = LearnedPace()
    steady(pace, 0.0, 2.0, 20.0)
    for late in range(30):
        pace.refused(2.0, 2.05 + late / 1_000)
    assert pace.per_s == pytest.approx(HALVED * 20, rel=0.05)
    assert pace.quota.wait_s(2.05) == pytest.approx(PAUSE_S)
    pace.refused(2.3, 2.35)  # sent after the cut
    assert pace.per_s == pytest.approx(HALVED * HALVED * 20, rel=0.05)


def test_what_is_let_through_between_two_refusals_is_the_rate() -> None:
    pace = LearnedPace()
    level, now, cuts = 50.0, 0.0, []  # a bucket that fills with 10 a second and holds 50
    while now < 120:
        passed_s = max(0.02, pace.quota.wait_s(now))
        now, level = now + passed_s, min(50.0, level + 10 * passed_s)
        pace.sent(now)
        if level >= 1:
            level -= 1
        else:
            pace.refused(now, now)
            cuts.append(pace.per_s)
    assert cuts[-3:] == pytest.approx([BELOW * 10] * 3, rel=0.03)


def test_an_outage_s_refusals_are_forgotten() -> None:
    pace = LearnedPace()
    steady(pace, 0.0, 1.0, 50.0)
    for late in range(10):
        pace.refused(1.0 + late, 1.1 + late)
    assert pace.per_s <= 1.0
    pace.restore(12.0)
    assert math.isinf(pace.per_s)
    assert pace.quota.wait_s(12.0) == 0


def play(window: Window, places: int, latency_s: float, rounds: int) -> list[int]:
    """Windows of a server that works on so many at once, each request taking as long as the queue makes it."""
    limits, now = [], 0.0
    for _ in range(rounds):
        limits.append(window.limit)
        takes_s = latency_s * max(1.0, window.limit / places)
        window.filled()
        for cohort in [window.sent(now) for _ in range(max(LEAST, window.limit))]:
            window.ended(cohort, now, takes_s, now + takes_s)
        now += takes_s
    return limits


def test_the_window_doubles_until_requests_queue_and_stays_between_one_and_two_places_a_request() -> None:
    limits = play(Window(1_000), 32, 1.0, 12)
    assert limits[0] == 4
    assert max(limits) <= 2 * 32
    assert all(32 <= limit <= 1.5 * 32 + 1 for limit in limits[-4:])


def test_a_time_out_halves_the_window_once_for_all_that_were_sent_before() -> None:
    window = Window(64)
    play(window, 10_000, 1.0, 5)
    before = window.limit
    cohorts = [window.sent(100.0) for _ in range(before)]
    for cohort in cohorts:
        window.timed_out(cohort)
    assert window.limit == before // 2


def broken(breaker: Breaker, count: int, now: float) -> list[Blame]:
    return [breaker.failed(Trouble.BROKEN, number, now, probe=False) for number in range(count)]


def test_several_different_requests_in_a_row_open_it_and_one_that_always_fails_does_not() -> None:
    breaker = Breaker(100)
    breaker.answered(0.0)
    assert [breaker.failed(Trouble.BROKEN, 1, 1.0, probe=False) for _ in range(9)] == [Blame.REQUEST] * 9
    assert not breaker.is_open
    assert broken(breaker, IN_A_ROW, 2.0)[-1] is Blame.ENDPOINT
    assert breaker.is_open


def test_one_probe_at_a_time_at_waits_that_double_until_somebody_answers() -> None:
    breaker = Breaker(100)
    breaker.answered(0.0)
    breaker.failed(Trouble.GONE, 1, 0.0, probe=False)
    now, waits = 0.0, []
    for number in range(6):
        waits.append(breaker.wait_s(now))
        now += waits[-1]
        assert breaker.sent()
        assert breaker.wait_s(now) == math.inf, "while the probe is out"
        breaker.failed(Trouble.GONE, number, now, probe=True)
        breaker.ended(probe=True)
    assert waits == [1, 2, 4, 8, PROBE_MAX_S, PROBE_MAX_S]
    assert breaker.sent()
    assert breaker.answered(now)
    breaker.ended(probe=True)
    assert breaker.wait_s(now) == 0


def test_patience_is_spent_from_the_first_failure_after_the_last_answer() -> None:
    breaker = Breaker(100)
    breaker.answered(0.0)
    assert breaker.failed(Trouble.GONE, 1, 50.0, probe=False) is Blame.ENDPOINT
    assert breaker.failed(Trouble.GONE, 2, 150.0, probe=False) is Blame.ENDPOINT
    assert breaker.failed(Trouble.GONE, 3, 150.1, probe=False) is Blame.PATIENCE
    assert breaker.failed(Trouble.GONE, 4, 151.0, probe=False) is Blame.REQUEST, "as one that never answered"
