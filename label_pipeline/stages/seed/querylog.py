"""The query log: one row per distinct query with its traffic, and the stratum it belongs to.

Near-duplicates ("Reset password", "reset  password?") would sit in two splits and be graded twice, so they are one
query; what was merged is listed. Order and symbols tell queries apart (core/query_text.py).
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from label_pipeline.core.query_text import normal_text
from label_pipeline.core.words import letters_and_digits
from label_pipeline.stages.seed.quarantine import ALIVE, UNJUDGED, Rule, reject
from label_pipeline.stages.seed.values import RawInput, is_nothing, number, shown

UNKNOWN, OTHER = "unknown", "other"
RARE = 0.01
"""A language with less than this share of a collection's traffic has no strata of its own."""

BANDS = ("head", "torso", "tail")
STRATUM = ("task", "collection", "language_group", "band")
IDENTITY = ("task", "collection", "normal")
MAX_CHARS = 10_000
_ID_HEX = 12


class QueryLog(NamedTuple):
    """The log as a sampling frame.

    ``queries``: task, collection, normal (core/query_text.py), query_id, query (as most people type it), language (null
    where unknown), frequency, language_group, band, traffic (share of the collection's). ``books``: what became of its
    rows. ``rejected``: file, line, reason. ``merged``: file, line, query, and kept_as, the spelling it became.
    """

    queries: pl.DataFrame
    books: dict[str, int]
    rejected: pl.DataFrame
    merged: pl.DataFrame


def read_log(inputs: Sequence[RawInput]) -> QueryLog:
    """Reads the log's rows; those of one normal form in one collection are one query, its frequencies added up.

    Args:
        inputs: files read as ``query_log``; a row without ``frequency`` counts once.

    Returns:
        The frame by key, its books (read = queries + near-duplicates + rejected) and the bad rows.
    """
    names = ("query", "query_id", "frequency", "language", "task", "collection")
    rows = pl.concat(
        [
            raw.frame.select(
                *(pl.when(~is_nothing(name)).then(pl.col(name).str.strip_chars()).alias(name)
                  for name in names),
                "line", "problem", pl.lit(raw.source).alias("file"),
            )
            for raw in inputs
        ]
    )  # fmt: skip
    rows = rows.with_columns(
        pl.Series("normal", [normal_text(query or "") for query in rows["query"]], dtype=pl.String),
        number("frequency").alias("count"),
        *UNJUDGED,
    )
    rows = reject(rows, _rules())
    kept = rows.filter(ALIVE).with_columns(pl.col("count").fill_null(1.0).alias("frequency"))
    queries = _in_strata(_distinct(kept))
    rejected = rows.filter(pl.col("fate") == "quarantined").select("file", "line", "reason")
    books = {
        "read": rows.height,
        "queries": queries.height,
        "near-duplicates": kept.height - queries.height,
        "rejected": rejected.height,
    }
    kept_as = queries.select(*IDENTITY, pl.col("query").alias("kept_as"))
    spelled = kept.join(kept_as, on=list(IDENTITY), how="left").filter(pl.col("query") != pl.col("kept_as"))
    return QueryLog(queries, books, rejected, spelled.select("file", "line", "query", "kept_as").sort("file", "line"))


def _rules() -> list[Rule]:
    return [
        Rule("the record cannot be read", pl.col("problem").is_not_null(), pl.col("problem")),
        Rule("empty query", pl.col("query").is_null(), pl.lit("empty query; expected what a user typed: drop the row")),
        Rule(
            "no letter or digit",
            ~pl.col("normal").str.contains(r"[\p{L}\p{N}]"),
            pl.lit("the query has no letter or digit; nothing can be graded for it"),
        ),
        Rule(
            "the query is too long",
            pl.col("query").str.len_chars() > MAX_CHARS,
            pl.lit(f"the query has more than {MAX_CHARS} characters; check the export: a query is what a user typed"),
        ),
        Rule(
            "frequency is no positive number",
            pl.col("frequency").is_not_null() & ~(pl.col("count") > 0).fill_null(False),
            pl.format("frequency {} is no positive number; correct it, or leave it empty for 1", shown("frequency")),
        ),
    ]


def _distinct(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per normal form: the text, id and language most of its traffic has."""
    forms = rows.group_by(*IDENTITY, "query").agg(
        pl.col("frequency").sum(), pl.col("query_id").drop_nulls().min(), pl.col("language").drop_nulls().mode().min()
    )
    best = forms.sort("frequency", "query", descending=[True, False]).group_by(IDENTITY, maintain_order=True)
    found = best.agg(
        pl.col("query").first(),
        pl.col("query_id").drop_nulls().first(),
        pl.col("language").drop_nulls().first(),
        pl.col("frequency").sum(),
    )
    return found.with_columns(pl.Series("query_id", _ids(found), dtype=pl.String))


def _ids(queries: pl.DataFrame) -> list[str]:
    """The log's own ids; where it has none, or two queries share one, a hash of the query's words.

    Of queries of the same words in another order, or with other symbols, the id is a hash of the normal text. Words are
    the first tokeniser's for good: grades already given know the queries by these ids.
    """
    mine = queries["query_id"].is_not_null() & ~queries.select("task", "collection", "query_id").is_duplicated()
    words = [" ".join(sorted(letters_and_digits(text))) for text in queries["normal"]]
    by_words, by_text = (
        [_made(task, collection, text) for task, collection, text in zip(
            queries["task"], queries["collection"], texts, strict=True)]
        for texts in (words, queries["normal"].to_list())
    )  # fmt: skip
    shared = Counter(by_words)
    made = [plain if shared[plain] == 1 else text for plain, text in zip(by_words, by_text, strict=True)]
    return [str(given) if own else new for given, own, new in zip(queries["query_id"], mine, made, strict=True)]


def _made(*key: str) -> str:
    return "q-" + hashlib.sha256("\x1f".join(key).encode()).hexdigest()[:_ID_HEX]


def _in_strata(queries: pl.DataFrame) -> pl.DataFrame:
    """Adds ``traffic``, ``language_group`` and ``band``.

    The band follows the collection's traffic: queries sorted by frequency, those whose frequency's middle lies in the
    first third of all traffic are head, in the second torso, in the last tail. Queries of equal frequency stay
    together; where all are equal there is nothing to tell apart and all are torso.
    """
    body = ["task", "collection"]
    group = pl.col("language").str.to_lowercase().fill_null(UNKNOWN)
    traffic = pl.col("frequency").sum()
    shares = queries.with_columns(
        group.alias("language_group"), (pl.col("frequency") / traffic.over(body)).alias("traffic")
    )
    levels = (
        shares.group_by(*body, "frequency").agg(pl.col("traffic").sum().alias("at"))
        .sort(*body, "frequency", descending=[False, False, True])
        .with_columns((pl.col("at").cum_sum().over(body) - pl.col("at") / 2).alias("middle"))
        .select(*body, "frequency", "middle")
    )  # fmt: skip
    head, torso, tail = BANDS
    return (
        shares.join(levels, on=[*body, "frequency"], how="left")
        .with_columns(
            pl.when(pl.col("middle") < 1 / 3).then(pl.lit(head))
            .when(pl.col("middle") < 2 / 3).then(pl.lit(torso)).otherwise(pl.lit(tail)).alias("band"),
            pl.when(pl.col("traffic").sum().over(*body, "language_group") < RARE).then(pl.lit(OTHER))
            .otherwise("language_group").alias("language_group"),
        )
        .drop("middle")
        .sort(*IDENTITY)
    )  # fmt: skip
