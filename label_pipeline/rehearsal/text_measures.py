"""What a careless reader is swayed by, measured in the received text: length, shared words, stuffing, instructions."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

TYPICAL_WORDS, LENGTH_SPREAD = 60, 0.6
"""Median length of the sample documents, and the standard deviation of its logarithm."""
TYPICAL_OVERLAP = 0.4
STUFFED_FROM, STUFFED_TO = 0.20, 0.50
"""Share of a text that are the query's own words: ordinary up to the first, stuffed from the second."""

_INSTRUCTIONS = re.compile(
    r"(ignore|disregard|forget)\b.{0,30}\b(instruction|rubric|above|previous|everything)"
    r"|(must|should|please|always)\b.{0,40}\b(highest|top|best|maximum|perfect)\b.{0,12}\b(grade|score|rating|label)"
    r"|\b(highest|top|maximum|perfect|best) (grade|score|rating)\b"
    r"|(ignoriere|vergiss)\b.{0,40}\b(anweisung|anleitung|alles|vorherige)"
    r"|\b(höchste|beste|volle) (note|punktzahl|bewertung)"
    r"|\b(grade|score|rating)\s*[:=]\s*\d"
    r"|\bsystem\s*:\s",
    re.IGNORECASE | re.DOTALL,
)


class Measures(NamedTuple):
    """Attributes of one received pair.

    Attributes:
        length: log word count in standard deviations from the typical document, in [-2, 2].
        overlap: share of the query's distinct words found, minus the typical share.
        stuffing: 0 (ordinary) to 1 (half of the text is the query's words).
        injected: 1.0 when the text gives the judge instructions, else 0.0.
    """

    length: float
    overlap: float
    stuffing: float
    injected: float


def measure(query: Sequence[str], document: Sequence[str], text: str) -> Measures:
    """Measures what a careless judge may give in to, in one pair.

    Args:
        query: the query's words.
        document: the received document's words.
        text: the same document as received.
    """
    asked = set(query)
    present = asked.intersection(document)
    # Short words ("in", "für") are everywhere; repeating them is not stuffing.
    telling = {word for word in asked if len(word) > 3}
    repeated = sum(word in telling for word in document) / max(len(document), 1)
    return Measures(
        length=max(-2.0, min(2.0, math.log(max(len(document), 1) / TYPICAL_WORDS) / LENGTH_SPREAD)),
        overlap=len(present) / max(len(asked), 1) - TYPICAL_OVERLAP,
        stuffing=max(0.0, min(1.0, (repeated - STUFFED_FROM) / (STUFFED_TO - STUFFED_FROM))),
        injected=float(_INSTRUCTIONS.search(text) is not None),
    )
