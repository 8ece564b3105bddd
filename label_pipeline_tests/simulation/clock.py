"""An event loop on simulated time: it never sleeps, and says where nothing will ever happen again."""

import asyncio
import heapq
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Killed(KeyboardInterrupt):
    """The process died here. A loop lets this one through where it would log any other error."""


class StuckError(AssertionError):
    """Every task waits and nothing is due: a wake-up was lost."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Time is what the next timer says; ``start`` is where it begins, seconds."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self._now = start

    def time(self) -> float:
        """Simulated seconds."""
        return self._now

    def _run_once(self) -> None:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # of BaseEventLoop
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        if not self._ready:  # type: ignore[attr-defined]
            if not timers:
                raise StuckError("every task waits, and nothing is due")
            self._now = max(self._now, timers[0].when())
        super()._run_once()  # type: ignore[misc]


def simulated(loop: SimulatedLoop, work: Coroutine[Any, Any, T], *, dies_at: float | None = None) -> T:
    """Runs ``work`` to its end, or until the process dies.

    Raises:
        Killed: it died.
        StuckError: it would wait for ever.
    """
    asyncio.set_event_loop(loop)

    def die() -> None:
        raise Killed

    if dies_at is not None:
        loop.call_at(dies_at, die)
    try:
        return loop.run_until_complete(work)
    finally:
        _bury(loop)
        asyncio.set_event_loop(None)


def _bury(loop: SimulatedLoop) -> None:
    """Ends what a dead process left; its journal and its provider do not listen to it any more."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    with suppress(Killed, StuckError):
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.close()
