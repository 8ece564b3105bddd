"""Which queries are graded: a stratified draw with recorded inclusion probabilities, repeatable and extendable.

Inside a stratum the queries with the smallest permanent random numbers are drawn: a simple random sample whose
probability n_h / N_h is exact.
"""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from label_pipeline.core.errors import InputError
from label_pipeline.core.query_text import normal_text
from label_pipeline.core.sampling import allocate, permanent_number
from label_pipeline.core.words import letters_and_digits
from label_pipeline.stages.seed.querylog import BANDS, IDENTITY, STRATUM

SALT = "label_pipeline.draw"

DRAWN = {
    "task": pl.String, "collection": pl.String, "query_id": pl.String, "query": pl.String, "language": pl.String,
    "normal": pl.String, "frequency": pl.Float64, "language_group": pl.String, "band": pl.String,
    "n_stratum": pl.Int64, "n_drawn": pl.Int64, "probability": pl.Float64,
}  # fmt: skip
"""Columns of draw.csv: one drawn query, its stratum when it was drawn, and how likely that was."""


@dataclass(frozen=True)
class QueryPlan:
    """The design by which queries are drawn.

    Attributes:
        queries: wanted in each collection.
        by: what a stratum's share follows. ``traffic``: its searches, so that head, torso and tail get about a third
            each; ``queries``: its distinct queries, which is nearly all tail.
        floor: drawn from every stratum at least, as far as it has queries; 2 let its variance be estimated.
        seed: another one draws other queries.
    """

    queries: int = 100
    by: Literal["traffic", "queries"] = "traffic"
    floor: int = 2
    seed: int = 7

    @property
    def salt(self) -> str:
        """Salt of the permanent random numbers by which queries are drawn."""
        return f"{SALT}.queries.{self.seed}"


def draw_queries(
    log: pl.DataFrame, plan: QueryPlan, before: pl.DataFrame | None = None, spread: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Draws ``plan.queries`` queries of every collection.

    Args:
        log: the sampling frame (``QueryLog.queries``).
        plan: how.
        before: an earlier draw (DRAWN), all of which is kept. With the same log the new draw contains it anyway, and
            probabilities stay exact. With another log a query is drawn if either draw takes it; as both follow the same
            permanent numbers its probability is the larger of the two (exact for a threshold on the number, within
            O(1 / n_h) for the n_h smallest).
        spread: columns of STRATUM and ``spread``, the standard deviation of what is to be estimated in that stratum:
            shares then follow size times spread (Neyman 1934). Strata not named count with the mean spread.

    Returns:
        DRAWN rows by permanent number: the same log and plan give the same rows.

    Raises:
        InputError: the floor alone needs more queries than wanted.
    """
    kept = before.select(DRAWN.keys()) if before is not None else pl.DataFrame(schema=DRAWN)
    # an older version knew queries by their sorted words
    kept = kept.with_columns(pl.Series("normal", [normal_text(text) for text in kept["query"]], dtype=pl.String))
    if log.is_empty():
        return kept
    ranked = (
        log.join(_strata(log, plan, spread), on=list(STRATUM))
        .pipe(_numbered, plan.salt)
        .with_columns(pl.col("number").rank("ordinal").over(STRATUM).alias("place"))
        .with_columns((pl.col("n_drawn") / pl.col("n_stratum")).alias("probability"))
    )
    old = kept.select(
        *IDENTITY, pl.col("query_id", "query", "language").name.prefix("old_"), pl.col("probability").alias("earlier")
    )
    joined = ranked.join(old, on=list(IDENTITY), how="left")
    is_old = pl.col("earlier").is_not_null()
    drawn = joined.filter((pl.col("place") <= pl.col("n_drawn")) | is_old).with_columns(
        *(
            pl.when(is_old).then(f"old_{name}").otherwise(name).alias(name)
            for name in ("query_id", "query", "language")
        ),
        pl.max_horizontal("probability", "earlier").alias("probability"),
    )
    gone = kept.join(log, on=list(IDENTITY), how="anti").pipe(_numbered, plan.salt)
    columns = [*DRAWN, "number"]
    return pl.concat([drawn.select(columns), gone.select(columns)]).sort("number").drop("number")


def summary(log: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """One row per stratum of the log: its queries, its share of the collection's traffic, how many are drawn.

    A stratum nobody was drawn from is there too; a drawn query that left the log counts in the stratum it was drawn in.
    """
    sizes = log.group_by(STRATUM).agg(pl.len().alias("queries"), pl.col("traffic").sum().round(4))
    counts = drawn.group_by(STRATUM).agg(pl.len().alias("drawn"), pl.col("probability").mean().round(4))
    order = pl.col("band").replace_strict(dict(zip(BANDS, range(len(BANDS)), strict=True)), return_dtype=pl.Int8)
    return (
        sizes.join(counts, on=list(STRATUM), how="full", coalesce=True)
        .with_columns(pl.col("queries", "drawn").fill_null(0).cast(pl.Int64), pl.col("traffic").fill_null(0.0))
        .sort(pl.col("task"), pl.col("collection"), pl.col("language_group"), order)
        .select(*STRATUM, "queries", "traffic", "drawn", "probability")
    )


def _numbered(queries: pl.DataFrame, salt: str) -> pl.DataFrame:
    """Adds each query's permanent ``number``: it belongs to the words, not to an id, a spelling or their order.

    By the first tokeniser for good: with other words an extended draw would not hold the one before it.
    """
    numbers = [
        permanent_number(salt, task, collection, " ".join(sorted(letters_and_digits(normal))))
        for task, collection, normal in queries.select(IDENTITY).iter_rows()
    ]
    return queries.with_columns(pl.Series("number", numbers, dtype=pl.Float64))


def _strata(log: pl.DataFrame, plan: QueryPlan, spread: pl.DataFrame | None) -> pl.DataFrame:
    """STRATUM, ``n_stratum`` and ``n_drawn``."""
    strata = log.group_by(STRATUM).agg(
        pl.len().cast(pl.Int64).alias("n_stratum"), pl.col("traffic").sum().alias("size")
    ).sort(STRATUM)  # fmt: skip
    if plan.by == "queries":
        strata = strata.with_columns(pl.col("n_stratum").cast(pl.Float64).alias("size"))
    if spread is not None:
        strata = strata.join(spread, on=list(STRATUM), how="left", maintain_order="left").with_columns(
            (pl.col("size") * pl.col("spread").fill_null(pl.col("spread").mean()).fill_null(1.0)).alias("size")
        )
    parts = []
    for (task, collection), part in strata.group_by("task", "collection", maintain_order=True):
        try:
            places = allocate(plan.queries, part["size"].to_list(), part["n_stratum"].to_list(), plan.floor)
        except ValueError as error:
            raise InputError(
                f"collection {collection} ({task}): {error}; draw more queries, or lower the floor"
            ) from error
        parts.append(part.select(*STRATUM, "n_stratum").with_columns(pl.Series("n_drawn", places, dtype=pl.Int64)))
    return pl.concat(parts)
