"""The sample world: one seed in, the whole generated company out, as the frames a user would bring as files.

Everything is generated, and said to be.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.scale import Scale
from label_pipeline.rehearsal.draws import Draws
from label_pipeline.rehearsal.lexical import LexicalIndex
from label_pipeline.rehearsal.words import words
from label_pipeline.rehearsal.world_documents import Document, generate_documents
from label_pipeline.rehearsal.world_graders import ANNOTATORS, EXPERT, grades_of, panel, rationale
from label_pipeline.rehearsal.world_pools import draw_pool
from label_pipeline.rehearsal.world_queries import WorldQuery, generate_queries
from label_pipeline.rehearsal.world_relevance import Relevance

N_QUERIES, N_DOCUMENTS, N_SEED_QUERIES = 330, 6400, 120
SEED_PAIRS, EVALUATION_DEPTH = 10, 30
N_CANDIDATES, N_SEED_CANDIDATES = 8000, 600
START, DAYS = date(2026, 9, 1), 14

Pairs = list[tuple[int, int]]
"""Pairs as (query row, document row)."""


@dataclass(frozen=True)
class SampleWorld:
    """A generated company: its search, its people's grades and its candidate pool.

    Attributes:
        seed: the number everything follows from.
        scale: the grades people use.
        query_records: what each query truly asks, in the order of ``queries``.
        document_records: what each document truly says, in the order of ``documents``.
        relevance_matrix: latent relevance in [0, 1], shape (queries, documents).
        human_labels: columns query_id, doc_id, annotator_id, grade, rationale.
        evaluation: columns query_id, doc_id, grade.
        candidates: columns query_id, doc_id, arrived_on, incumbent_score, feature_clicks_30d.
    """

    seed: int
    scale: Scale
    query_records: tuple[WorldQuery, ...]
    document_records: tuple[Document, ...]
    relevance_matrix: NDArray[np.float64]
    human_labels: pl.DataFrame
    evaluation: pl.DataFrame
    candidates: pl.DataFrame

    @classmethod
    def generate(cls, seed: int = 7, scale: Scale | None = None) -> "SampleWorld":
        """The world of this seed; the same call gives the same world on every machine.

        Args:
            seed: any integer.
            scale: grades of the human files, default 0-3.
        """
        scale = scale or Scale(0, 3)
        streams = np.random.default_rng(seed).spawn(6)
        documents = generate_documents(streams[0], N_DOCUMENTS)
        queries = generate_queries(streams[1], N_QUERIES)
        index = LexicalIndex([words(document.text) for document in documents])
        relevance = Relevance(queries, documents, index).matrix
        bm25 = np.array([index.bm25(words(query.text)) for query in queries])
        company = _Company(scale, queries, documents, relevance, bm25)
        seeded = np.sort(streams[2].choice(N_QUERIES, N_SEED_QUERIES, replace=False)).tolist()
        judged = company.pools(streams[3], seeded)
        seed_pairs = [pair for row in seeded for pair in judged[row][:SEED_PAIRS]]
        return cls(
            seed,
            scale,
            queries,
            documents,
            relevance,
            company.human_labels(streams[4], seed_pairs),
            company.evaluation(streams[4], [pair for row in seeded for pair in judged[row]]),
            company.candidates(streams[5], seeded, set(seed_pairs)),
        )

    @cached_property
    def queries(self) -> pl.DataFrame:
        """Columns query_id, query, language."""
        return pl.DataFrame(
            [(query.query_id, query.text, query.language) for query in self.query_records],
            schema=["query_id", "query", "language"],
            orient="row",
        )

    @cached_property
    def documents(self) -> pl.DataFrame:
        """Columns doc_id, title, text, source, language, created_on, boundary."""
        columns = ("doc_id", "title", "text", "source", "language", "created_on", "boundary")
        return pl.DataFrame({name: [getattr(doc, name) for doc in self.document_records] for name in columns})

    @cached_property
    def _query_rows(self) -> dict[str, int]:
        return {query.query_id: row for row, query in enumerate(self.query_records)}

    @cached_property
    def _document_rows(self) -> dict[str, int]:
        return {document.doc_id: row for row, document in enumerate(self.document_records)}

    def relevance(self, query_id: str, doc_id: str) -> float:
        """Latent relevance of one pair in [0, 1]; a grader without bias or noise gives lo + span * this, rounded.

        Raises:
            KeyError: for an id that is not of this world.
        """
        return float(self.relevance_matrix[self._query_rows[query_id], self._document_rows[doc_id]])


@dataclass(frozen=True)
class _Company:
    """Draws the frames from what is already fixed: queries, documents, relevance and word matches."""

    scale: Scale
    queries: tuple[WorldQuery, ...]
    documents: tuple[Document, ...]
    relevance: NDArray[np.float64]
    bm25: NDArray[np.float64]

    def _pool(self, rng: np.random.Generator, row: int, size: int, *, customers: bool, taken: list[int]) -> list[int]:
        internal = np.array([document.boundary == "internal" for document in self.documents])
        return draw_pool(
            rng,
            size,
            bm25=self.bm25[row],
            relevance=self.relevance[row],
            topics=np.array([document.topic for document in self.documents]),
            topic=self.queries[row].topic,
            allowed=internal | customers,
            taken=taken,
        )

    def pools(self, rng: np.random.Generator, rows: list[int]) -> dict[int, Pairs]:
        """The documents people grade, internal ones only, by query row."""
        return {
            row: [(row, doc) for doc in self._pool(rng, row, EVALUATION_DEPTH, customers=False, taken=[])]
            for row in rows
        }

    def _ids(self, pairs: Pairs) -> dict[str, list[str]]:
        return {
            "query_id": [self.queries[query].query_id for query, _ in pairs],
            "doc_id": [self.documents[doc].doc_id for _, doc in pairs],
        }

    def _truth(self, pairs: Pairs) -> NDArray[np.float64]:
        rows = np.array(pairs)
        truth: NDArray[np.float64] = self.relevance[rows[:, 0], rows[:, 1]]
        return truth

    def human_labels(self, rng: np.random.Generator, pairs: Pairs) -> pl.DataFrame:
        """Every pair graded by three of five."""
        draws, truth, ids = Draws(rng), self._truth(pairs), self._ids(pairs)
        graded = np.array([grades_of(annotator, truth, self.scale, rng) for annotator in ANNOTATORS])
        rows = [
            (
                ids["query_id"][i],
                ids["doc_id"][i],
                ANNOTATORS[who].annotator_id,
                int(graded[who, i]),
                rationale(self.queries[query], self.documents[doc], int(graded[who, i]), self.scale, draws),
            )
            for i, ((query, doc), seats) in enumerate(zip(pairs, panel(len(pairs), rng).tolist(), strict=True))
            for who in seats
        ]
        return pl.DataFrame(rows, schema=["query_id", "doc_id", "annotator_id", "grade", "rationale"], orient="row")

    def evaluation(self, rng: np.random.Generator, pairs: Pairs) -> pl.DataFrame:
        """Every pair graded once by the expert."""
        return pl.DataFrame({**self._ids(pairs), "grade": grades_of(EXPERT, self._truth(pairs), self.scale, rng)})

    def candidates(self, rng: np.random.Generator, seeded: list[int], graded: set[tuple[int, int]]) -> pl.DataFrame:
        """The pool to be labelled: mostly queries nobody graded, arriving over two weeks."""
        others = [row for row in range(len(self.queries)) if row not in set(seeded)]
        pairs: Pairs = []
        for rows, total in ((others, N_CANDIDATES - N_SEED_CANDIDATES), (seeded, N_SEED_CANDIDATES)):
            for place, row in enumerate(rows):
                size = total // len(rows) + (place < total % len(rows))
                taken = [doc for query, doc in graded if query == row]
                pairs += [(row, doc) for doc in self._pool(rng, row, size, customers=True, taken=taken)]
        pairs = [pairs[i] for i in rng.permutation(len(pairs))]
        rows_ = np.array(pairs)
        truth, score = self._truth(pairs), self.bm25[rows_[:, 0], rows_[:, 1]]
        day = np.sort(rng.integers(0, DAYS, len(pairs)))
        return pl.DataFrame(
            {
                **self._ids(pairs),
                "arrived_on": [START + timedelta(days=int(d)) for d in day],
                "incumbent_score": np.round(score + rng.normal(0, 1.0, len(pairs)), 4),
                # Few pairs are clicked at all, and clicks follow rank as much as relevance: a weak, honest feature.
                "feature_clicks_30d": rng.poisson(np.exp(-2.2 + 1.6 * truth + 0.1 * score)),
            }
        )
