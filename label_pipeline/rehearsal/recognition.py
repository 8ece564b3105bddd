"""Finds which text of the world a received text comes from, and how much of it is still there."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from label_pipeline.rehearsal.words import shingles


class SourceMatch(NamedTuple):
    """The source text a received text comes from.

    Attributes:
        row: which source.
        kept: share of the source's distinct word shingles found in the received text, in (0, 1].
    """

    row: int
    kept: float


class SourceIndex:
    """Inverted index from hashed word shingles to source texts.

    Args:
        sources: words of every source text.
        padded: see ``words.shingles``.
    """

    def __init__(self, sources: Sequence[Sequence[str]], *, padded: bool = False) -> None:
        found = [shingles(tokens, padded=padded) for tokens in sources]
        hashes = np.concatenate(found)
        rows = np.repeat(np.arange(len(found)), [each.size for each in found])
        order = np.argsort(hashes, kind="stable")
        self._keys, self._starts = np.unique(hashes[order], return_index=True)
        self._ends = np.append(self._starts[1:], hashes.size)
        self._rows = rows[order]
        self._sizes = np.array([each.size for each in found])
        self._lengths = np.array([len(tokens) for tokens in sources])
        self._padded = padded

    def best(self, tokens: Sequence[str]) -> SourceMatch | None:
        """The source sharing most shingles, on a tie the nearest in word count; None when no shingle is shared."""
        received = shingles(tokens, padded=self._padded)
        places = np.searchsorted(self._keys, received)
        inside = places < self._keys.size
        places = places[inside][self._keys[places[inside]] == received[inside]]
        if places.size == 0:
            return None
        postings = np.concatenate([self._rows[self._starts[place] : self._ends[place]] for place in places])
        shared = np.bincount(postings, minlength=self._sizes.size)
        tied = np.flatnonzero(shared == shared.max())
        row = int(tied[np.argmin(np.abs(self._lengths[tied] - len(tokens)))])
        return SourceMatch(row, float(shared[row] / self._sizes[row]))
