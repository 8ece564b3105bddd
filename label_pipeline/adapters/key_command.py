"""A key that a program prints and that lives an hour, as the command lines of clouds give: `key_command`.

The program runs without a shell, once for however many requests wait for it. Neither what it prints nor its arguments
are in any message. Keep out: how a key is sent (openai_access.py).
"""

import asyncio
import hashlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from label_pipeline.core.errors import ProviderRejectedError

WITHIN_S = 60.0
"""Seconds the program has: those of the clouds ask a server."""

Runner = Callable[[Sequence[str]], str]
"""Runs a program and returns what it printed."""


def run_program(command: Sequence[str]) -> str:
    """What ``command`` prints.

    Raises:
        OSError: it cannot be started.
        subprocess.SubprocessError: it failed, or took too long.
        UnicodeDecodeError: it printed no text.
    """
    done = subprocess.run(list(command), stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=WITHIN_S)
    return done.stdout.decode()


class KeyCommand:
    """A ``KeySource`` (openai_access.py).

    Args:
        command: program and arguments.
        age_s: seconds a key is used before it is printed anew.
        run: runs the program.
        clock: monotonic seconds.
    """

    def __init__(
        self, command: Sequence[str], age_s: float, *, run: Runner = run_program,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._command, self._age_s, self._run, self._clock = tuple(command), age_s, run, clock
        self._lock = threading.Lock()  # clients of several event loops share it
        self._key, self._since = "", 0.0
        self._seen: list[str] = []

    def __repr__(self) -> str:
        return f"KeyCommand({self._command[0]!r})"

    @property
    def owner(self) -> str:
        """A hash of the command: the key changes, whose it is does not."""
        return hashlib.sha256("\0".join(self._command).encode()).hexdigest()

    async def key(self) -> str:
        """The key, printed anew where it is older than it may be.

        Raises:
            ProviderRejectedError: the program gives none.
        """
        if self._fresh():
            return self._key
        return await asyncio.to_thread(self._printed, None)

    async def renewed(self, refused: str) -> bool:
        """Whether there is another key than ``refused``; the program is asked unless somebody else did before.

        Raises:
            ProviderRejectedError: the program gives none.
        """
        return await asyncio.to_thread(self._printed, refused) != refused

    def seen(self) -> Iterable[str]:
        """The keys it gave last."""
        return tuple(self._seen)

    def _fresh(self) -> bool:
        return bool(self._key) and self._clock() - self._since < self._age_s

    def _printed(self, refused: str | None) -> str:
        with self._lock:
            if self._fresh() and self._key != refused:
                return self._key
            self._key = self._asked()
            self._since = self._clock()
            self._seen = [*self._seen[-1:], self._key]
            return self._key

    def _asked(self) -> str:
        program = self._command[0]
        advice = "; run it by hand to see why, and correct key_command"
        try:
            key = self._run(self._command).strip()
        except subprocess.CalledProcessError as error:
            told = f"key_command {program} ended with status {error.returncode}"
            raise ProviderRejectedError(
                told + advice, account=True, bare=told + advice
            ) from None  # it may hold the key
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
            told = f"key_command {program} gave no key ({type(error).__name__})"
            raise ProviderRejectedError(told + advice, account=True, bare=told + advice) from None
        if not key or not key.isascii() or not key.isprintable():
            told = f"key_command {program} printed no key: expected one line of plain characters"
            raise ProviderRejectedError(told + advice, account=True, bare=told + advice)
        return key
