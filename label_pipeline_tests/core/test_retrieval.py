"""Finding a query's best documents by words: the same scores as the formula, one document at a time."""

import math

import numpy as np
import pytest

from label_pipeline.core.retrieval import K1, B, bm25_matrices, top_documents
from label_pipeline.core.text import Field, QueryTerms, Vocabulary

DOCUMENTS = ["red fox", "red red wine and a fox", "blue sky", "", "Red sky, red fox; fox!"]
QUERIES = ["red fox", "sky", "nothing of this", "red red"]


def by_hand(query: str, document: str) -> float:
    texts = [text.lower().replace(",", "").replace(";", "").replace("!", "").split() for text in DOCUMENTS]
    words = texts[DOCUMENTS.index(document)]
    average = sum(map(len, texts)) / len(texts)
    score = 0.0
    for term in set(query.split()):
        frequency = sum(term in text for text in texts)
        idf = math.log(1 + (len(texts) - frequency + 0.5) / (frequency + 0.5))
        count = words.count(term)
        score += idf * count * (K1 + 1) / (count + K1 * (1 - B + B * len(words) / average))
    return score


def test_bm25_of_every_query_and_document_is_the_formula_s_and_stands_in_order() -> None:
    vocabulary = Vocabulary()
    tokens, asked = vocabulary.encode(DOCUMENTS), vocabulary.encode(QUERIES)
    n = len(vocabulary.terms)
    top = top_documents(*bm25_matrices(Field.of(tokens, n), QueryTerms.of(asked, n)), depth=3)
    for row, query in enumerate(QUERIES):
        expected = np.array([by_hand(query, document) for document in DOCUMENTS])
        order = np.argsort(-expected, kind="stable")[:3]
        assert top.document[row].tolist() == order.tolist(), query
        assert top.score[row] == pytest.approx(expected[order])


def test_the_best_are_those_of_a_full_sort_whatever_ties() -> None:
    rng = np.random.default_rng(0)
    asked, index = rng.integers(0, 3, (20, 4)).astype(float), rng.integers(0, 3, (4, 50)).astype(float)
    full = np.argsort(-(asked @ index), axis=1, kind="stable")
    for depth in (1, 7, 50, 80):
        assert (top_documents(asked, index, depth).document == full[:, :depth]).all()
    assert top_documents(asked, index, 0).document.shape == (20, 0)
