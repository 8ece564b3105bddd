"""What names one request: two with the same key are the same question, answered once and paid for once.

The key covers endpoint name, exact body, number of the draw and epoch; nothing else. Keep out: the body (member.py).
"""

import hashlib
import json
from collections.abc import Mapping

ATTEMPT_STEP = 1000
"""Draw number = sample_index + ATTEMPT_STEP * attempt, so votes and reading attempts never share a seed or a key."""


def draw(sample_index: int, attempt: int) -> int:
    """The number of one draw: distinct for every (vote, reading attempt) of a pair."""
    return sample_index + ATTEMPT_STEP * attempt


def request_key(endpoint: str, body: Mapping[str, object], sample_index: int, epoch: int) -> str:
    """Sha256 (64 hex digits) over endpoint name, exact body, sample index and epoch.

    The engine passes the draw number as ``sample_index``, so that a second reading attempt has a key of its own even
    where the body carries no seed.
    """
    return content_hash([endpoint, body, sample_index, epoch])


def content_hash(value: object) -> str:
    """Sha256 (64 hex digits) of a value as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} cannot be part of a request body: {value!r}")
