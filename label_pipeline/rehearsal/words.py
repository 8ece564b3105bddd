"""How the rehearsal cuts text into words, and words into hashed shingles."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[^\W_]+")
_ODD_1, _ODD_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
SHINGLE_WORDS = 3


def words(text: str) -> list[str]:
    """Lower-case runs of letters and digits."""
    return _WORD.findall(text.lower())


def shingles(tokens: Sequence[str], *, padded: bool = False) -> NDArray[np.uint64]:
    """Distinct hashed runs of three words, the same in every process.

    Args:
        tokens: words in order.
        padded: count the edges as two empty words each, so that even a one-word text has shingles (for queries).

    Returns:
        Sorted hashes, shape (n distinct shingles,); empty when there are fewer than three words.
    """
    edge = [""] * (SHINGLE_WORDS - 1) if padded and tokens else []
    codes = np.array([zlib.crc32(word.encode()) for word in [*edge, *tokens, *edge]], dtype=np.uint64)
    if codes.size < SHINGLE_WORDS:
        return np.zeros(0, dtype=np.uint64)
    return np.unique((codes[:-2] * _ODD_1 + codes[1:-1]) * _ODD_2 + codes[2:])
