"""What a member's own replies say about the next ones: tokens beside what was planned for the same requests. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.judging.asks import Prepared
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.plan import Measured, request_tokens
from label_pipeline.core.ports import PairText

MIN_REPLIES = 20
"""Fewer say too little of how long replies are."""

MOST_REPLIES = 500
"""More say nothing new: the mean of so many is within a few percent."""

STANDARD_ERRORS = 2.0
"""How far above the mean a plan is, so that a bill is rarely above it."""


@dataclass(frozen=True)
class Vote:
    """One vote that was answered: the pair's texts, and what it took over all its reading attempts."""

    pair: PairText
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    requests: int


def measure(member: Member, votes: Sequence[Vote]) -> Measured | None:
    """What ``votes`` of ``member`` say; None where there are too few, or the provider counted no tokens."""
    known = [vote for vote in votes if vote.input_tokens > 0]
    if len(known) < MIN_REPLIES:
        return None
    planned = np.array([vote.requests * _planned(member, vote.pair) for vote in known], dtype=float)
    given = np.array([(v.input_tokens, v.cached_tokens, v.output_tokens, v.requests) for v in known], dtype=float)
    sent, cached, written, requests = given.T
    return Measured(
        replies=len(known),
        input_factor=_high_ratio(sent, planned),
        cached_share=float(min(1.0, cached.sum() / sent.sum())),
        output_tokens=_high_ratio(written, requests),
        requests=float(requests.mean()),
    )


def _planned(member: Member, pair: PairText) -> int:
    return request_tokens(Prepared(0, "", member.body(pair, 0, 0), None))


def _high_ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """Sum through sum, so many standard errors of this ratio up (Cochran, Sampling Techniques, 6.4)."""
    ratio = above.sum() / below.sum()
    error = np.std(above - ratio * below) / (np.sqrt(len(above)) * below.mean())
    return float(ratio + STANDARD_ERRORS * error)
