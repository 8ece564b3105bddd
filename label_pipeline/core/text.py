"""Counted words: token ids, the statistics of one text field, and where a query's words stand in a document.

Everything is arrays of integers, so that a hundred thousand pairs cost seconds. Keep out: what a word is (words.py),
what is made of the matches (core/retrieval.py, stages/rank/matching.py) and anything that knows grades.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.words import TOKENISER, tokeniser

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CHUNK_TOKENS = 2_000_000
"""Document tokens expanded at once: about 100 MB of working arrays."""


class Vocabulary:
    """Term to integer, in order of first sight.

    Args:
        version: of the tokeniser (words.py).
    """

    def __init__(self, version: int = TOKENISER) -> None:
        self.terms: dict[str, int] = {}
        self._tokenise = tokeniser(version)

    def encode(self, texts: Sequence[str]) -> "Tokens":
        """Tokens of every text; unseen terms are added."""
        terms = self.terms
        ids: list[int] = []
        starts = [0]
        for text in texts:
            ids.extend([terms.setdefault(token, len(terms)) for token in self._tokenise(text)])
            starts.append(len(ids))
        return Tokens(np.asarray(ids, dtype=np.int64), np.asarray(starts, dtype=np.int64))

    def prefixes(self, length: int = 5) -> Ints:
        """(V,) id of each term's first ``length`` characters: a stemmer for languages we know nothing about."""
        heads: dict[str, int] = {}
        return np.asarray([heads.setdefault(term[:length], len(heads)) for term in self.terms], dtype=np.int64)

    def with_digit(self) -> NDArray[np.bool_]:
        """(V,) whether the term holds a digit: numbers, error codes, ids."""
        return np.asarray([any(c.isdigit() for c in term) for term in self.terms], dtype=np.bool_)


class Tokens(NamedTuple):
    """Token ids of many texts in one array; text i is ``ids[starts[i]:starts[i + 1]]``."""

    ids: Ints
    starts: Ints

    @property
    def lengths(self) -> Ints:
        """(n,) tokens of each text."""
        return np.diff(self.starts)

    def mapped(self, mapping: Ints) -> "Tokens":
        """The same texts with every id replaced by ``mapping[id]``."""
        return Tokens(mapping[self.ids], self.starts)


class TermCounts(NamedTuple):
    """Distinct (text, term) cells with their counts, sorted by text."""

    text: Ints
    term: Ints
    times: Ints


def term_counts(tokens: Tokens, n_terms: int) -> TermCounts:
    """How often each term occurs in each text."""
    text = np.repeat(np.arange(tokens.lengths.size), tokens.lengths)
    cell, count = np.unique(text * n_terms + tokens.ids, return_counts=True)
    return TermCounts(cell // n_terms, cell % n_terms, count)


@dataclass(frozen=True)
class Field:
    """One text field of the collection and its statistics.

    Attributes:
        tokens: of every document.
        distinct_words: (D,) different terms of each document.
        document_frequency: (V,) documents that hold the term.
        collection_frequency: (V,) occurrences of the term.
        average_length: tokens per document.
    """

    tokens: Tokens
    distinct_words: Ints
    document_frequency: Ints
    collection_frequency: Ints
    average_length: float

    @classmethod
    def of(cls, tokens: Tokens, n_terms: int) -> "Field":
        """Collects the statistics of ``tokens`` over a vocabulary of ``n_terms``."""
        counts = term_counts(tokens, n_terms)
        frequency = np.bincount(counts.term, minlength=n_terms)
        occurrences = np.bincount(tokens.ids, minlength=n_terms)
        distinct = np.bincount(counts.text, minlength=tokens.lengths.size)
        return cls(tokens, distinct, frequency, occurrences, tokens.ids.size / max(tokens.lengths.size, 1))

    @cached_property
    def inverse_document_frequency(self) -> Floats:
        """(V,) idf = ln(1 + (N - df + 1/2) / (df + 1/2)), Lucene's form of Robertson's; never below 0."""
        n = self.tokens.lengths.size
        frequency = self.document_frequency
        return np.log1p((n - frequency + 0.5) / (frequency + 0.5))


@dataclass(frozen=True)
class QueryTerms:
    """Distinct terms of every query; a *slot* is one (query, distinct term), numbered over all queries.

    Attributes:
        tokens: the queries as written.
        slot_term: (S,) term of each slot; slots of query q are ``slot_starts[q]:slot_starts[q + 1]``.
        slot_starts: (Q + 1,).
        n_terms: size of the vocabulary.
    """

    tokens: Tokens
    slot_term: Ints
    slot_starts: Ints
    n_terms: int

    @classmethod
    def of(cls, tokens: Tokens, n_terms: int) -> "QueryTerms":
        """Distinct terms of ``tokens``, ascending by id within a query."""
        counts = term_counts(tokens, n_terms)
        per_query = np.bincount(counts.text, minlength=tokens.lengths.size)
        return cls(tokens, counts.term, np.concatenate([[0], np.cumsum(per_query)]), n_terms)

    def only(self, kept: NDArray[np.bool_]) -> "QueryTerms":
        """The same queries with only the terms where ``kept`` (V,) is true."""
        chosen = kept[self.slot_term]
        before = np.concatenate([[0], np.cumsum(chosen)])
        return QueryTerms(self.tokens, self.slot_term[chosen], before[self.slot_starts], self.n_terms)

    @cached_property
    def keys(self) -> Ints:
        """(S,) query * V + term, ascending."""
        query = np.repeat(np.arange(self.slot_starts.size - 1), np.diff(self.slot_starts))
        return query * self.n_terms + self.slot_term

    def slots_of(self, query: Ints, term: Ints) -> Ints:
        """Slot of each (query, term), -1 where the query lacks the term."""
        keys = self.keys
        if not keys.size:
            return np.full(query.shape, -1, dtype=np.int64)
        wanted = query * self.n_terms + term
        slot = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        return np.where(keys[slot] == wanted, slot, -1)


class Hits(NamedTuple):
    """Every place where a pair's document holds a word of its query, by pair, then position.

    ``pair`` counts from 0 inside the chunk that starts at pair ``first`` and has ``n_pairs``.
    """

    first: int
    n_pairs: int
    pair: Ints
    position: Ints
    slot: Ints


def hits(
    field: Field, queries: QueryTerms, document: Ints, query: Ints, chunk_tokens: int = CHUNK_TOKENS
) -> Iterator[Hits]:
    """Matches of pair i = (``document[i]``, ``query[i]``), chunk by chunk, in order."""
    lengths = field.tokens.lengths[document]
    ends = np.cumsum(lengths)
    first = 0
    while first < document.size:
        spent = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, spent + chunk_tokens, side="right")), first + 1)
        size = lengths[first:last]
        pair = np.repeat(np.arange(last - first), size)
        position = np.arange(pair.size) - np.repeat(np.cumsum(size) - size, size)
        term = field.tokens.ids[field.tokens.starts[document[first:last]][pair] + position]
        slot = queries.slots_of(query[first:last][pair], term)
        found = slot >= 0
        yield Hits(first, last - first, pair[found], position[found], slot[found])
        first = last
