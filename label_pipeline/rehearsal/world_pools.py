"""Which documents a search would put before a grader: pools with answers, near misses and noise.

A pool mixes what word matching finds, what a better retriever finds, wrong questions on the right topic, siblings and
strays.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from label_pipeline.rehearsal.world_vocabulary import TOPICS

MIX = {"words": 0.22, "meaning": 0.30, "topic": 0.05, "domain": 0.23, "any": 0.20}
"""Shares of a pool by where its documents come from."""


def _drawn(rng: np.random.Generator, rows: NDArray[np.int64], n: int) -> list[int]:
    return [int(row) for row in rng.choice(rows, size=min(n, rows.size), replace=False)]


def draw_pool(
    rng: np.random.Generator,
    size: int,
    *,
    bm25: NDArray[np.float64],
    relevance: NDArray[np.float64],
    topics: NDArray[np.int64],
    topic: int,
    allowed: NDArray[np.bool_],
    taken: Sequence[int] = (),
) -> list[int]:
    """Rows of ``size`` different documents for one query, in random order.

    Args:
        rng: chance.
        size: documents wanted.
        bm25: word-match score of every document, shape (documents,).
        relevance: latent relevance of every document, shape (documents,).
        topics: topic of every document, shape (documents,).
        topic: the query's topic.
        allowed: documents that may be drawn, shape (documents,).
        taken: rows not to draw again.
    """
    free = allowed.copy()
    free[list(taken)] = False
    domain = [i for i, other in enumerate(TOPICS) if other.domain == TOPICS[topic].domain]
    guess = relevance + rng.normal(0, 0.07, relevance.shape)
    sources = {
        "words": np.argsort(-bm25, kind="stable")[:50],
        "meaning": np.argsort(-guess, kind="stable")[:13],
        "topic": np.flatnonzero(topics == topic),
        "domain": np.flatnonzero(np.isin(topics, domain)),
        "any": np.arange(topics.size),
    }
    pool: list[int] = []
    for name, rows in sources.items():
        found = _drawn(rng, rows[free[rows]], round(MIX[name] * size))
        free[found] = False
        pool += found
    pool += _drawn(rng, np.flatnonzero(free), size - len(pool)) if len(pool) < size else []
    return [pool[place] for place in rng.permutation(min(size, len(pool)))]
