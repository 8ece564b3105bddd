"""How one batch stands, as it is written down: for the run that goes on from it, and as a sentence for people."""

from collections import Counter
from dataclasses import dataclass

from label_pipeline.core.judging.batches.matching import AGAIN, EVERYONE, TEXT
from label_pipeline.core.judging.batches.ports import BatchBook
from label_pipeline.core.judging.batches.record import DISSOLVED, QUARANTINED, BatchRecord


@dataclass(frozen=True)
class BatchNews:
    """How one batch stands after a look at it.

    Attributes:
        batch: what is written down of it; ``batch.terms`` says what it was submitted under, its epoch among it.
        total: its requests.
        waiting: of these, those that have not ended.
        answered: those with a reply, kept and booked.
        other_model: of these, replies of a model that does not count: no grade may rest on them.
        again: request keys that may be sent again.
        refused: request keys whose text the provider refuses: asked online once, the engine says what that means.
        stopped: request keys refused in words that concern every request: do not send again before somebody looked.
        codes: requests without a reply, by code.
        told: odd lines of the output, by what they are: ``unknown``, ``duplicate``, ``differing``, ``unreadable``.
        cost_usd: US dollars paid for it.
        possibly_usd: US dollars possibly paid beside them.
        sentence: for people.
    """

    batch: BatchRecord
    total: int
    waiting: int
    answered: int
    other_model: int
    again: tuple[str, ...]
    refused: tuple[str, ...]
    stopped: tuple[str, ...]
    codes: dict[str, int]
    told: dict[str, int]
    cost_usd: float
    possibly_usd: float
    sentence: str


def news_of(batch: BatchRecord, book: BatchBook) -> BatchNews:
    """How one batch stands, as it is written down."""
    progress = book.progress(batch.reservation)
    by_kind: dict[str, list[str]] = {AGAIN: [], TEXT: [], EVERYONE: []}
    for key, why in progress.unanswered.items():
        by_kind[why.kind].append(key)
    codes = Counter(why.code for why in progress.unanswered.values())
    return BatchNews(
        batch=batch,
        total=0 if batch.state == DISSOLVED else batch.requests,
        waiting=progress.waiting,
        answered=progress.answered,
        other_model=progress.other_model,
        again=tuple(by_kind[AGAIN]),
        refused=tuple(by_kind[TEXT]),
        stopped=tuple(by_kind[EVERYONE]),
        codes=dict(codes),
        told=dict(batch.told or {}),
        cost_usd=progress.cost_usd,
        possibly_usd=progress.possibly_usd,
        sentence=_sentence(batch, progress.waiting, progress.answered, codes),
    )


def _sentence(batch: BatchRecord, waiting: int, answered: int, codes: Counter[str]) -> str:
    named = batch.batch_id or batch.reservation
    if batch.state == QUARANTINED:
        return f"batch {named} is in quarantine ({batch.code}): its {waiting} requests wait until it is released"
    if waiting:
        return f"batch {named} ({batch.status or batch.state}): waiting, {batch.requests - waiting} of {batch.requests}"
    if not answered and not codes:
        return f"batch {named} was never created; its {batch.requests} requests are free to be sent"
    others = ", ".join(f"{count} {code}" for code, count in sorted(codes.items()))
    odd = ", ".join(f"{count} lines {what}" for what, count in sorted((batch.told or {}).items()) if count)
    said = f"batch {named} ({batch.status}): {answered} of {batch.requests} answered"
    return said + (f"; without a reply: {others}" if others else "") + (f"; {odd}" if odd else "")
