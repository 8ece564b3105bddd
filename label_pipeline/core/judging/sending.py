"""What a client must know between the tries of one request: whether it may still go out.

A context variable, because a client may be anybody's and ``complete`` takes a body only. A client that looks here sends
nothing after a stop or a lost lease, whatever it was waiting for; one that does not is waited for.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Sending:
    """One worker's request.

    Attributes:
        before_try: called before every try; each raises where nothing may go out any more.
        queued: the request waits for its turn, or between two tries: giving it up loses nothing.
    """

    before_try: list[Callable[[], None]] = field(default_factory=list)
    queued: bool = False

    def go(self) -> None:
        """Called right before a try goes out."""
        for check in self.before_try:
            check()
        self.queued = False


SENDING: ContextVar[Sending | None] = ContextVar("sending", default=None)
