"""The feature space of the rankers: about 25 numbers for a (query, document) pair, plus the pair's own.

Fitted on documents alone: no feature knows a grade or the judge, and none depends on the other candidates of a list.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from label_pipeline.core.errors import InputError, TableError
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.core.text import Floats, Ints
from label_pipeline.core.words import TOKENISER
from label_pipeline.stages.rank.collection import FACT_FEATURES, MATCH_FEATURES, Collection
from label_pipeline.stages.rank.reference import FeatureReference

INCUMBENT = "incumbent_score"
MIN_KNOWN = 0.5
"""Share of pairs that must have a number of their own before it becomes a feature."""

DECIMALS = 6
"""Features are rounded here: the last digits of a singular vector depend on the machine's threads, and a tree that
splits on them would make two trainings differ (.453 and .456 nDCG@10 were seen)."""


class FeatureMatrix(NamedTuple):
    """``values`` (n, p), nan = unknown, rows as the pairs came; ``names`` (p,)."""

    names: tuple[str, ...]
    values: Floats

    def column(self, name: str) -> Floats:
        """(n,) one feature."""
        return self.values[:, self.names.index(name)]


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """What turns pairs into numbers. Build with `fit`; the same documents, queries and seed give the same space.

    Attributes:
        collection: words and facts.
        reference: each query's own scale.
        document_rows: doc_id, doc_version, doc_row.
        query_rows: query key, query_row.
        pair_features: names of the pairs' own ``feature_*`` columns that are features here.
        with_incumbent: whether ``incumbent_score`` is a feature too.
    """

    collection: Collection
    reference: FeatureReference
    document_rows: pl.DataFrame
    query_rows: pl.DataFrame
    pair_features: tuple[str, ...]
    with_incumbent: bool

    @classmethod
    def fit(
        cls,
        documents: pl.DataFrame,
        queries: pl.DataFrame,
        seed: int,
        pairs: pl.DataFrame | Sequence[pl.DataFrame] = (),
        tokeniser: int = TOKENISER,
    ) -> "FeatureSpace":
        """Learns from ``documents``; queries only lend their words. Row order does not matter.

        Args:
            documents: DOCUMENTS rows.
            queries: QUERIES rows: every query that will ever be scored with this space.
            seed: of the randomised SVD.
            pairs: every frame the rankers will learn from or be tested on (machine labels, human seed, evaluation)
                with ``features`` and ``incumbent_score``. A pair's own number becomes a feature where at least half
                of the pairs of *each* frame have it, the incumbent's score where all have it: a number that only the
                machine-labelled pairs carry would be learnt from and then be missing in the test.
            tokeniser: version by which texts are cut into words: of a ranker that is scored, its own.

        Raises:
            InputError: without documents or queries.
        """
        if not documents.height or not queries.height:
            raise InputError(
                f"the ranker's features need documents and queries; found {documents.height} documents and "
                f"{queries.height} queries; load them with the seed stage first"
            )
        frames = [pairs] if isinstance(pairs, pl.DataFrame) else list(pairs)
        documents, queries = documents.sort("doc_id"), queries.sort(QUERY_KEY)
        collection = Collection.read(documents, queries, seed, tokeniser)
        return cls(
            collection=collection,
            reference=FeatureReference.of(collection),
            document_rows=documents.select("doc_id", "doc_version").with_row_index("doc_row"),
            query_rows=queries.select(QUERY_KEY).with_row_index("query_row"),
            pair_features=shared_pair_features(frames),
            with_incumbent=bool(frames) and all(has_incumbent(frame) for frame in frames),
        )

    @property
    def tokeniser(self) -> int:
        """The version by which texts are cut into words."""
        return self.collection.tokeniser

    @property
    def names(self) -> tuple[str, ...]:
        """(p,) feature names, in matrix order."""
        incumbent = (INCUMBENT,) if self.with_incumbent else ()
        return (*MATCH_FEATURES, *FACT_FEATURES, *self.collection.source_features, *self.pair_features, *incumbent)

    @property
    def languages(self) -> pl.DataFrame:
        """QUERY_KEY and ``language`` of every query, null where the input does not say."""
        language = pl.Series("language", self.collection.query_language, dtype=pl.String)
        return self.query_rows.select(QUERY_KEY).with_columns(language)

    def known(self, pairs: pl.DataFrame) -> pl.Series:
        """(n,) whether the pair's query and exactly this version of its document are in the space."""
        return self._rows(pairs).select(pl.col("query_row").is_not_null() & pl.col("doc_row").is_not_null()).to_series()

    def matrix(self, pairs: pl.DataFrame) -> FeatureMatrix:
        """Features of every pair, in the order given: match features on the query's own scale, the others as they are.

        Args:
            pairs: pair key columns; ``features`` and ``incumbent_score`` where the space uses them.

        Raises:
            TableError: when a query or a document version is not in the space; `known` tells which.
        """
        document, query = self._numbered(pairs)
        matches = self.reference.standardise(self.collection.matches(document, query), query)
        columns = self.collection.known_facts(document, query) | own_features(pairs, self.pair_features)
        if self.with_incumbent:
            columns[INCUMBENT] = numbers(pairs, INCUMBENT)
        rest = [columns[name] for name in self.names[len(MATCH_FEATURES) :]]
        values: Floats = np.column_stack([matches, *rest]).round(DECIMALS)
        return FeatureMatrix(self.names, values)

    def bm25(self, pairs: pl.DataFrame) -> Floats:
        """(n,) raw BM25 of title and text: the baseline arm.

        Raises:
            TableError: as `matrix`.
        """
        return self.collection.matches(*self._numbered(pairs))[:, MATCH_FEATURES.index("bm25")]

    def _numbered(self, pairs: pl.DataFrame) -> tuple[Ints, Ints]:
        """Document and query row of every pair."""
        rows = self._rows(pairs)
        lost = rows.filter(pl.col("query_row").is_null() | pl.col("doc_row").is_null())
        if lost.height:
            example = lost.row(0, named=True)
            raise TableError(
                f"{lost.height} of {pairs.height} pairs name a query or a document version that is not loaded, e.g. "
                f"query {example['query_id']}, document {example['doc_id']} version {example['doc_version']}; "
                "drop pairs of superseded texts (FeatureSpace.known) or load their documents"
            )
        return rows["doc_row"].cast(pl.Int64).to_numpy(), rows["query_row"].cast(pl.Int64).to_numpy()

    def _rows(self, pairs: pl.DataFrame) -> pl.DataFrame:
        keys = pairs.select(*QUERY_KEY, "doc_id", "doc_version")
        joined = keys.join(self.query_rows, on=QUERY_KEY, how="left", maintain_order="left")
        return joined.join(self.document_rows, on=["doc_id", "doc_version"], how="left", maintain_order="left")


