"""A plain learned ranker for the sanity experiment: a few text features, LightGBM lambdarank, nDCG@10.

Keep out: the product's own ranker (stages/rank), which must not be needed to judge the world it is shown on.
"""

from typing import NamedTuple

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from label_pipeline.rehearsal.lexical import LexicalIndex
from label_pipeline.rehearsal.words import words
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_documents import NEWEST, SOURCES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Pairs(NamedTuple):
    """Rows of the world, sorted by query: query rows and document rows, shape (pairs,)."""

    queries: Ints
    documents: Ints


def ndcg_at_10(gains: Floats, scores: Floats, queries: Ints) -> float:
    """Mean nDCG@10 with exponential gain 2^grade - 1 over queries with any gain; ties in input order."""
    discount = 1 / np.log2(np.arange(2, 12))
    values = []
    for query in np.unique(queries):
        rows = queries == query
        gain = 2.0 ** gains[rows] - 1
        ranked = gain[np.argsort(-scores[rows], kind="stable")][:10]
        best = np.sort(gain)[::-1][:10]
        if best.sum() > 0:
            values.append((ranked * discount[: ranked.size]).sum() / (best * discount[: best.size]).sum())
    return float(np.mean(values))


class Features:
    """Text features of any pair of the world: word match, LSA, length, age, source."""

    def __init__(self, world: SampleWorld) -> None:
        texts = [document.text for document in world.document_records]
        queries = [query.text for query in world.query_records]
        index = LexicalIndex([words(text) for text in texts])
        tokens = [words(query) for query in queries]
        self.bm25 = np.array([index.bm25(query) for query in tokens])
        self._coverage = np.array([index.coverage(query) for query in tokens])
        tfidf = TfidfVectorizer(sublinear_tf=True, token_pattern=r"[^\W_]+")
        bags = tfidf.fit_transform(texts)
        asked = tfidf.transform(queries)
        self._tfidf = (asked @ bags.T).toarray()
        lsa = TruncatedSVD(64, random_state=0).fit(bags)
        self._lsa = normalize(lsa.transform(asked)) @ normalize(lsa.transform(bags)).T
        titles = tfidf.transform([document.title for document in world.document_records])
        self._titles = (asked @ titles.T).toarray()
        two = TfidfVectorizer(ngram_range=(2, 2), token_pattern=r"[^\W_]+", use_idf=False, norm=None, binary=True)
        pairs_of_words = two.fit_transform(texts)
        self._bigrams = (two.transform(queries) @ pairs_of_words.T).toarray()
        self._documents = np.array(
            [
                (
                    np.log(len(words(document.text))),
                    (NEWEST - document.created_on).days,
                    SOURCES.index(document.source),
                    len(set(words(document.text))) / len(words(document.text)),
                )
                for document in world.document_records
            ]
        )
        self._queries = np.array(
            [(len(query),) for query, query_ in zip(tokens, world.query_records, strict=True)], dtype=float
        )

    def of(self, pairs: Pairs) -> Floats:
        """Shape (pairs, features)."""
        q, d = pairs
        columns = [
            matrix[q, d] for matrix in (self.bm25, self._coverage, self._tfidf, self._lsa, self._titles, self._bigrams)
        ]
        return np.column_stack([*columns, self._documents[d], self._queries[q]])


def fit(features: Floats, gains: Floats, queries: Ints) -> lgb.Booster:
    """LambdaMART on grades 0-3 (rounded to quarters); rows must be sorted by query."""
    quarters = np.clip(np.rint(4 * gains), 0, 12).astype(int)
    sizes = np.unique(queries, return_counts=True)[1]
    return lgb.train(
        {
            "objective": "lambdarank",
            "num_leaves": 15,
            "learning_rate": 0.06,
            "min_data_in_leaf": 30,
            "lambda_l2": 1.0,
            "label_gain": [2 ** (quarter / 4) - 1 for quarter in range(13)],
            "num_threads": 1,
            "deterministic": True,
            "seed": 1,
            "verbose": -1,
        },
        lgb.Dataset(features, quarters, group=sizes),
        num_boost_round=150,
    )
