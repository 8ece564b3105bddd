"""A small inverted index over the sample documents: BM25 and word coverage for every document at once.

The world needs it to draw realistic pools. Keep out: ranking features of the product (stages/rank).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class LexicalIndex:
    """Postings of ``documents`` (each a list of words).

    Args:
        documents: words of every document, in document order.
    """

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        rows: dict[str, list[int]] = {}
        counts: dict[str, list[int]] = {}
        for row, tokens in enumerate(documents):
            for word, count in Counter(tokens).items():
                rows.setdefault(word, []).append(row)
                counts.setdefault(word, []).append(count)
        self._rows = {word: np.array(found, dtype=np.int64) for word, found in rows.items()}
        self._counts = {word: np.array(found, dtype=np.float64) for word, found in counts.items()}
        self._lengths = np.array([len(tokens) for tokens in documents], dtype=np.float64)

    def bm25(self, query: Sequence[str], *, k1: float = 0.9, b: float = 0.4) -> NDArray[np.float64]:
        """Okapi BM25 with Lucene's idf = ln(1 + (N - n + .5) / (n + .5)).

        Returns:
            Scores, shape (documents,).
        """
        n = self._lengths.size
        dampening = k1 * (1 - b + b * self._lengths / self._lengths.mean())
        scores = np.zeros(n)
        for word in query:
            if word not in self._rows:
                continue
            rows, counts = self._rows[word], self._counts[word]
            idf = np.log1p((n - rows.size + 0.5) / (rows.size + 0.5))
            scores[rows] += idf * counts * (k1 + 1) / (counts + dampening[rows])
        return scores

    def coverage(self, query: Sequence[str]) -> NDArray[np.float64]:
        """Share of the query's distinct words each document contains, shape (documents,); 0 for an empty query."""
        distinct = set(query)
        found = np.zeros(self._lengths.size)
        for word in distinct & self._rows.keys():
            found[self._rows[word]] += 1
        return found / max(len(distinct), 1)
