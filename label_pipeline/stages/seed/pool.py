"""Which documents of a drawn query are graded: its pool, cut into zones, drawn with recorded probabilities.

The pool is the union of every retrieval order down to ``depth``. Half of the pairs come from its top, so that good
documents are among them, the others from deeper down, so that nobody grades only what one search likes. Inside a zone
the draw is a simple random sample by permanent numbers: the probability of every document of the pool is known.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.sampling import allocate, permanent_number
from label_pipeline.core.tables import QUERY_KEY

ZONES = ("top", "near", "far")
ZONE_SHARES = (0.5, 0.3, 0.2)
PAIR = (*QUERY_KEY, "doc_id")
_ID_HEX = 12

PAIRS = {
    "task_id": pl.String, "task": pl.String, "collection": pl.String, "query_id": pl.String, "doc_id": pl.String,
    "doc_version": pl.String, "zone": pl.String, "ranks": pl.String, "n_zone": pl.Int64, "n_drawn": pl.Int64,
    "probability": pl.Float64,
}  # fmt: skip
"""Columns of a drawn pair; ``probability`` is the pair's, given its query; ``ranks`` e.g. ``bm25:3 lsa:17``."""


@dataclass(frozen=True)
class PoolPlan:
    """How the pairs of a query are drawn.

    Attributes:
        pairs: graded a query.
        top: last rank of the zone ``top``, in any order.
        near: last rank of the zone ``near``.
        depth: last rank of the pool.
        seed: another one draws other documents.

    Raises:
        ValueError: unless 1 <= top <= near <= depth and pairs >= 1.
    """

    pairs: int = 12
    top: int = 5
    near: int = 20
    depth: int = 100
    seed: int = 7

    def __post_init__(self) -> None:
        if not (1 <= self.top <= self.near <= self.depth and self.pairs >= 1):
            raise ValueError(
                f"expected 1 <= top <= near <= depth and 1 pair or more a query, got top {self.top}, near {self.near}, "
                f"depth {self.depth}, pairs {self.pairs}"
            )

    @property
    def salt(self) -> str:
        """Salt of the permanent random numbers by which pairs are drawn."""
        return f"label_pipeline.draw.pairs.{self.seed}"


class Pool(NamedTuple):
    """``pairs`` (PAIRS) and ``books``: what became of the documents the orders found, and how deep queries are."""

    pairs: pl.DataFrame
    books: dict[str, int]


def task_id(*pair: str) -> str:
    """The id a pair has in every tool: a hash of task, collection, query id and document id."""
    return "t-" + hashlib.sha256("\x1f".join(pair).encode()).hexdigest()[:_ID_HEX]


def draw_pairs(
    drawn: pl.DataFrame,
    retrieved: pl.DataFrame,
    documents: pl.DataFrame,
    plan: PoolPlan,
    before: pl.DataFrame | None = None,
) -> Pool:
    """Draws ``plan.pairs`` documents of every drawn query.

    Args:
        drawn: DRAWN queries.
        retrieved: RETRIEVED rows of at least two orders.
        documents: DOCUMENTS; customer text and documents that are not there never reach a person.
        plan: how.
        before: pairs of an earlier draw (PAIRS), which are kept while their document may be shown. With the same
            orders the new draw contains them anyway; otherwise a pair's probability is the larger of the two draws'.

    Returns:
        The pairs by task id, and the books.
    """
    found = retrieved.join(drawn, on=list(QUERY_KEY), how="semi")
    known = documents.select(
        "doc_id", "doc_version", (pl.col("boundary") == CUSTOMER).fill_null(False).alias("withheld")
    )
    found = found.join(known, on="doc_id", how="left")
    distinct = found.unique(PAIR)
    shown = found.filter(~pl.col("withheld").fill_null(True))
    pool = _ranked(shown, plan.depth)
    kept = pl.DataFrame(schema=PAIRS) if before is None else before.select(PAIRS.keys())
    visible = known.filter(~pl.col("withheld")).select("doc_id", pl.col("doc_version").alias("current"))
    alive = kept.join(visible, on="doc_id").with_columns(pl.col("current").alias("doc_version")).select(PAIRS.keys())
    pairs = _with_earlier(_first(pool, plan), alive)
    depth = drawn.join(pairs.group_by(QUERY_KEY).len("pairs"), on=list(QUERY_KEY), how="left")["pairs"].fill_null(0)
    books = {
        "found": distinct.height,
        "customer text, never shown to people": int(distinct["withheld"].fill_null(False).sum()),
        "not among the documents": int(distinct["withheld"].null_count()),
        "deeper than the pool": shown.unique(PAIR).height - pool.height,
        "in the pool": pool.height,
        "drawn": pairs.height,
        "drawn earlier, no longer to be shown": kept.height - alive.height,
        "queries without any document": int((depth == 0).sum()),
        "queries with fewer pairs than wanted": int(((depth > 0) & (depth < plan.pairs)).sum()),
    }
    return Pool(pairs, books)


