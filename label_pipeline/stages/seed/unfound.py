"""Queries that no document answers by its words, and why a drawn query has no document to be graded.

A query without a common word is found by no search by words: of another language than the documents, misread, or about
something that is not there. Keep out: the orders (orders.py), the draw (pool.py).
"""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.core.words import tokenise

MANY = 0.2
"""Above this share of queries without a word in any document the files are to blame, not the queries."""

SHOWN = 5
"""Such queries that are named."""

FIRST = 10_000
"""Of most files these hold a word of every query, and the others need not be read."""

NO_WORD = "no word of the query occurs in a document that people may read"
UNKNOWN_ID = "the orders name documents that are not among those of the settings"
WITHHELD = "all documents found are customer text"
NOT_NAMED = "no order names a document"
ADVICE = {
    NO_WORD: "see that log and documents are of one language and read in the right encoding and columns, or bring "
    "orders of a search that goes by meaning",
    UNKNOWN_ID: "see that the ids of the orders are the doc_id of the documents",
    WITHHELD: "people may not read customer text: draw queries about other documents",
    NOT_NAMED: "see that the orders hold the queries of the log, by id or by text",
}
"""What keeps a query from every document, and what helps."""


class Wordless(NamedTuple):
    """What is said of queries without a word in any document, and whether they are ``many``."""

    sentence: str
    many: bool


def wordless(queries: pl.DataFrame, documents: pl.DataFrame) -> Wordless | None:
    """How many queries no search by words can find, and which; None where there is none.

    Args:
        queries: QUERIES.
        documents: DOCUMENTS.
    """
    bare = without_words(queries, documents)
    if bare.is_empty():
        return None
    many = bare.height > MANY * queries.height
    told = (
        f"{bare.height} of {queries.height} queries ({bare.height / queries.height:.0%}) have no word that occurs in a "
        f"document: {'; '.join(bare['query'].head(SHOWN))}"
    )
    advice = ". See that queries and documents are of one language, and read in the right encoding and columns"
    return Wordless(told + advice * many, many)


def without_words(queries: pl.DataFrame, documents: pl.DataFrame, first: int = FIRST) -> pl.DataFrame:
    """The rows of ``queries`` none of whose words occurs in title or text of a document.

    Args:
        queries: column ``query``.
        documents: ``title``, ``text``.
        first: so many of them are cut into words before the others are sifted for what is still missing.
    """
    holders: dict[str, list[int]] = {}
    for row, query in enumerate(queries["query"]):
        for word in set(tokenise(query)):
            holders.setdefault(word, []).append(row)
    missing = set(range(queries.height))
    for text in _texts(documents[:first]):
        if not missing:
            break
        _tick_off(text, holders, missing)
    wanted = [word for word, rows in holders.items() if not missing.isdisjoint(rows)]
    if missing and wanted:
        for text in _texts(_sifted(documents[first:], wanted)):
            _tick_off(text, holders, missing)
    return queries[sorted(missing)]


def _tick_off(text: str, holders: dict[str, list[int]], missing: set[int]) -> None:
    """Takes the queries that share a word with ``text`` out of ``missing``, and the word out of ``holders``."""
    for word in holders.keys() & set(tokenise(text)):
        missing.difference_update(holders.pop(word))


def _texts(documents: pl.DataFrame) -> Iterator[str]:
    for title, text in documents.select("title", "text").iter_rows():
        yield f"{title or ''}\n{text}"


def _sifted(documents: pl.DataFrame, words: list[str]) -> pl.DataFrame:
    """The documents that may hold one of the words: in plain text a word stands as it is, but for case."""
    text = pl.concat_str(pl.col("title").fill_null(""), pl.lit("\n"), pl.col("text"))
    plain = pl.Series([word for word in words if word.isascii()], dtype=pl.String)
    return documents.filter(
        text.str.contains(_NOT_PLAIN) | text.str.contains_any(plain.implode(), ascii_case_insensitive=True)
    )


_NOT_PLAIN = "[^\\x00-\\x7f\u00a0\u2010-\u2023\u2026]"
"""A sign beyond ASCII that is no space, dash, quotation mark, bullet or dots."""


def causes(
    drawn: pl.DataFrame, retrieved: pl.DataFrame, documents: pl.DataFrame, pairs: pl.DataFrame
) -> dict[str, int]:
    """Why drawn queries have no pair: cause (a key of ADVICE) to their number, the commonest first.

    Args:
        drawn: DRAWN queries.
        retrieved: RETRIEVED rows of every order.
        documents: DOCUMENTS.
        pairs: what was drawn (PAIRS).
    """
    key = list(QUERY_KEY)
    bare = drawn.join(pairs, on=key, how="anti")
    withheld = (pl.col("boundary") == CUSTOMER).fill_null(False)
    known = documents.select("doc_id", withheld.alias("withheld"))
    named = retrieved.join(bare, on=key, how="semi").join(known, on="doc_id", how="left")
    kept_back = named.filter(pl.col("withheld").fill_null(False)).select(key).unique()
    strangers = named.select(key).unique().join(kept_back, on=key, how="anti")
    silent = bare.join(named, on=key, how="anti")
    no_word = without_words(silent, documents.filter(~withheld)).height
    found = {
        NO_WORD: no_word,
        UNKNOWN_ID: strangers.height,
        WITHHELD: kept_back.height,
        NOT_NAMED: silent.height - no_word,
    }
    return {cause: count for cause, count in sorted(found.items(), key=lambda item: -item[1]) if count}
