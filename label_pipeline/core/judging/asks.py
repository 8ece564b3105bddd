"""The distinct requests behind a list of pairs, and what the journal already knows about them.

One ask is one vote on one distinct text pair: pairs under different keys that show the judge the same texts share it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.request_key import draw, request_key
from label_pipeline.core.ports import Journal, Reply

CHUNK = 256
"""Asks prepared at a time: their bodies are in memory together, and the event loop waits meanwhile (about 20 ms)."""


class Ask(NamedTuple):
    """One vote on one distinct text pair.

    Attributes:
        rows: places in the list of pairs that share the answer, ascending.
        sample_index: vote number, from 0.
    """

    rows: tuple[int, ...]
    sample_index: int


class Prepared(NamedTuple):
    """One ask with its exact request and, where the journal has it, the reply."""

    number: int
    key: str
    body: dict[str, object]
    reply: Reply | None


def distinct_asks(order: JudgingOrder) -> list[Ask]:
    """Every ask, in order of first appearance, all votes of a pair together."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row, pair in enumerate(order.pairs):
        groups.setdefault(order.member.texts(pair), []).append(row)
    return [Ask(tuple(rows), vote) for rows in groups.values() for vote in range(order.member.votes)]


def prepare(
    numbers: Sequence[int], asks: Sequence[Ask], order: JudgingOrder, journal: Journal, attempt: int = 0
) -> Iterator[Prepared]:
    """Renders asks chunk by chunk and looks them up in the journal.

    Args:
        numbers: which asks, as places in ``asks``.
        asks: every ask of the order.
        order: who is asked, about what, in which epoch.
        journal: replies already paid for.
        attempt: reading attempt, from 0.
    """
    for start in range(0, len(numbers), CHUNK):
        chunk = []
        for number in numbers[start : start + CHUNK]:
            ask = asks[number]
            body = order.member.body(order.pairs[ask.rows[0]], ask.sample_index, attempt)
            key = request_key(order.member.endpoint, body, draw(ask.sample_index, attempt), order.epoch)
            chunk.append((number, key, body))
        known = journal.lookup([key for _, key, _ in chunk])
        for number, key, body in chunk:
            yield Prepared(number, key, body, known.get(key))
