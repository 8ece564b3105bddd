"""The tokens of one reply, from whatever an endpoint calls `usage`: finite whole numbers, or our own estimate. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from label_pipeline.core.judging.plan import MESSAGE_TOKENS, REASONING_TOKENS, estimate_tokens

MAX_TOKENS = 10**8
"""More is no count of one request's tokens."""

BYTES_A_TOKEN_AT_MOST = 16
"""UTF-8 bytes no tokeniser puts into a token on average: a count below this is no count of the text that was sent."""


class TokenCounts(NamedTuple):
    """Tokens of one reply; cached ones are part of the input.

    ``estimated``: some count was absent or impossible, and is our estimate, on the high side.
    """

    input_tokens: int
    cached_tokens: int
    output_tokens: int
    estimated: bool


def usage_of(found: Mapping[str, object], sent: str, received: str, effort: str = "") -> TokenCounts:
    """Reads the counts of ``found``.

    Output is the larger of what was completed and total minus prompt: xAI and Gemini leave reasoning out of
    `completion_tokens`. A cached count above the input, or below 0, is no discount.

    Args:
        found: the object `usage` of an answer; empty where there is none.
        sent: every text of the request.
        received: the text of the reply.
        effort: the request's ``reasoning_effort``: hidden tokens that an absent count leaves out.
    """
    prompt, completion = _count(found.get("prompt_tokens")), _count(found.get("completion_tokens"))
    total = _count(found.get("total_tokens"))
    if is_short(found, sent):
        prompt = None
    input_tokens = MESSAGE_TOKENS + estimate_tokens(sent) if prompt is None else prompt
    written = completion
    if prompt is not None and total is not None and total >= prompt:
        written = max(total - prompt, completion or 0)
    if written is not None and written < _at_least(received):
        written = None
    thought = REASONING_TOKENS.get(effort, 0)
    output_tokens = estimate_tokens(received) + thought if written is None else written
    details = found.get("prompt_tokens_details")
    named = details.get("cached_tokens") if isinstance(details, Mapping) else None
    cached = _count(named if named is not None else found.get("prompt_cache_hit_tokens"))  # DeepSeek's name
    return TokenCounts(
        input_tokens,
        cached if prompt is not None and cached is not None and cached <= prompt else 0,
        output_tokens,
        prompt is None or written is None,
    )


def is_short(found: Mapping[str, object], sent: str) -> bool:
    """Whether the input is counted as fewer tokens than the text that was sent can have: some of it was cut away."""
    prompt = _count(found.get("prompt_tokens"))
    return prompt is not None and prompt < _at_least(sent)


def _at_least(text: str) -> int:
    return len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN_AT_MOST


def _count(value: object) -> int | None:
    """A whole number of tokens, also as a float without a fraction; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_TOKENS:  # nan is not
        return None
    return int(value) if value == int(value) else None
