"""What a client tells between the tries of one request, and asks: whether it may still go out.

A context variable, because a client may be anybody's and ``complete`` takes a body only. A client that looks here sends
nothing after a stop or a lost lease, whatever it was waiting for, and nothing that was not written down before; one
that does not is waited for, and what it lost is not known.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Sending:
    """One worker's request.

    Attributes:
        before_try: called before every try; each raises where nothing may go out any more.
        write_down: returns once it is durable that the request goes out; called before every try.
        queued: the request waits for its turn, or between two tries: giving it up loses nothing.
        tries: tries that went out.
        lost: of these, those whose answer never came.
    """

    before_try: list[Callable[[], None]] = field(default_factory=list)
    write_down: Callable[[], Awaitable[None]] | None = None
    queued: bool = False
    tries: int = 0
    lost: int = 0

    def begin(self, write_down: Callable[[], Awaitable[None]]) -> None:
        """Another request of the same worker."""
        self.write_down, self.tries, self.lost = write_down, 0, 0

    async def go(self) -> None:
        """Awaited right before a try goes out."""
        self._check()
        if self.write_down is not None:
            await self.write_down()
            self._check()  # a stop meanwhile
        self.tries += 1
        self.queued = False

    def _check(self) -> None:
        for check in self.before_try:
            check()


SENDING: ContextVar[Sending | None] = ContextVar("sending", default=None)
