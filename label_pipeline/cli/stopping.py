"""Ctrl-C and SIGTERM during a run: both stop it the same way, and the exit code says which it was.

Dagster puts its own handlers in place while a step runs and reports an interrupt as one more failed step; the wakeup
pipe hears every signal whoever handles it.
"""

import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

Handler = Callable[[int, FrameType | None], object]


class Stopped(BaseException):
    """A run was stopped by a signal.

    Attributes:
        signum: the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Stop:
    """Knows whether a signal asked to stop."""

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver
        self._signum: int | None = None

    @property
    def signum(self) -> int | None:
        """The first signal that asked, None without one."""
        with suppress(BlockingIOError):
            for number in self._receiver.recv(64):
                if self._signum is None and number in SIGNALS:
                    self._signum = number
        return self._signum

    def check(self) -> None:
        """Raises KeyboardInterrupt when a signal asked to stop and whoever heard it swallowed that."""
        if self.signum is not None:
            raise KeyboardInterrupt


@contextmanager
def handling(handlers: Mapping[int, Handler]) -> Iterator[None]:
    """Handles signals so while the block runs. Main thread only."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """SIGTERM acts like Ctrl-C while the block runs. Main thread only.

    Raises:
        Stopped: the block was left because of one of them.
    """
    receiver, sender = socket.socketpair()
    # Dagster sets SIGTERM's handler to SIGINT's and leaves it so; here both are put back at the end
    with receiver, sender, handling(dict.fromkeys(SIGNALS, signal.default_int_handler)):
        receiver.setblocking(False)
        sender.setblocking(False)
        pipe = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        stop = Stop(receiver)
        try:
            yield stop
            stop.check()
        except KeyboardInterrupt as error:
            raise Stopped(stop.signum or signal.SIGINT) from error
        finally:
            signal.set_wakeup_fd(pipe)