def has_incumbent(pairs: pl.DataFrame) -> bool:
    """Whether there are pairs and every one carries the score of the ranker in production."""
    return INCUMBENT in pairs.columns and bool(pairs.height) and not pairs[INCUMBENT].null_count()


def numbers(pairs: pl.DataFrame, column: str) -> Floats:
    """(n,) a numeric column as floats, null as nan; all nan where there is no such column."""
    if column not in pairs.columns:
        return np.full(pairs.height, np.nan)
    return pairs[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def parsed(pairs: pl.DataFrame) -> list[Mapping[str, float | None]]:
    """Each pair's ``features`` object; {} where it has none."""
    if "features" not in pairs.columns:
        return [{}] * pairs.height
    return [json.loads(text) if text else {} for text in pairs["features"].to_list()]


def shared_pair_features(frames: Sequence[pl.DataFrame]) -> tuple[str, ...]:
    """The names in ``features`` that at least ``MIN_KNOWN`` of the pairs of every frame have a number for, sorted."""
    kept: set[str] | None = None
    for frame in frames:
        known = Counter(name for row in parsed(frame) for name, value in row.items() if value is not None)
        enough = {name for name, count in known.items() if count >= MIN_KNOWN * frame.height}
        kept = enough if kept is None else kept & enough
    return tuple(sorted(kept or ()))


def own_features(pairs: pl.DataFrame, names: Sequence[str]) -> dict[str, Floats]:
    """(n,) arrays of the pairs' own features; nan where a pair lacks one."""
    rows = parsed(pairs) if names else []
    return {
        name: np.asarray([np.nan if row.get(name) is None else row[name] for row in rows], dtype=np.float64)
        for name in names
    }
