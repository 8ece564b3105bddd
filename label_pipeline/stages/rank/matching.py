"""What a query's words in a document amount to: one array a feature, for many pairs at once, from one text field."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.retrieval import K1, bm25_weights
from label_pipeline.core.text import CHUNK_TOKENS, Field, Floats, Hits, Ints, QueryTerms, hits

WINDOW_SLOTS = 24
"""Distinct query terms the smallest-window feature looks at; longer queries are cut there to bound memory."""


class Cells(NamedTuple):
    """One cell for each (pair, distinct query term): which pair, which slot, how often the document holds it."""

    pair: Ints
    slot: Ints
    times: Ints
    starts: Ints


def cells_of(chunk: Hits, queries: QueryTerms, query: Ints) -> Cells:
    """Term frequencies of the chunk's pairs; ``query`` holds the chunk's query of each pair."""
    sizes = np.diff(queries.slot_starts)[query]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pair = np.repeat(np.arange(query.size), sizes)
    slot = np.arange(pair.size) - starts[pair] + queries.slot_starts[query][pair]
    hit_cell = starts[chunk.pair] + chunk.slot - queries.slot_starts[query[chunk.pair]]
    return Cells(pair, slot, np.bincount(hit_cell, minlength=pair.size), starts)


def share(part: Floats, whole: Floats) -> Floats:
    """The ratio, nan where there is no whole."""
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def weighting(field: Field, queries: QueryTerms, cells: Cells, length: Ints) -> dict[str, Floats]:
    """Scores that only count terms: BM25, coverage, query likelihood.

    * ``bm25`` = sum idf * tf (k1 + 1) / (tf + k1 (1 - b + b dl / avgdl)), Robertson and Zaragoza 2009
    * ``bm25_share`` = bm25 over the most any document could reach for that query, 0-1
    * ``likelihood`` = mean over query terms of log(1 + tf / (mu p(t))) + log(mu / (mu + dl)), Zhai and Lafferty 2004,
      mu = average length
    """
    n = length.size
    term = queries.slot_term[cells.slot]
    idf = field.inverse_document_frequency[term]
    count = cells.times.astype(np.float64)
    average = max(field.average_length, 1e-9)
    present = (count > 0).astype(np.float64)

    def total(weights: Floats) -> Floats:
        return np.bincount(cells.pair, weights=weights, minlength=n).astype(np.float64)

    bm25 = total(bm25_weights(field, term, cells.times, length[cells.pair]))
    idf_sum = total(idf)
    terms = total(np.ones_like(idf))
    probability = np.maximum(field.collection_frequency[term], 0.5) / max(field.tokens.ids.size, 1)
    likelihood = total(np.log1p(count / (average * probability)))
    rarest = np.full(n, -np.inf)
    np.maximum.at(rarest, cells.pair, np.where(idf > 0, idf, -np.inf))
    rarest_found = np.zeros(n)
    np.maximum.at(rarest_found, cells.pair, present * idf)
    return {
        "bm25": bm25,
        "bm25_share": share(bm25, idf_sum * (K1 + 1)),
        "coverage": share(total(present), terms),
        "idf_coverage": share(total(present * idf), idf_sum),
        "rarest_found": share(rarest_found, np.maximum(rarest, 0)),
        "likelihood": share(likelihood, terms) + np.log(average / (average + length)),
        "density": share(total(count), length.astype(np.float64)),
    }


def order(field: Field, queries: QueryTerms, chunk: Hits, document: Ints, query: Ints) -> dict[str, Floats]:
    """Features of word order: share of query bigrams found, whole query as a phrase, smallest window, first match."""
    n = query.size
    first = np.full(n, np.inf)
    np.minimum.at(first, chunk.pair, chunk.position.astype(np.float64))
    bigrams = bigram_coverage(queries, chunk, query)
    return {
        "bigrams": bigrams,
        "phrase": phrase(field, queries, bigrams, document, query, np.isfinite(first)),
        "proximity": proximity(queries, chunk, query),
        "first_match": np.where(np.isfinite(first), 1 / (1 + first), 0.0),
    }


def bigram_coverage(queries: QueryTerms, chunk: Hits, query: Ints) -> Floats:
    """Share of the query's distinct adjacent word pairs that stand side by side in the document; nan for one word."""
    ids, starts = queries.tokens
    owner = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    n_slots = max(queries.slot_term.size, 1)
    slot = queries.slots_of(owner, ids)
    adjacent = (owner[:-1] == owner[1:]) & (slot[:-1] >= 0) & (slot[1:] >= 0)  # -1: a word these terms leave out
    known = np.unique(slot[:-1][adjacent] * n_slots + slot[1:][adjacent])
    slot_owner = np.repeat(np.arange(queries.slot_starts.size - 1), np.diff(queries.slot_starts))
    per_query = np.bincount(slot_owner[known // n_slots], minlength=starts.size - 1).astype(np.float64)
    beside = (chunk.pair[:-1] == chunk.pair[1:]) & (chunk.position[1:] == chunk.position[:-1] + 1)
    code = chunk.slot[:-1][beside] * n_slots + chunk.slot[1:][beside]
    pair = chunk.pair[:-1][beside]
    wanted = np.isin(code, known)
    found = np.unique(np.stack([pair[wanted], code[wanted]]), axis=1)[0]
    return share(np.bincount(found, minlength=query.size).astype(np.float64), per_query[query])


def phrase(
    field: Field,
    queries: QueryTerms,
    bigrams: Floats,
    document: Ints,
    query: Ints,
    matched: NDArray[np.bool_],
) -> Floats:
    """1 where the document holds the whole query word for word, else 0; only pairs with every bigram need a look."""
    found = np.where(np.isnan(bigrams), matched, 0).astype(np.float64)
    for i in np.flatnonzero(bigrams == 1):
        q, d = query[i], document[i]
        wanted = queries.tokens.ids[queries.tokens.starts[q] : queries.tokens.starts[q + 1]]
        text = field.tokens.ids[field.tokens.starts[d] : field.tokens.starts[d + 1]]
        if text.size >= wanted.size:
            windows = np.lib.stride_tricks.sliding_window_view(text, wanted.size)
            found[i] = float((windows == wanted).all(axis=1).any())
    return found


def proximity(queries: QueryTerms, chunk: Hits, query: Ints) -> Floats:
    """(matched terms - 1) / (tokens of the smallest window that holds them all - 1), 0-1; 0 below two matched terms."""
    local = chunk.slot - queries.slot_starts[query[chunk.pair]]
    kept = local < WINDOW_SLOTS
    pair, position, local = chunk.pair[kept], chunk.position[kept], local[kept]
    result = np.zeros(query.size)
    if not pair.size:
        return result
    span = int(position.max()) + 2
    place = pair * span + position + 1  # every place of a later pair lies above every place of an earlier one
    seen = np.zeros((query.size, WINDOW_SLOTS), dtype=np.bool_)
    seen[pair, local] = True
    last = np.zeros((pair.size, WINDOW_SLOTS), dtype=np.int64)
    last[np.arange(pair.size), local] = place
    last = np.maximum.accumulate(last, axis=0)
    oldest = np.where(seen[pair], last, np.iinfo(np.int64).max).min(axis=1)
    width = np.where(oldest > pair * span, place - oldest, np.iinfo(np.int64).max)
    smallest = np.full(query.size, np.iinfo(np.int64).max)
    np.minimum.at(smallest, pair, width)
    terms = seen.sum(axis=1)
    several = terms >= 2
    result[several] = (terms[several] - 1) / smallest[several]
    return result


def match(
    field: Field, queries: QueryTerms, document: Ints, query: Ints, chunk_tokens: int = CHUNK_TOKENS
) -> Mapping[str, Floats]:
    """Every feature of this module for pair i = (``document[i]``, ``query[i]``), each of shape (n,)."""
    columns: dict[str, list[Floats]] = {}
    for chunk in hits(field, queries, document, query, chunk_tokens):
        part = slice(chunk.first, chunk.first + chunk.n_pairs)
        cells = cells_of(chunk, queries, query[part])
        length = field.tokens.lengths[document[part]]
        values = weighting(field, queries, cells, length)
        values |= order(field, queries, chunk, document[part], query[part])
        for name, array in values.items():
            columns.setdefault(name, []).append(array)
    return {name: np.concatenate(parts) for name, parts in columns.items()}
