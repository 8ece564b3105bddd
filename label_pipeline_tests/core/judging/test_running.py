"""Interruption as it really arrives: signals to the main thread, in this process and in a real killed one."""

import asyncio
import os
import signal
import threading
import time
from types import FrameType
from typing import NoReturn

import pytest

from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.running import run_judging
from label_pipeline_tests.core.judging.scripted import (
    DictJournal,
    ScriptedClient,
    clock,
    make_member,
    make_pairs,
    reply,
)


class InterruptedByTheFrameworkError(BaseException):
    """Like Dagster's: a BaseException that is neither KeyboardInterrupt nor SystemExit."""


def interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise InterruptedByTheFrameworkError


async def judging(client: ScriptedClient, journal: DictJournal) -> Judging:
    return await judge_pairs(
        JudgingOrder(make_member(), make_pairs(2000), "amplify", 0), client=client, journal=journal, concurrency=8,
        run_id="r", clock=clock,
    )  # fmt: skip


def signal_when(client: ScriptedClient, count: int, number: signal.Signals) -> threading.Thread:
    def send() -> None:
        while len(client.bodies) < count:
            time.sleep(0.001)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_the_result_and_the_error_of_the_work_come_back() -> None:
    async def well() -> int:
        await asyncio.sleep(0)
        return 7

    async def badly() -> int:
        raise LookupError("mine")

    assert run_judging(well()) == 7
    with pytest.raises(LookupError, match="mine"):
        run_judging(badly())


def test_it_works_inside_a_running_loop() -> None:
    async def notebook() -> int:
        return run_judging(asyncio.sleep(0, 5))

    assert asyncio.run(notebook()) == 5


@pytest.mark.outside
@pytest.mark.parametrize(
    ("number", "handler", "raised"),
    [
        (signal.SIGINT, signal.default_int_handler, KeyboardInterrupt),
        (signal.SIGINT, interrupt, InterruptedByTheFrameworkError),
        (signal.SIGTERM, interrupt, InterruptedByTheFrameworkError),
        (signal.SIGTERM, signal.SIG_DFL, SystemExit),
    ],
)
def test_an_interrupt_keeps_everything_under_way_and_is_raised_again(
    number: signal.Signals, handler: signal.Handlers, raised: type[BaseException]
) -> None:
    journal = DictJournal()
    client = ScriptedClient(lambda n, body: reply(), delay_s=0.03)
    before = signal.signal(number, handler)
    try:
        sender = signal_when(client, 30, number)
        with pytest.raises(raised) as caught:
            run_judging(judging(client, journal))
        sender.join()
        assert signal.getsignal(number) == handler
    finally:
        signal.signal(number, before)
    if isinstance(caught.value, SystemExit):
        assert caught.value.code == 128 + signal.SIGTERM
    assert 30 <= len(client.bodies) < 60
    assert len(journal.replies) == len(client.bodies)


def test_a_second_interrupt_gives_up_at_once(caplog: pytest.LogCaptureFixture) -> None:
    journal = DictJournal()
    client = ScriptedClient(lambda n, body: reply(), delay_s=0.0)

    def twice() -> None:
        while len(client.bodies) < 30:
            time.sleep(0.001)
        client.delay_s = 30.0
        while client.under_way < 8:
            time.sleep(0.001)
        for _ in range(2):
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sender = threading.Thread(target=twice)
        sender.start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            run_judging(judging(client, journal))
        took_s = time.monotonic() - started
        sender.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert took_s < client.delay_s  # no reply was waited for
    assert client.under_way == 0  # nothing goes on in the background
    assert "gave up 8 requests under way" in caplog.text
