"""What a member's own replies say about the next ones: tokens beside what was planned for the same requests. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.judging.asks import Prepared
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.plan import STANDARD_ERRORS, Measured, request_tokens
from label_pipeline.core.ports import PairText

MIN_REPLIES = 20
"""Fewer say too little of how long replies are."""

MOST_REPLIES = 500
"""More say nothing new: the mean of so many is within a few percent."""


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
    factor, of_input = _ratio(sent, planned)
    length, of_output = _ratio(written, requests)
    return Measured(
        replies=len(known),
        input_factor=factor,
        input_spread=of_input,
        cached_share=float(min(1.0, cached.sum() / sent.sum())),
        output_tokens=length,
        output_spread=of_output,
        requests=float(requests.mean() + STANDARD_ERRORS * requests.std() / np.sqrt(len(known))),
    )


def _planned(member: Member, pair: PairText) -> int:
    return request_tokens(Prepared(0, "", member.body(pair, 0, 0), None))


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> tuple[float, float]:
    """Sum through sum, and one observation's deviation from it, in shares of the mean (Cochran, 6.4)."""
    ratio = above.sum() / below.sum()
    spread = float(np.std(above - ratio * below) / above.mean()) if above.sum() else 0.0
    return float(ratio), spread
