"""A lease: one machine at a time may spend, and one that died stops being the one.

An object in S3 names the holder; it is written only where none is, or over one that was not renewed in time, and
renewed by a thread. Times are S3's own clock, so clocks of machines may differ. A holder that could not renew in time
is told before its next request and stops, because another machine may have taken over; before it writes to a table it
renews, so that S3 and not a clock says whose turn it is. Between that answer and the write a machine may still be
halted: then both write, and tables keep both. Keep out: a lock on one machine (the file system has one, see
operations/spending.py).
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

from label_pipeline.adapters.s3 import ABSENT, Found, Objects
from label_pipeline.core.errors import BusyError, StorageError
from label_pipeline.core.judging.sending import SENDING
from label_pipeline.core.ports import ChatClient, Reply

RENEWALS = 3
"""Renewals within the time a lease lasts: two may be lost."""

CLOCK_GRAIN_S = 2.0
"""S3 tells the time in whole seconds, twice: an age may look so much older than it is."""

TRIES = 3
"""Attempts to take a lease that others let go or take at the same moment."""

NO_ETAG = '"00000000000000000000000000000000"'
"""An ETag that no content has: a write that asks for it always fails."""


def awake_and_asleep() -> float:
    """Seconds that never go back and go on while the machine is suspended; ``time.monotonic`` stands still then."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Lease:
    """The right to spend, for a project whose state is on S3.

    Args:
        objects: S3.
        url: the object.
        owner: who asks, as others are told: process, machine, since when.
        lasts_s: seconds it lasts without renewal.
        monotonic: seconds that never go back, those of a suspended machine too.
    """

    def __init__(
        self,
        objects: Objects,
        url: str,
        owner: str,
        *,
        lasts_s: float,
        monotonic: Callable[[], float] = awake_and_asleep,
    ) -> None:
        self._objects, self._url, self._owner, self._lasts_s = objects, url, owner, lasts_s
        self._monotonic = monotonic
        self._token = ""
        self._one_at_a_time = threading.Lock()
        self._etag: str | None = None
        self._until = float("-inf")

    @contextmanager
    def held(self) -> Iterator[str | None]:
        """Holds the lease while the block runs; yields a sentence where it was taken over from a machine that died.

        Raises:
            BusyError: another machine or process holds it.
            StorageError: S3 cannot be reached or says no.
        """
        before = self._take()
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew_until, args=(ended,), name="lease", daemon=True)
        try:
            self._refuse_unconditional()
            renewing.start()
            yield before
        finally:
            ended.set()
            if renewing.ident is not None:
                renewing.join()
            self._release()

    def check(self) -> None:
        """Returns while the lease is surely held.

        Raises:
            StorageError: it was not renewed in time.
        """
        if self._monotonic() >= self._until:
            raise StorageError(
                f"the spending lease {self._url} could not be renewed within {self._lasts_s:g} s, so another machine "
                "may be asking by now: stopped before anything is paid twice. Every reply so far is kept; see whether "
                "S3 can be reached, then run again"
            )

    def confirm(self) -> None:
        """Returns when S3 itself says that the lease is held: it is renewed now.

        Raises:
            StorageError: another machine has it, or S3 cannot be reached.
        """
        self._renew()
        if self._until == float("-inf"):
            raise StorageError(
                f"the spending lease {self._url} is another machine's: this one was halted, or cut off from S3, for "
                f"more than {self._lasts_s:g} s. Nothing more was written; every reply so far is kept. Run again when "
                "the other one has ended"
            )

    def _take(self) -> str | None:
        self._token = uuid.uuid4().hex  # of this taking: what an earlier one left behind is not ours any more
        for _ in range(TRIES):
            found = self._objects.read(self._url)
            if found is None:
                if self._written(over=ABSENT):
                    return None
                continue
            if self._is_ours(found):
                return None
            holder = _holder(found.data)
            left_s = holder.lasts_s + CLOCK_GRAIN_S - found.age_s
            if not holder.released and left_s > 0:
                raise BusyError(
                    f"{holder.owner} holds the spending lease {self._url}, renewed {max(found.age_s, 0):.0f} s ago; "
                    f"two at once would pay twice: wait for it to end (if it died, {left_s:.0f} s more), then run this "
                    "one again"
                )
            if self._written(over=found.etag):
                silent = f"took over the spending lease of {holder.owner}, silent for {found.age_s:.0f} s"
                return None if holder.released else silent
        raise BusyError(f"several runs want the spending lease {self._url} at this moment; run this one again")

    def _refuse_unconditional(self) -> None:
        """A server that ignores conditions would give the lease to everyone: it must refuse to write over this one."""
        for header, condition in (("If-None-Match", ABSENT), ("If-Match", NO_ETAG)):
            etag = self._objects.write(self._url, self._content(), only_over=condition)
            if etag is not None:
                self._etag = etag
                raise StorageError(
                    f"{self._url} was written over although that was forbidden: this server ignores {header}, and two "
                    "machines could pay twice; expected one that knows conditional writes, as Amazon's S3 does"
                )

    def _written(self, *, over: str) -> bool:
        asked_at = self._monotonic()
        etag = self._objects.write(self._url, self._content(), only_over=over)
        if etag is None:
            return False
        self._etag, self._until = etag, asked_at + self._lasts_s
        return True

    def _is_ours(self, found: Found) -> bool:
        """Whether it is this lease's own write, whose answer was lost on the way; it counts from then on."""
        if _holder(found.data).token != self._token:
            return False
        self._etag, self._until = found.etag, self._monotonic() - found.age_s - CLOCK_GRAIN_S + self._lasts_s
        return True

    def _content(self, *, released: bool = False) -> bytes:
        told = {"owner": self._owner, "token": self._token, "lasts_s": self._lasts_s, "released": released}
        # the ETag is a hash of the content, and every renewal must get another one
        return json.dumps({**told, "renewal": uuid.uuid4().hex}).encode()

    def _renew_until(self, ended: threading.Event) -> None:
        while not ended.wait(self._lasts_s / RENEWALS):
            with suppress(StorageError):  # the next renewal may get through; `check` counts the time
                self._renew()

    def _renew(self) -> None:
        with self._one_at_a_time:
            assert self._etag is not None
            if self._written(over=self._etag):
                return
            found = self._objects.read(self._url)
            if found is None or not self._is_ours(found):
                self._until = float("-inf")  # another one has it

    def _release(self) -> None:
        """Marks the lease free instead of deleting it: no permission to delete is needed, and a late mark harms none.

        Where S3 cannot be reached the lease simply ends by itself.
        """
        if self._etag is not None:
            with suppress(StorageError):
                self._objects.write(self._url, self._content(released=True), only_over=self._etag)
        self._etag, self._until = None, float("-inf")


