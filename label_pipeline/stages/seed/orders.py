"""Retrieval orders: which documents a search puts where for a query, built in or brought along.

Two orders at least, or the seed knows only what one search already finds.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
import polars as pl

from label_pipeline.core.query_text import normal_text
from label_pipeline.core.retrieval import Top, bm25_matrices, tfidf, top_documents
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.core.text import Field, Floats, QueryTerms, Tokens, Vocabulary
from label_pipeline.stages.seed.values import RawInput, number

RETRIEVED = {
    "order": pl.String, "task": pl.String, "collection": pl.String, "query_id": pl.String, "doc_id": pl.String,
    "rank": pl.Int64,
}  # fmt: skip
"""Columns of a retrieval order: the document at ``rank`` (from 1) for the query."""

LATENT = 64
"""Directions of the latent order; scikit-learn advises about 100 for LSA, 64 halves the time."""


class Read(NamedTuple):
    """Orders read from files: RETRIEVED rows, and what became of the files' rows."""

    found: pl.DataFrame
    books: dict[str, int]


def built_in_orders(drawn: pl.DataFrame, documents: pl.DataFrame, depth: int, seed: int = 0) -> pl.DataFrame:
    """Two orders over the documents themselves: ``bm25`` by words, ``lsa`` by latent meaning.

    BM25 finds the query's words; LSA (cosine in the first 64 singular directions of TF-IDF; Deerwester et al. 1990)
    finds documents that use other words of the same company. Where a collection is too small for directions the second
    order is the TF-IDF cosine, called ``tfidf``.

    Args:
        drawn: queries (DRAWN).
        documents: doc_id, title, text of everything that may be graded.
        depth: documents per order and query.
        seed: of the randomised SVD.

    Returns:
        RETRIEVED rows; a document that matches nothing of the query (score 0 or below) is not found.
    """
    if drawn.is_empty() or documents.is_empty():
        return pl.DataFrame(schema=RETRIEVED)
    documents = documents.sort("doc_id")
    titles = documents["title"].fill_null("").to_list()
    seen = [f"{title}\n{text}" for title, text in zip(titles, documents["text"].to_list(), strict=True)]
    vocabulary = Vocabulary()
    tokens, asked = vocabulary.encode(seen), vocabulary.encode(drawn["query"].to_list())
    body = Field.of(tokens, len(vocabulary.terms))
    orders = {"bm25": top_documents(*bm25_matrices(body, QueryTerms.of(asked, len(vocabulary.terms))), depth)}
    orders |= _by_meaning(body, asked, depth, seed)
    ids = documents["doc_id"].to_numpy()
    keys = drawn.select(QUERY_KEY).with_row_index("row")
    return pl.concat([_rows(name, top, ids, keys) for name, top in orders.items()])


def _by_meaning(body: Field, asked: Tokens, depth: int, seed: int) -> dict[str, Top]:
    """Truncated SVD (Halko et al. 2011, randomised) of the documents' TF-IDF matrix; queries are folded in."""
    idf = np.where(body.document_frequency > 0, body.inverse_document_frequency, 0.0)
    documents, queries = tfidf(body.tokens, idf), tfidf(asked, idf)
    shared = np.flatnonzero(body.document_frequency >= 2)  # a word of one document says nothing about another
    directions = min(LATENT, shared.size - 1, documents.shape[0] - 1)
    if directions < 2:
        return {"tfidf": top_documents(queries, documents.T.tocsr(), depth)}
    from sklearn.decomposition import TruncatedSVD

    model = TruncatedSVD(n_components=directions, n_iter=4, random_state=seed)
    latent = model.fit_transform(documents.tocsc()[:, shared].tocsr())
    folded = queries.tocsc()[:, shared].tocsr() @ model.components_.T
    return {"lsa": top_documents(_unit(folded), _unit(latent).T, depth)}


def _unit(rows: Floats) -> Floats:
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norm > 0, norm, 1), dtype=np.float64)


def _rows(name: str, top: Top, ids: np.ndarray, keys: pl.DataFrame) -> pl.DataFrame:
    depth = top.document.shape[1]
    found = pl.DataFrame(
        {
            "row": np.repeat(np.arange(len(top.document), dtype=np.uint32), depth),
            "doc_id": ids[top.document.ravel()].tolist(),
            "rank": np.tile(np.arange(1, depth + 1), len(top.document)),
            "score": top.score.ravel(),
        }
    )
    kept = found.filter(pl.col("score") > 0).with_columns(pl.lit(name).alias("order"))
    return kept.join(keys, on="row").select(list(RETRIEVED))


def read_orders(inputs: Sequence[RawInput], drawn: pl.DataFrame) -> Read:
    """The orders of candidate files: columns query_id or query, doc_id, ``order``, and ``rank`` or ``score``.

    Without ``order`` the file's name is the order's. Documents stand by ``rank``; without one by ``score``, the highest
    first; without either as the file has them. A query is met by its id, else by its text: a search
    may have other ids than the log, or the log none.

    Returns:
        RETRIEVED rows of drawn queries, ranks from 1 without gaps, and the books: read = found + of other queries +
        repeats + unreadable.
    """
    frames = []
    for raw in inputs:
        frame = raw.frame.with_columns(
            pl.col("order").fill_null(PurePath(raw.source).stem),
            pl.Series("normal", [normal_text(text or "") for text in raw.frame["query"]], dtype=pl.String),
        )
        frames.append(frame)
    rows = pl.concat(frames).with_row_index("at")
    good = rows.filter(pl.col("problem").is_null() & pl.col("doc_id").is_not_null())
    body = ["task", "collection"]
    by_id = good.join(drawn.select(*QUERY_KEY), on=list(QUERY_KEY), how="semi")
    by_words = good.join(by_id.select("at"), on="at", how="anti").drop("query_id")
    matched = pl.concat(
        [by_id, by_words.join(drawn.select(*body, "normal", "query_id"), on=[*body, "normal"]).select(by_id.columns)]
    )
    key = ["order", *QUERY_KEY]
    ranked = matched.sort(number("rank"), -number("score"), "at", nulls_last=True)
    found = ranked.unique([*key, "doc_id"], keep="first", maintain_order=True).with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(key).alias("rank")
    )
    books = {
        "read": rows.height,
        "found": found.height,
        "of other queries": good.height - matched.height,
        "repeats": matched.height - found.height,
        "unreadable": rows.height - good.height,
    }
    return Read(found.select(list(RETRIEVED)), books)
