"""The requests of an order that are to be sent by batch, each as one line of a file.

Keep out: how many fit into a file (cutting.py).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from label_pipeline.core import boundary
from label_pipeline.core.codes.outcomes import UNREADABLE
from label_pipeline.core.judging.asks import Prepared, distinct_asks, prepare
from label_pipeline.core.judging.batches.record import CHAT, WINDOW, BatchTerms
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import effort_of, most_reply_tokens, request_tokens
from label_pipeline.core.judging.receipts import intent_to_send
from label_pipeline.core.judging.reply import read_reply
from label_pipeline.core.judging.request_key import content_hash
from label_pipeline.core.ports import Intent, Journal, Price


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a batch.

    Attributes:
        intent: what it is for, and the most it may cost, at the price of a batch.
        body: the exact body, the same as online.
        tokens: input tokens, on the high side: what it takes of the provider's queue.
    """

    intent: Intent
    body: Mapping[str, object]
    tokens: int

    @property
    def key(self) -> str:
        """The request key (64 hex digits): its ``custom_id``. The strictest provider takes 64 characters."""
        return self.intent.request_key

    @property
    def sent_bytes(self) -> int:
        """UTF-8 bytes of the messages' texts: what token counts of the reply are checked against, without the texts."""
        messages = self.body["messages"]
        assert isinstance(messages, list)  # made by Member.body
        return len("\n".join(str(message["content"]) for message in messages).encode("utf-8", "replace"))

    def line(self) -> bytes:
        """The line of the input file, its line feed included. Texts stand there escaped: no character can break it."""
        line = {"custom_id": self.key, "method": "POST", "url": CHAT, "body": self.body}
        return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def requests_of(order: JudgingOrder, journal: Journal, run_id: str, price: Price) -> list[BatchRequest]:
    """What ``judge_pairs`` would send for the same order, in its order, each once.

    Args:
        order: what is asked of whom; every request key holds its epoch.
        journal: replies already paid for; one that cannot be read is asked again, as often as the judge may be.
        run_id: the run that submits, and pays.
        price: of a batch (pricing.py).

    Raises:
        ValueError: customer text for an endpoint outside the boundary.
    """
    member = order.member
    boundary.refuse_exposed(order.pairs, member.endpoint, inside=member.inside)
    asks, longest = distinct_asks(order), most_reply_tokens(member)
    open_asks: Sequence[int] = range(len(asks))
    found: dict[int, BatchRequest] = {}
    for attempt in range(member.attempts):
        unreadable = []
        for prepared in prepare(open_asks, asks, order, journal, attempt):
            if prepared.reply is None or not order.accepts(prepared.reply.model):
                tokens = request_tokens(prepared)
                greatest = price.cost_usd(tokens, 0, longest)
                intent = intent_to_send(order, asks[prepared.number], prepared.key, attempt, run_id, greatest)
                found[prepared.number] = BatchRequest(intent, prepared.body, tokens)
            elif _unreadable(prepared, order):
                unreadable.append(prepared.number)
        open_asks = unreadable
    return [found[number] for number in sorted(found)]


def _unreadable(prepared: Prepared, order: JudgingOrder) -> bool:
    return prepared.reply is not None and read_reply(prepared.reply, order.member.scale).outcome in UNREADABLE


def terms_of(order: JudgingOrder, account: str, run_id: str, price: Price) -> BatchTerms:
    """What a batch of ``order`` is submitted under.

    Args:
        order: what is asked of whom.
        account: whose key sends it (``BatchClient.account``).
        run_id: the run that submits.
        price: of a batch.
    """
    member = order.member
    effort = str(effort_of(member.parameters))
    fields = (*member.parameters, "model", "messages", "response_format", "logprobs", "top_logprobs", "seed")
    return BatchTerms(
        account=account, endpoint=member.endpoint, model=member.model, served_as=member.served_as, served=order.served,
        price=price, effort=effort, fields=tuple(dict.fromkeys(fields)), run_id=run_id, purpose=order.purpose,
        epoch=order.epoch, member=member.name, member_hash=member.member_hash, day=order.day,
    )  # fmt: skip


def request_set_hash(keys: Iterable[str], terms: BatchTerms) -> str:
    """Sha256 (64 hex digits) over the requests, in any order, and whom they go to: account, address, model, window."""
    return content_hash([sorted(keys), terms.account, CHAT, terms.model, WINDOW])
