"""Receipts: what a request is for and may cost, written down before it goes out, and what became of it.

Money is recorded when it is spent, not inferred from rows later. A receipt is open from before the first try until it
has its reply, or there is none; a run that was killed leaves open ones, which *may* have been paid. Keep out: where
they are kept (adapters/journal.py) and what they are booked as (operations/payments.py).
"""

import json
from dataclasses import dataclass
from datetime import date, datetime

from label_pipeline.core.codes.purposes import Purpose
from label_pipeline.core.judging.asks import Ask
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.sending import Sending
from label_pipeline.core.ports import Intent, Journal, Reply


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request, with what became of it.

    Attributes:
        intent: what it was for.
        reply: the durable reply; None where there was none, or another model's has replaced it since.
        answered: whether a reply came.
        accepted: whether its model is one whose replies count.
        input_tokens: tokens of the reply.
        cached_tokens: of the input tokens, served from cache.
        output_tokens: tokens of the reply.
        cost_usd: US dollars paid.
        lost: tries whose answer never came.
        ended_at: when the reply was durable, else when the request was written down.
    """

    intent: Intent
    reply: Reply | None
    answered: bool
    accepted: bool
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float
    lost: int
    ended_at: datetime

    @property
    def possibly_usd(self) -> float:
        """US dollars the tries without an answer may have cost at most."""
        return self.lost * self.intent.greatest_usd


@dataclass
class OpenReceipt:
    """The receipt of one request, written down before its first try; none where the client does not tell its tries."""

    journal: Journal
    intent: Intent
    number: int | None = None

    async def write_down(self, lost: int) -> None:
        """Returns once the request is written down; of a further try, notes what was lost before it."""
        if self.number is None:
            self.number = await self.journal.intend(self.intent)
        else:
            self.journal.settle(self.number, lost, ended=False)

    def close(self, sending: Sending) -> None:
        """There is no reply, and none will come. What was written down and then stopped was no request."""
        if self.number is None:
            return
        if sending.tries:
            self.journal.settle(self.number, sending.lost, ended=True)
        else:
            self.journal.withdraw(self.number)


def intent_to_send(
    order: JudgingOrder, ask: Ask, request_key: str, attempt: int, run_id: str, greatest_usd: float
) -> Intent:
    """What is written down of one request of ``order``."""
    pair, member = order.pairs[ask.rows[0]], order.member
    return Intent(
        request_key, run_id, order.purpose, order.epoch, member.name, member.member_hash, ask.sample_index, attempt,
        pair[:6], pair.customer, order.day, greatest_usd,
    )  # fmt: skip


def about(intent: Intent) -> str:
    """What is not a column of its own, as JSON; ``intent_of`` reads it."""
    day = intent.day.isoformat() if intent.day else None
    asked = [intent.epoch, intent.member, intent.member_hash, intent.sample_index, intent.attempt]
    return json.dumps([*asked, list(intent.pair), intent.customer, day], separators=(",", ":"))


def intent_of(request_key: str, run_id: str, purpose: Purpose, told: str, greatest_usd: float) -> Intent:
    """The intent that ``told`` was written of."""
    epoch, member, member_hash, sample_index, attempt, pair, customer, day = json.loads(told)
    on = date.fromisoformat(day) if day else None
    return Intent(
        request_key, run_id, purpose, epoch, member, member_hash, sample_index, attempt, tuple(pair), customer, on,
        greatest_usd,
    )  # fmt: skip
