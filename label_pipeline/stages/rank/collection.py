"""A collection read once: its words, its documents' facts, and raw features of any (document, query) in it.

Rows are numbers here: document d, query q.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from label_pipeline.core.text import Field, Floats, Ints, QueryTerms, Vocabulary
from label_pipeline.core.words import TOKENISER
from label_pipeline.stages.rank.matching import match, share
from label_pipeline.stages.rank.vectors import Vectors

MAX_SOURCES = 10
"""Sources with a column of their own, the most frequent ones; the others have none."""

WORD_FEATURES = (
    "bm25", "bm25_share", "coverage", "idf_coverage", "rarest_found", "likelihood", "density",
    "bigrams", "phrase", "proximity", "first_match",
)  # fmt: skip
TITLE_FEATURES = ("bm25", "coverage", "idf_coverage")
PREFIX_FEATURES = ("bm25", "idf_coverage", "bigrams")
MATCH_FEATURES = (
    *WORD_FEATURES,
    *(f"title_{name}" for name in TITLE_FEATURES),
    *(f"prefix_{name}" for name in PREFIX_FEATURES),
    "tfidf_cosine",
    "lsa_cosine",
    "numbers_found",
)
"""Features that need the query's words; ``title_`` looks at the title alone, ``prefix_`` at five-letter prefixes."""

FACT_FEATURES = ("document_length", "title_length", "unique_ratio", "age_days", "language_match")
"""Features of the document, and whether its language is the query's."""


@dataclass(frozen=True, eq=False)
class Collection:
    """Documents (D) and queries (Q) with their statistics.

    Attributes:
        body: title and text of every document, as the judge is shown them.
        title: titles alone.
        prefix: ``body`` with every word cut to its first five letters.
        body_terms: the queries' words.
        prefix_terms: the queries' words cut likewise.
        number_terms: the queries' words that hold a digit.
        vectors: TF-IDF and LSA.
        facts: (D,) arrays by name: document_length (log 1 + words), title_length (words), unique_ratio (distinct
            words over words), age_days (before the newest document; nan = unknown) and ``source=NAME`` (0 or 1).
        document_language: (D,) ISO code or None.
        query_language: (Q,).
        tokeniser: the version that cut all of them into words.
    """

    body: Field
    title: Field
    prefix: Field
    body_terms: QueryTerms
    prefix_terms: QueryTerms
    number_terms: QueryTerms
    vectors: Vectors
    facts: dict[str, Floats]
    document_language: tuple[str | None, ...]
    query_language: tuple[str | None, ...]
    tokeniser: int

    @classmethod
    def read(
        cls, documents: pl.DataFrame, queries: pl.DataFrame, seed: int, tokeniser: int = TOKENISER
    ) -> "Collection":
        """Learns words, frequencies and latent directions from ``documents``; queries only lend their words."""
        vocabulary = Vocabulary(tokeniser)
        titles = documents["title"].fill_null("").to_list()
        seen = [f"{title}\n{text}" for title, text in zip(titles, documents["text"].to_list(), strict=True)]
        body_tokens, title_tokens = vocabulary.encode(seen), vocabulary.encode(titles)
        query_tokens = vocabulary.encode(queries["query"].to_list())
        n_terms = len(vocabulary.terms)
        heads = vocabulary.prefixes()
        body = Field.of(body_tokens, n_terms)
        words = QueryTerms.of(query_tokens, n_terms)
        facts = {
            "document_length": np.log1p(body_tokens.lengths),
            "title_length": title_tokens.lengths.astype(np.float64),
            "unique_ratio": share(body.distinct_words.astype(np.float64), body_tokens.lengths.astype(np.float64)),
            "age_days": ages(documents["created_on"]),
        }
        return cls(
            body=body,
            title=Field.of(title_tokens, n_terms),
            prefix=Field.of(body_tokens.mapped(heads), n_terms),
            body_terms=words,
            prefix_terms=QueryTerms.of(query_tokens.mapped(heads), n_terms),
            number_terms=words.only(vocabulary.with_digit()),
            vectors=Vectors.fit(body, query_tokens, seed),
            facts=facts | sources(documents["source"]),
            document_language=tuple(documents["language"].to_list()),
            query_language=tuple(queries["language"].to_list()),
            tokeniser=tokeniser,
        )

    @property
    def source_features(self) -> tuple[str, ...]:
        """Names of the ``source=NAME`` columns."""
        return tuple(name for name in self.facts if name.startswith("source="))

    def matches(self, document: Ints, query: Ints) -> Floats:
        """(n, len(MATCH_FEATURES)) raw match features of pair i = (``document[i]``, ``query[i]``).

        nan where the query has nothing to match: no bigram in one word, no word with a digit.
        """
        if not document.size:
            return np.zeros((0, len(MATCH_FEATURES)))
        word = match(self.body, self.body_terms, document, query)
        title = match(self.title, self.body_terms, document, query)
        prefix = match(self.prefix, self.prefix_terms, document, query)
        columns = {name: word[name] for name in WORD_FEATURES}
        columns |= {f"title_{name}": title[name] for name in TITLE_FEATURES}
        columns |= {f"prefix_{name}": prefix[name] for name in PREFIX_FEATURES}
        columns |= self.vectors.cosines(document, query)
        columns["numbers_found"] = self._numbers_found(document, query)
        return np.column_stack([columns[name] for name in MATCH_FEATURES])

    def known_facts(self, document: Ints, query: Ints) -> dict[str, Floats]:
        """(n,) arrays of the facts and ``source=NAME`` columns of each pair."""
        languages = [(self.document_language[d], self.query_language[q]) for d, q in zip(document, query, strict=True)]
        same = np.asarray([float(a == b) if a and b else np.nan for a, b in languages], dtype=np.float64)
        return {name: values[document] for name, values in self.facts.items()} | {"language_match": same}

    def _numbers_found(self, document: Ints, query: Ints) -> Floats:
        """Share of the query's words with a digit (numbers, error codes, ids) that the document holds."""
        result = np.full(document.size, np.nan)
        asked = np.flatnonzero(np.diff(self.number_terms.slot_starts)[query] > 0)
        if asked.size:
            result[asked] = match(self.body, self.number_terms, document[asked], query[asked])["coverage"]
        return result


def ages(created_on: pl.Series) -> Floats:
    """(D,) days before the newest document; nan where the date is unknown."""
    day = created_on.cast(pl.Int32).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.asarray(day[np.isfinite(day)].max(initial=-np.inf) - day, dtype=np.float64)


def sources(source: pl.Series) -> dict[str, Floats]:
    """``source=NAME`` to (D,) 0 or 1, for the most frequent names; none where there is at most one source."""
    counts = source.drop_nulls().value_counts().sort(["count", source.name], descending=[True, False])
    names = sorted(counts[source.name].head(MAX_SOURCES).to_list()) if counts.height > 1 else []
    return {f"source={name}": (source == name).fill_null(False).cast(pl.Float64).to_numpy() for name in names}
