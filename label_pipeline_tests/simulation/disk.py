"""A journal on a simulated disk: what was durable when its process died is there afterwards, and nothing else."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from label_pipeline.core.errors import TableError
from label_pipeline.core.judging.receipts import Receipt
from label_pipeline.core.ports import Intent, Paid, Reply

FLUSH_S = 0.004


class Disk:
    """What is durable: replies by key, and every receipt."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.intents: dict[int, Intent] = {}
        self.paid: dict[int, tuple[Paid, Reply]] = {}
        self.lost: dict[int, int] = {}
        self.ended: set[int] = set()
        self.numbered = 0

    @property
    def over(self) -> list[Intent]:
        """Requests whose receipts say that they went out and are over."""
        return [self.intents[number] for number in sorted(self.ended | self.paid.keys())]

    def receipts(self) -> list[Receipt]:
        """Every receipt; one that is open is of a process that died, and may have been paid."""
        found = []
        for number, intent in self.intents.items():
            paid, reply = self.paid.get(number, (None, None))
            open_still = paid is None and number not in self.ended
            lost = (paid.lost if paid else self.lost.get(number, 0)) + open_still
            found.append(
                Receipt(
                    intent, reply, paid is not None, paid.accepted if paid else False,
                    reply.input_tokens if reply else 0, reply.cached_tokens if reply else 0,
                    reply.output_tokens if reply else 0, paid.cost_usd if paid else 0.0, lost,
                    datetime(2026, 1, 1, tzinfo=UTC),
                )
            )  # fmt: skip
        return found


class SimulatedJournal:
    """One process's ``Journal`` over a disk.

    Args:
        disk: what outlives the process.
        rng: how long a flush takes.
        full_at: simulated seconds from which the disk is full.
    """

    def __init__(self, disk: Disk, rng: np.random.Generator, full_at: float | None) -> None:
        self._disk, self._rng, self._full_at = disk, rng, full_at
        self.dead = False

    def lookup(self, request_keys: Sequence[str]) -> dict[str, Reply]:
        """What is durable."""
        return {key: self._disk.replies[key] for key in request_keys if key in self._disk.replies}

    async def intend(self, intent: Intent) -> int:
        """As the journal's: durable before it returns, and closed where the caller gave up meanwhile."""
        self._refuse_full()
        number = self._disk.numbered = self._disk.numbered + 1
        self._disk.intents[number] = intent
        try:
            await self._flush()
        except asyncio.CancelledError:
            self.withdraw(number)
            raise
        return number

    async def remember(
        self, request_key: str, reply: Reply, receipt: int | None = None, paid: Paid | None = None
    ) -> None:
        """As the journal's: a cancelled call is written all the same, unless the process is dead by then."""
        self._refuse_full()
        await asyncio.shield(self._write(request_key, reply, receipt, paid))

    async def _write(self, request_key: str, reply: Reply, receipt: int | None, paid: Paid | None) -> None:
        await self._flush()
        if self.dead:
            return
        before = self._disk.replies.get(request_key)
        if before is None or before.model != reply.model:
            self._disk.replies[request_key] = reply
        if receipt is not None and paid is not None:
            self._disk.paid[receipt] = (paid, reply)

    def settle(self, receipt: int, lost: int, *, ended: bool) -> None:
        """As the journal's."""
        if self.dead:
            return
        self._disk.lost[receipt] = lost
        if ended:
            self._disk.ended.add(receipt)

    def withdraw(self, receipt: int) -> None:
        """As the journal's."""
        if not self.dead:
            self._disk.intents.pop(receipt, None)

    async def _flush(self) -> None:
        await asyncio.sleep(FLUSH_S * float(self._rng.uniform(0.5, 3.0)))

    def _refuse_full(self) -> None:
        if self._full_at is not None and asyncio.get_running_loop().time() >= self._full_at:
            raise TableError("journal cannot be written: no space left on device")
