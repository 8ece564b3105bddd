"""Runs the provider: in the foreground for people, in a thread for tests and the demo."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

LOCALHOST = "127.0.0.1"


def serve(app: web.Application, host: str = LOCALHOST, port: int = 8321) -> None:
    """Serves requests until it is interrupted.

    Raises:
        OSError: the port is taken.
    """
    web.run_app(app, host=host, port=port, access_log=None, print=None)


@contextmanager
def running_provider(app: web.Application, *, port: int = 0, start_timeout_s: float = 20.0) -> Iterator[str]:
    """Serves in a thread with its own event loop while the block runs.

    Args:
        app: a fresh application from ``make_app``.
        port: 0 picks a free one.
        start_timeout_s: seconds to wait for the socket.

    Yields:
        The base URL, ``http://127.0.0.1:PORT/v1``.

    Raises:
        OSError: the port is taken.
        TimeoutError: the server did not start in time.
    """
    started: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Event, int] | OSError] = queue.Queue()

    async def run() -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOCALHOST, port).start()
        except OSError as error:
            started.put(error)
            await runner.cleanup()
            return
        stop = asyncio.Event()
        started.put((asyncio.get_running_loop(), stop, runner.addresses[0][1]))
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="rehearsal-provider", daemon=True)
    thread.start()
    try:
        outcome = started.get(timeout=start_timeout_s)
    except queue.Empty as error:
        raise TimeoutError(f"the provider did not start within {start_timeout_s:g} s") from error
    if isinstance(outcome, OSError):
        raise outcome
    loop, stop, bound = outcome
    try:
        yield f"http://{LOCALHOST}:{bound}/v1"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=start_timeout_s)
