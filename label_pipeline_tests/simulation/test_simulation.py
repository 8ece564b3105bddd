"""Three hundred histories, and the faults that were planted to see whether these would notice."""

import asyncio
from collections.abc import Callable

import pytest

from label_pipeline.adapters import openai_client
from label_pipeline.core.judging import budget, workers
from label_pipeline.core.judging.asks import Prepared, distinct_asks
from label_pipeline.core.judging.reply import Reading
from label_pipeline.core.judging.sending import Sending
from label_pipeline.core.ports import Reply
from label_pipeline_tests.simulation import disk
from label_pipeline_tests.simulation.clock import SimulatedLoop, StuckError, simulated
from label_pipeline_tests.simulation.history import play

SEEDS, PARTS = 300, 10
ENOUGH = 60
"""Seeds within which a planted fault must be noticed."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_bill_is_in_the_books_and_the_labels_are_those_of_fair_weather(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        play(seed)


def test_a_seed_is_the_same_history_again() -> None:
    assert [play(seed) for seed in (1, 4, 9)] == [play(seed) for seed in (1, 4, 9)]


def test_histories_hold_what_they_are_about() -> None:
    """A simulation of nothing would pass."""
    found = [play(seed) for seed in range(40)]
    assert sum(one.runs > 1 for one in found) > 10
    assert sum(one.possibly_usd > 0 for one in found) > 10
    assert sum(one.bill_usd > one.paid_usd + 1e-9 for one in found) > 10
    assert sum(one.requests for one in found) > 2_000


def test_time_jumps_and_a_wait_for_nothing_is_an_error() -> None:
    async def sleeps() -> float:
        await asyncio.sleep(3_600)
        return asyncio.get_running_loop().time()

    async def waits() -> None:
        await asyncio.Event().wait()

    assert simulated(SimulatedLoop(10.0), sleeps()) == 3_610.0
    with pytest.raises(StuckError):
        simulated(SimulatedLoop(0.0), waits())


def lost_wake_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget.Budget, "answered", lambda self, number: self._release(number))


def double_count(patch: pytest.MonkeyPatch) -> None:
    remember = disk.SimulatedJournal.remember

    async def twice(self: disk.SimulatedJournal, key: str, reply: Reply, receipt: int | None, paid: object) -> None:
        await remember(self, key, reply, receipt, paid)  # type: ignore[arg-type]
        if receipt is not None and receipt % 7 == 0:
            copy = await self.intend(self._disk.intents[receipt])
            await remember(self, key, reply, copy, paid)  # type: ignore[arg-type]

    patch.setattr(disk.SimulatedJournal, "remember", twice)


def an_unbooked_reply(patch: pytest.MonkeyPatch) -> None:
    remember = disk.SimulatedJournal.remember

    async def without(self: disk.SimulatedJournal, key: str, reply: Reply, receipt: int | None, paid: object) -> None:
        await remember(self, key, reply)
        if receipt is not None:
            self.settle(receipt, 0, ended=True)

    patch.setattr(disk.SimulatedJournal, "remember", without)


def a_dropped_vote(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(workers, "distinct_asks", lambda order: [one for one in distinct_asks(order) if one.sample_index < 2])


def a_try_that_is_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(openai_client, "_uncharged", lambda error: True)


def a_request_after_the_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sending, "_check", lambda self: None)
    patch.setattr(workers.Workers, "_stopped", lambda self: False)


def a_reply_that_is_asked_for_again(patch: pytest.MonkeyPatch) -> None:
    send = workers.Workers._send

    async def twice(self: workers.Workers, prepared: Prepared, attempt: int) -> Reply | Reading:
        found = await send(self, prepared, attempt)
        return await send(self, prepared, attempt) if isinstance(found, Reply) else found

    patch.setattr(workers.Workers, "_send", twice)


def a_cap_without_what_is_under_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget.Budget, "_full", lambda self, usd: self.paid_usd + usd > self._order.cap_usd)


def a_receipt_of_what_was_not_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disk.SimulatedJournal, "withdraw", lambda self, number: self.settle(number, 0, ended=True))


@pytest.mark.parametrize(
    "plant",
    [
        lost_wake_up, double_count, an_unbooked_reply, a_dropped_vote, a_try_that_is_not_told,
        a_request_after_the_stop, a_reply_that_is_asked_for_again, a_cap_without_what_is_under_way,
        a_receipt_of_what_was_not_sent,
    ],
)  # fmt: skip
def test_a_planted_fault_is_noticed(plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        for seed in range(ENOUGH):
            try:
                play(seed)
            except AssertionError:
                return
    pytest.fail(f"{plant.__name__} passed {ENOUGH} histories")
