"""A query is its text: what two queries must share to be one, whatever their ids and collections.

The key keeps the order of words and every symbol inside them: `c++ string split` is not `c# string split`, `paris to
london` not `london to paris`, `4.5 inch tv` not `5.4 inch tv`. Letter case, the spelling of a character, spaces, and a
mark that ends a sentence tell nothing apart.
"""

import hashlib
import unicodedata
from typing import Final

import polars as pl

from label_pipeline.core.tables import QUERY_KEY

NORMALISER: Final = "1"
"""Version of ``normal_text``; stored with each split, for another one may find other twins."""

_ENDS: Final = "?!.,;:\u2026\uff1f\uff01\u3002"


def normal_text(query: str) -> str:
    """The text by which a query is known: NFKC, case folded, single spaces, no mark of a sentence's end."""
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split()).rstrip(_ENDS + " ")


def text_key(query: str) -> str:
    """Version of the normaliser, and a hash of the normal text: equal for queries that are one."""
    return f"{NORMALISER}:{hashlib.sha256(normal_text(query).encode()).hexdigest()[:16]}"


def with_text_key(rows: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with ``text_key`` of their query; where its text is not loaded, the one they were stored with, or null.

    Args:
        rows: QUERY_KEY and more; their own ``text_key``, where they have one, is what their query was known by.
        queries: QUERIES.
    """
    keys = pl.Series("text_key", [text_key(text) for text in queries["query"]], dtype=pl.String)
    known = queries.select(QUERY_KEY).with_columns(keys)
    stored = rows if "text_key" in rows.columns else rows.with_columns(text_key=pl.lit(None, dtype=pl.String))
    found = stored.rename({"text_key": "stored_key"}).join(
        known, on=list(QUERY_KEY), how="left", maintain_order="left"
    )  # fmt: skip
    return found.with_columns(pl.coalesce("text_key", "stored_key").alias("text_key")).drop("stored_key")
