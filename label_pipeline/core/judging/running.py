"""Drives the engine from ordinary, synchronous code so that an interruption loses nothing that was paid for."""

import asyncio
import contextvars
import signal
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


def run_judging(work: Coroutine[Any, Any, T]) -> T:
    """Runs ``work`` on an event loop in a thread of its own and returns its result.

    Not ``asyncio.run``: Dagster raises its interrupt, a BaseException, from a signal handler in the main thread. Inside
    a running loop it would land in whatever callback happens to run there, and asyncio swallows what is neither
    KeyboardInterrupt nor SystemExit. Here the main thread only waits, so the interrupt always arrives; the work is then
    cancelled, may take its time to keep what is under way (``drain_s`` of judge_pairs), and the interrupt is raised
    again; a second interrupt gives up at once. SIGTERM, where nobody handles it, ends the process the same way with
    status 143. It also works where a loop is already running, as in a notebook.

    Raises:
        BaseException: whatever ``work`` raises, or the interrupt that stopped it.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def main() -> T:
        task = asyncio.create_task(work)
        started.set_result((asyncio.get_running_loop(), task))
        return await task

    # Leaving the pool's context waits for the thread.
    with _sigterm_exits(), ThreadPoolExecutor(1, thread_name_prefix="judging") as pool:
        result = pool.submit(contextvars.copy_context().run, asyncio.run, main())
        try:
            return result.result()
        except BaseException:
            if not result.done():
                _cancel(*started.result())
                try:
                    wait([result])
                finally:  # where a second interrupt ends the wait: the work gives up at once
                    _cancel(*started.result())
            raise


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    with suppress(RuntimeError):  # the loop closed in between: the work had just ended
        loop.call_soon_threadsafe(task.cancel)


@contextmanager
def _sigterm_exits() -> Iterator[None]:
    """Turns an unhandled SIGTERM, which would end Python without any cleaning up, into SystemExit."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(signum: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + signum)