HELD: ContextVar[Lease | None] = ContextVar("spending lease", default=None)
"""The lease under which whatever runs now spends and writes; None on a folder, whose lock ends with its process."""


def confirm_held() -> None:
    """Returns when whatever runs now may write: it holds no lease, or S3 says that it holds it still.

    Raises:
        StorageError: another machine has the lease, or S3 cannot be reached.
    """
    lease = HELD.get()
    if lease is not None:
        lease.confirm()


@dataclass(frozen=True)
class LeasedClient:
    """A ``ChatClient`` that sends nothing once the lease may be another machine's."""

    client: ChatClient
    lease: Lease

    async def complete(self, body: Mapping[str, object]) -> Reply:
        """Sends one request after a look at the lease; the client looks again before every try."""
        sending = SENDING.get()
        if sending is not None and self.lease.check not in sending.before_try:
            sending.before_try.append(self.lease.check)
        self.lease.check()
        return await self.client.complete(body)

    async def models(self) -> tuple[str, ...]:
        """The ids the endpoint lists; free, so it needs no lease."""
        return await self.client.models()

    async def close(self) -> None:
        """Closes the client."""
        await self.client.close()


class _Holder(NamedTuple):
    """What the object says; the defaults are those of an object nobody can read, which nobody renews either."""

    owner: str = "another run"
    token: str = ""
    lasts_s: float = 0.0
    released: bool = False


def _holder(data: bytes) -> _Holder:
    try:
        told = json.loads(data)
        return _Holder(str(told["owner"]), str(told["token"]), float(told["lasts_s"]), bool(told["released"]))
    except (ValueError, KeyError, TypeError):
        return _Holder()
