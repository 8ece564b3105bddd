import asyncio
from itertools import pairwise
from typing import TypeVar

import pytest

from label_pipeline.adapters.limiter import Limiter

T = TypeVar("T")


class Time:
    """Seconds that pass only when somebody sleeps. Sleepers wake in the order of their deadlines."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._count += 1
        self._waiting.append((self.now + seconds, self._count, event))
        await event.wait()

    async def pass_until_done(self, task: "asyncio.Future[T]") -> None:
        while not task.done():
            for _ in range(20):
                await asyncio.sleep(0)
            if self._waiting:
                self._waiting.sort()
                self.now, _, event = self._waiting.pop(0)
                event.set()


def starts_of(limiter: Limiter, time: Time, count: int, *, tokens: int = 0, takes_s: float = 0.0) -> list[float]:
    """When each of ``count`` requests started."""
    starts: list[float] = []

    async def request() -> None:
        async with limiter.slot(tokens):
            starts.append(time.now)
            if takes_s:
                await time.sleep(takes_s)

    async def run() -> None:
        everything = asyncio.gather(*(request() for _ in range(count)))
        await time.pass_until_done(everything)
        await everything

    asyncio.run(run())
    return starts


def test_without_limits_only_concurrency_counts() -> None:
    time = Time()
    assert starts_of(Limiter(3, None, None, time.clock, time.sleep), time, 7, takes_s=1.0) == [0, 0, 0, 1, 1, 1, 2]


def test_requests_a_minute_hold_in_every_minute() -> None:
    time = Time()
    starts = starts_of(Limiter(1000, 60, None, time.clock, time.sleep), time, 200)
    assert len(starts) == 200
    for start in starts:
        # One second's burst on top of 60 a minute.
        assert sum(start <= other < start + 60 for other in starts) <= 61
    assert starts[-1] == pytest.approx(198, abs=1)  # and no slower than allowed


def test_tokens_a_minute_pace_by_size() -> None:
    time = Time()
    starts = starts_of(Limiter(1000, None, 6000, time.clock, time.sleep), time, 20, tokens=500)
    assert starts[-1] == pytest.approx(19 * 5 - 1, abs=1e-6)  # 500 tokens at 100 a second, less the burst
    assert all(b >= a for a, b in pairwise(starts))


def test_a_request_larger_than_a_minute_is_sent_all_the_same() -> None:
    time = Time()
    assert len(starts_of(Limiter(2, None, 100, time.clock, time.sleep), time, 2, tokens=1000)) == 2


def test_a_cool_down_holds_for_everybody_and_the_longest_one_wins() -> None:
    time = Time()
    limiter = Limiter(5, None, None, time.clock, time.sleep)
    limiter.cool_down(10)
    limiter.cool_down(3)
    assert starts_of(limiter, time, 5) == [10] * 5


def test_a_cool_down_that_begins_while_a_request_waits_delays_it() -> None:
    time = Time()
    limiter = Limiter(5, 60, None, time.clock, time.sleep)
    starts: list[float] = []

    async def request(pause_s: float) -> None:
        async with limiter.slot():
            starts.append(time.now)
            if pause_s:
                await time.sleep(0.5)
                limiter.cool_down(pause_s)

    async def run() -> None:
        everything = asyncio.gather(request(0), request(30), request(0))
        await time.pass_until_done(everything)
        await everything

    asyncio.run(run())
    # The burst lets the second go at once; the third was due at 1 s, when the cool-down had begun.
    assert starts == [0, 0, 30.5]


def test_it_outlives_an_event_loop() -> None:
    time = Time()
    limiter = Limiter(1, None, None, time.clock, time.sleep)
    for _ in range(2):
        assert len(starts_of(limiter, time, 3, takes_s=1.0)) == 3


def test_no_concurrency_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Limiter(0)
