"""A query is its text: what two queries must share to be one, whatever their ids and collections.

The key keeps the order of words and every symbol inside them: `c++ string split` is not `c# string split`, `paris to
london` not `london to paris`, `4.5 inch tv` not `5.4 inch tv`. Letter case, the spelling of a character, spaces, and a
mark that ends a sentence tell nothing apart.
"""

import hashlib
import re
import unicodedata
from typing import Final

import polars as pl

from label_pipeline.core.tables import QUERY_KEY

NORMALISER: Final = "1"
"""Version of ``normal_text``; stored with each split, for another one may find other twins."""

SMALL_WORDS: Final = frozenset(
    {"a", "an", "and", "are", "at", "by", "can", "do", "does", "for", "from", "how", "i", "in", "is", "it", "me", "my",
     "of", "on", "or", "the", "to", "what", "when", "where", "which", "who", "why", "with"}
)  # fmt: skip
"""English words that near-duplicates add and drop; other languages are clustered by all of their words."""

TELLING_WORDS: Final = 3
TELLING_SIGNS: Final = 6
"""From so many words, or characters of a script without spaces, a query's text in a prompt is that query."""

_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese."""

_ENDS: Final = "?!.,;:\u2026\uff1f\uff01\u3002"


def normal_text(query: str) -> str:
    """The text by which a query is known: NFKC, case folded, single spaces, no mark of a sentence's end."""
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split()).rstrip(_ENDS + " ")


def text_key(query: str) -> str:
    """Version of the normaliser, and a hash of the normal text: equal for queries that are one."""
    return f"{NORMALISER}:{hashlib.sha256(normal_text(query).encode()).hexdigest()[:16]}"


def near_key(query: str) -> str:
    """Equal for queries that say nearly the same: the same words in any order, without plural s and small words.

    Only for dealing them together: such queries stay two, for `paris to london` is not `london to paris`. A query of
    small words alone is near to its own text only.
    """
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", query).casefold())
    said = sorted({_singular(word) for word in words} - SMALL_WORDS)
    return " ".join(said) or normal_text(query)


def near_groups(queries: pl.DataFrame) -> list[tuple[str, ...]]:
    """The texts of QUERIES that say nearly the same and are not the same, by task; the largest groups first."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for task, text in queries.select("task", "query").iter_rows():
        found.setdefault((task, near_key(text)), {}).setdefault(normal_text(text), text)
    groups = [tuple(texts.values()) for texts in found.values() if len(texts) > 1]
    return sorted(groups, key=lambda group: (-len(group), group))


def _singular(word: str) -> str:
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def shown_in(queries: pl.DataFrame, text: str) -> pl.DataFrame:
    """The queries (QUERY_KEY) whose whole text stands in ``text``, such as an example in a prompt.

    Marks between words do not matter, nor how a prompt quotes. Short queries are left alone: of fewer than
    ``TELLING_WORDS`` words, or ``TELLING_SIGNS`` characters where a script has no spaces. "vpn" in a prompt shows no
    query. A query that stands inside a longer example counts as shown.
    """
    said = _plain(text)
    return queries.filter(pl.Series([_shows(said, _plain(one)) for one in queries["query"]], dtype=pl.Boolean)).select(
        QUERY_KEY
    )


def _shows(said: str, query: str) -> bool:
    if _UNSPACED.search(query):
        return len(query.replace(" ", "")) >= TELLING_SIGNS and query.replace(" ", "") in said.replace(" ", "")
    return len(query.split()) >= TELLING_WORDS and f" {query} " in f" {said} "


def _plain(text: str) -> str:
    """Letters and digits, case folded, and single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(sign if sign.isalnum() or _joins(sign) else " " for sign in folded).split())


def _joins(sign: str) -> bool:
    return unicodedata.category(sign).startswith("M")


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
