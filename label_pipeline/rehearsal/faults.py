"""Troubles a test can order from the provider, in order. Off unless a script is passed."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class RateLimited:
    """429 with a Retry-After header, in seconds (None leaves the header out)."""

    retry_after_s: float | None = 0.05


@dataclass(frozen=True)
class ServerError:
    """A 5xx answer."""

    status: int = 500


@dataclass(frozen=True)
class DroppedConnection:
    """The connection closes without an answer; with ``after_work`` the reply was already computed and counted."""

    after_work: bool = False


@dataclass(frozen=True)
class SlowReply:
    """The ordinary reply, this many seconds late."""

    seconds: float


@dataclass(frozen=True)
class ServedAs:
    """The ordinary reply, reported as another model's."""

    model: str


@dataclass(frozen=True)
class ChangedFingerprint:
    """The ordinary reply under another system_fingerprint."""

    fingerprint: str


Fault = RateLimited | ServerError | DroppedConnection | SlowReply | ServedAs | ChangedFingerprint


class ScriptedFaults:
    """One entry per chat completion request, in order of arrival; None is an ordinary reply.

    Args:
        script: the first entries.
        then: every later entry (default: ordinary replies); ``ScriptedFaults([None] * 40, then=ServerError())`` goes
            down for good after 40.
    """

    def __init__(self, script: Iterable[Fault | None], then: Fault | None = None) -> None:
        self._left = deque(script)
        self._then = then

    def next(self) -> Fault | None:
        """The entry for the request that has just arrived."""
        return self._left.popleft() if self._left else self._then
