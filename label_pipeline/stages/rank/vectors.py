"""Documents and queries as vectors: TF-IDF cosine over words, and its latent (LSA) companion.

Fitted on documents only; a query is folded in.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from label_pipeline.core.retrieval import tfidf
from label_pipeline.core.text import Field, Floats, Ints, Tokens

LSA_DIMENSIONS = 64
"""Latent dimensions; scikit-learn advises about 100 for LSA, 64 halves the time."""


def unit(rows: Floats) -> Floats:
    """Rows scaled to length 1; a zero row stays zero."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norm > 0, norm, 1), dtype=np.float64)


@dataclass(frozen=True)
class Vectors:
    """Unit vectors of documents and queries.

    Attributes:
        documents: (D, V) TF-IDF.
        queries: (Q, V) TF-IDF with the documents' idf.
        latent_documents: (D, k) projection on the first k singular vectors; k may be 0 in a tiny collection.
        latent_queries: (Q, k).
    """

    documents: sparse.csr_array
    queries: sparse.csr_array
    latent_documents: Floats
    latent_queries: Floats

    @classmethod
    def fit(cls, field: Field, queries: Tokens, seed: int) -> "Vectors":
        """Truncated SVD (Halko et al. 2011, randomised) of the documents' TF-IDF matrix."""
        idf = np.where(field.document_frequency > 0, field.inverse_document_frequency, 0.0)
        document_rows, query_rows = tfidf(field.tokens, idf), tfidf(queries, idf)
        shared = np.flatnonzero(field.document_frequency >= 2)  # a word of one document says nothing about another
        k = min(LSA_DIMENSIONS, shared.size - 1, document_rows.shape[0] - 1)
        if k < 2:
            empty = np.zeros((document_rows.shape[0], 0)), np.zeros((query_rows.shape[0], 0))
            return cls(document_rows, query_rows, *empty)
        from sklearn.decomposition import TruncatedSVD

        model = TruncatedSVD(n_components=k, n_iter=4, random_state=seed)
        latent = model.fit_transform(document_rows.tocsc()[:, shared].tocsr())
        folded = query_rows.tocsc()[:, shared].tocsr() @ model.components_.T
        return cls(document_rows, query_rows, unit(latent), unit(folded))

    def cosines(self, document: Ints, query: Ints) -> dict[str, Floats]:
        """``tfidf_cosine`` (0-1) and ``lsa_cosine`` (-1 to 1) of each pair, shape (n,)."""
        words = self.documents[document].multiply(self.queries[query]).sum(axis=1)
        latent = np.einsum("ij,ij->i", self.latent_documents[document], self.latent_queries[query])
        return {
            "tfidf_cosine": np.asarray(words, dtype=np.float64).ravel(),
            "lsa_cosine": np.asarray(latent, dtype=np.float64),
        }