def _ranked(shown: pl.DataFrame, depth: int) -> pl.DataFrame:
    """One row per pair of the pool: best rank over the orders, once what may not be shown is out of them."""
    key = ["order", *QUERY_KEY]
    closed = shown.sort(*key, "rank", "doc_id").with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(key).alias("rank")
    )
    places = pl.format("{}:{}", "order", "rank").str.join(" ")
    pool = (
        closed.sort("order")
        .group_by(*PAIR, "doc_version")
        .agg(pl.col("rank").min().alias("best"), places.alias("ranks"))
    )
    return pool.filter(pl.col("best") <= depth)


def _first(pool: pl.DataFrame, plan: PoolPlan) -> pl.DataFrame:
    """Every pair of the pool with its zone, its place there by permanent number, and its probability."""
    top, near, far = ZONES
    keys = pool.select(PAIR).rows()
    numbered = pool.with_columns(
        pl.when(pl.col("best") <= plan.top).then(pl.lit(top))
        .when(pl.col("best") <= plan.near).then(pl.lit(near)).otherwise(pl.lit(far)).alias("zone"),
        pl.Series("number", [permanent_number(plan.salt, *key) for key in keys], dtype=pl.Float64),
        pl.Series("task_id", [task_id(*key) for key in keys], dtype=pl.String),
    )  # fmt: skip
    sizes = numbered.group_by(QUERY_KEY).agg(*((pl.col("zone") == zone).sum().alias(zone) for zone in ZONES))
    rows = []
    for *query, n_top, n_near, n_far in sizes.iter_rows():
        counts = (n_top, n_near, n_far)
        rows += [
            (*query, zone, size, int(places))
            for zone, size, places in zip(ZONES, counts, allocate(plan.pairs, ZONE_SHARES, counts), strict=True)
        ]
    schema = dict.fromkeys((*QUERY_KEY, "zone"), pl.String) | {"n_zone": pl.Int64, "n_drawn": pl.Int64}
    zones = pl.DataFrame(rows, schema=schema, orient="row")
    return numbered.join(zones, on=[*QUERY_KEY, "zone"]).with_columns(
        pl.col("number").rank("ordinal").over(*QUERY_KEY, "zone").alias("place"),
        (pl.col("n_drawn") / pl.col("n_zone")).alias("probability"),
    )


def _with_earlier(pool: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    earlier = kept.select("task_id", pl.col("probability").alias("earlier"))
    joined = pool.join(earlier, on="task_id", how="left")
    chosen = joined.filter((pl.col("place") <= pl.col("n_drawn")) | pl.col("earlier").is_not_null()).with_columns(
        pl.max_horizontal("probability", "earlier").alias("probability")
    )
    gone = kept.join(pool, on="task_id", how="anti")
    return pl.concat([chosen.select(PAIRS.keys()), gone]).sort("task_id")
