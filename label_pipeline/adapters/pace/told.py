"""Limits that an endpoint names in the headers of its replies: ``x-ratelimit-limit-requests`` and ``-tokens``.

OpenAI, Azure, Groq and the gateways that copy them send a limit, what remains of it and when it is whole again (a
duration such as ``6m0s`` or ``12ms``, or plain seconds). vLLM and llama.cpp send none. Azure sends ``-1`` where it has
no limit. A limit is by the minute unless it takes longer than that to be whole again: a daily one is no pace.

Keep out: what is done with a limit (adapters/limiter.py); the wait after a refusal (adapters/openai_refusals.py).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_MINUTE_S = 61.0
"""A minute, and a second for whoever rounds up."""


class Told(NamedTuple):
    """Limits of one reply; None where it names none.

    Attributes:
        requests_per_minute: requests.
        tokens_per_minute: tokens.
    """

    requests_per_minute: float | None
    tokens_per_minute: float | None


def told_limits(headers: Mapping[str, str]) -> Told:
    """What the headers of a reply say of the endpoint's limits."""
    return Told(_per_minute(headers, "requests"), _per_minute(headers, "tokens"))


def _per_minute(headers: Mapping[str, str], unit: str) -> float | None:
    limit = _number(headers.get(f"x-ratelimit-limit-{unit}", ""))
    if limit is None or limit <= 0:
        return None
    whole_s = duration_s(headers.get(f"x-ratelimit-reset-{unit}", ""))
    return limit if whole_s is None or whole_s <= _MINUTE_S else None


def duration_s(text: str) -> float | None:
    """Seconds of ``1h2m3.5s``, ``12ms`` or ``7``; None where it is none of these."""
    plain = _number(text)
    if plain is not None:
        return plain if plain >= 0 else None
    if not re.fullmatch(f"(?:{_PART.pattern})+", text.strip()):
        return None
    return sum(float(count) * _SECONDS[unit] for count, unit in _PART.findall(text))


def _number(text: str) -> float | None:
    try:
        return float(text) if text.strip().isascii() and abs(float(text)) < 1e15 else None
    except ValueError:
        return None
