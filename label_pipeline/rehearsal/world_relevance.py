"""How relevant a document truly is to a query: a number in [0, 1] that no pipeline stage ever sees.

A pure function of the world: same topic, question answered, special case met, words shared, date, source and language.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from label_pipeline.rehearsal.lexical import LexicalIndex
from label_pipeline.rehearsal.words import words
from label_pipeline.rehearsal.world_documents import NEWEST, Document
from label_pipeline.rehearsal.world_facets import FACETS
from label_pipeline.rehearsal.world_phrases import DETAILS
from label_pipeline.rehearsal.world_queries import WorldQuery
from label_pipeline.rehearsal.world_vocabulary import TOPICS

_FACETS = {key: column for column, key in enumerate(FACETS)}
_TRUST = {"wiki": 1.10, "tickets": 1.05, "drive": 0.90, "mail": 0.80, "chat": 0.65}
"""What an answer is worth by where it stands."""
_PERISHABLE = {"deadline", "cost", "owner", "outage", "policy"}
"""Answers to these go stale; how to set something up hardly does."""
STALE_DAYS = (300, 700)
"""Age in days at which an answer starts to go stale, and at which it is."""
_HANDY = ((15, 30, 80, 170), (0.65, 1.0, 1.0, 0.45))
"""(words, factor): a terse note lacks what one needs, a long text hides it. Length alone makes nothing relevant."""


def _facet_shares(document: Document) -> NDArray[np.float64]:
    """How well a document answers each facet, shape (facets,), in [0, 1].

    One answering sentence gives .65, two .88, three .96 (1 - .35^n), times .55 to 1 for how much of the document
    is about it; a facet that is only named counts .1 whatever the length.
    """
    answered, named = np.zeros(len(FACETS)), np.zeros(len(FACETS))
    for sentence in document.sentences:
        if sentence.facet is not None:
            answered[_FACETS[sentence.facet]] += 1
        for facet in sentence.touched:
            named[_FACETS[facet]] = 0.1
    focus = 0.55 + 0.45 * np.minimum(1, 2 * answered / max(len(document.sentences), 1))
    return np.maximum((1 - 0.35**answered) * focus, named)


class Relevance:
    """The latent relevance of every pair, one row per query.

    Args:
        queries: rows.
        documents: columns.
        index: postings of the documents' words, in the same order.
    """

    def __init__(self, queries: Sequence[WorldQuery], documents: Sequence[Document], index: LexicalIndex) -> None:
        self._index = index
        self._topics = np.array([document.topic for document in documents])
        self._domains = np.array([TOPICS[document.topic].domain for document in documents])
        self._facets = np.array([_facet_shares(document) for document in documents])
        self._details = np.zeros((len(documents), len(DETAILS)), dtype=bool)
        for row, document in enumerate(documents):
            for sentence in document.sentences:
                if sentence.detail is not None:
                    self._details[row, sentence.detail] = True
        ages = np.array([(NEWEST - document.created_on).days for document in documents])
        self._stale = np.interp(ages, STALE_DAYS, (0, 1))
        self._trust = np.array([_TRUST[document.source] for document in documents])
        self._handy = np.interp([len(words(document.text)) for document in documents], *_HANDY)
        self._german = np.array([document.language == "de" for document in documents])
        self.matrix: NDArray[np.float64] = np.array([self._row(query) for query in queries])

    def _row(self, query: WorldQuery) -> NDArray[np.float64]:
        """Relevance of every document to one query, shape (documents,)."""
        same = self._topics == query.topic
        sibling = (self._domains == TOPICS[query.topic].domain) & ~same
        facet = np.maximum(
            self._facets[:, _FACETS[query.facet]], 0.3 * self._facets[:, _FACETS[FACETS[query.facet].related]]
        )
        if query.detail is None:
            special = np.where(self._details.any(axis=1), 0.55, 1.0)
        else:
            special = self._details[:, query.detail].astype(float)
        fresh = 1 - (0.45 if query.facet in _PERISHABLE else 0.25) * self._stale
        shared = self._index.coverage(words(query.text)) - 0.4
        foreign = self._german != (query.language == "de")
        about = (
            0.24 + facet * (0.46 + 0.60 * special) * fresh * self._handy * self._trust + 0.16 * shared - 0.10 * foreign
        )
        latent: NDArray[np.float64] = np.clip(
            np.where(same, about, 0.03 + 0.08 * sibling * facet + 0.05 * shared), 0, 1
        )
        return latent
