"""Weighting words and finding a query's best documents: BM25, TF-IDF, and the top of a sparse index.

Everything a retrieval order by words needs, for many queries at once. Keep out: tokens and counts (text.py), ranking
features of a pair (stages/rank), latent directions (they need scikit-learn: stages/seed/orders.py, stages/rank).
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from label_pipeline.core.text import Field, Floats, Ints, QueryTerms, Tokens, term_counts

K1 = 0.9
B = 0.4
"""BM25 for passages: .412 nDCG@10 on 150 TREC DL queries, better there than the b = .75 made for long documents."""

CHUNK_SCORES = 20_000_000
"""(query, document) scores held at once: 160 MB."""


def bm25_weights(field: Field, term: Ints, count: Ints, length: Ints) -> Floats:
    """What ``count`` occurrences of ``term`` in a text of ``length`` tokens add to its BM25, each (n,)."""
    norm = K1 * (1 - B + B * length / max(field.average_length, 1e-9))
    return field.inverse_document_frequency[term] * count * (K1 + 1) / (count + norm)


def tfidf(tokens: Tokens, inverse_document_frequency: Floats) -> sparse.csr_array:
    """(n, V) rows of (1 + ln tf) idf, scaled to length 1 (Salton and Buckley 1988, `ltc`); an empty text is all 0.

    Args:
        tokens: the texts.
        inverse_document_frequency: (V,), of the documents; terms no document holds must be 0.
    """
    n_terms = inverse_document_frequency.size
    counts = term_counts(tokens, n_terms)
    n = tokens.lengths.size
    weight = (1 + np.log(counts.times)) * inverse_document_frequency[counts.term]
    norm = np.sqrt(np.bincount(counts.text, weights=weight**2, minlength=n))
    scaled = weight / np.where(norm > 0, norm, 1)[counts.text]
    return sparse.csr_array((scaled, (counts.text, counts.term)), shape=(n, n_terms))


def bm25_matrices(field: Field, queries: QueryTerms) -> tuple[sparse.csr_array, sparse.csr_array]:
    """(Q, V) and (V, D): their product holds the BM25 of every query and document; each distinct query term counts 1.

    BM25 = sum idf * tf (k1 + 1) / (tf + k1 (1 - b + b dl / avgdl)), Robertson and Zaragoza 2009.
    """
    n_documents, n_queries = field.tokens.lengths.size, queries.slot_starts.size - 1
    cells = term_counts(field.tokens, queries.n_terms)
    weights = bm25_weights(field, cells.term, cells.times, field.tokens.lengths[cells.text])
    index = sparse.csr_array((weights, (cells.term, cells.text)), shape=(queries.n_terms, n_documents))
    owner = np.repeat(np.arange(n_queries), np.diff(queries.slot_starts))
    asked = sparse.csr_array((np.ones(owner.size), (owner, queries.slot_term)), shape=(n_queries, queries.n_terms))
    return asked, index


class Top(NamedTuple):
    """The best documents of every query, best first: ``document`` and ``score``, both (Q, depth)."""

    document: Ints
    score: Floats


def top_documents(asked: sparse.csr_array | Floats, index: sparse.csr_array | Floats, depth: int) -> Top:
    """The ``depth`` best documents of each query by ``asked @ index``; equal scores by document row.

    Args:
        asked: (Q, V) the queries.
        index: (V, D) the documents.
        depth: documents wanted a query; all of them where there are fewer.
    """
    n_queries, n_documents = asked.shape[0], index.shape[1]
    depth = min(depth, n_documents)
    documents, scores = np.zeros((n_queries, depth), dtype=np.int64), np.zeros((n_queries, depth))
    step = max(1, CHUNK_SCORES // max(n_documents, 1))
    for first in range(0, n_queries, step):
        part = asked[first : first + step] @ index
        found: Floats = part.toarray() if isinstance(part, sparse.sparray) else np.asarray(part)
        best = np.stack([_best(row, depth) for row in found])
        documents[first : first + step] = best
        scores[first : first + step] = np.take_along_axis(found, best, axis=1)
    return Top(documents, scores)


def _best(row: Floats, depth: int) -> Ints:
    """(depth,) places of the largest values, descending; equal ones in order. Linear, where a full sort is not."""
    if not depth:
        return np.zeros(0, dtype=np.int64)
    last = np.partition(row, row.size - depth)[row.size - depth]
    above = np.flatnonzero(row > last)
    above = above[np.argsort(-row[above], kind="stable")]
    return np.concatenate([above, np.flatnonzero(row == last)[: depth - above.size]])
