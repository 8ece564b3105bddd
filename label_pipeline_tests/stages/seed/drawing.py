"""Logs, documents and retrieval orders for the tests of the draw, as the readers give them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from label_pipeline.adapters.files.spec import LISTS
from label_pipeline.core.codes.inputs import DateOrder
from label_pipeline.stages.seed.orders import RETRIEVED
from label_pipeline.stages.seed.querylog import QueryLog, read_log


@dataclass(frozen=True)
class Rows:
    """What a file holds, as adapters/files reads it."""

    frame: pl.DataFrame
    table: str = "query_log"
    source: str = "log.csv"
    grades: Mapping[str | int, int | None] | None = None
    date_order: DateOrder | None = None


def rows(table: str, records: Sequence[Mapping[str, object]], source: str = "log.csv") -> Rows:
    """Records as text, absent columns null, task and collection filled in."""
    names = LISTS["query_log" if table == "query_log" else "retrieved"].names
    filled = [{"task": "relevance", "collection": "main", **record} for record in records]
    columns = {
        name: pl.Series(name, [None if row.get(name) is None else str(row[name]) for row in filled], dtype=pl.String)
        for name in names
    }
    frame = pl.DataFrame(columns).with_columns(
        pl.int_range(2, pl.len() + 2).alias("line"), pl.lit(None, dtype=pl.String).alias("problem")
    )
    return Rows(frame, table, source)


def zipf_log(n: int = 2000, collection: str = "main") -> QueryLog:
    """``n`` queries, frequency 20,000 / rank, two in three English."""
    records = [
        {"query": f"word{i} thing{i % 11}", "frequency": 20_000 // i + 1, "language": "de" if i % 3 == 0 else "en",
         "collection": collection}
        for i in range(1, n + 1)
    ]  # fmt: skip
    return read_log([rows("query_log", records)])


def documents(n: int = 400, customers: int = 0) -> pl.DataFrame:
    """DOCUMENTS-like rows d0, d1, ...; the first ``customers`` are customer text."""
    return pl.DataFrame(
        {
            "doc_id": [f"d{i}" for i in range(n)],
            "doc_version": [f"v{i}" for i in range(n)],
            "boundary": ["customer" if i < customers else None for i in range(n)],
        },
        schema_overrides={"boundary": pl.String},
    )


def orders(drawn: pl.DataFrame, n_documents: int = 400, depth: int = 100, seed: int = 0) -> pl.DataFrame:
    """Two retrieval orders that agree in part: the first is random, the second the first with noise."""
    rng = np.random.default_rng(seed)
    found = []
    for key in drawn.select("task", "collection", "query_id").iter_rows():
        score = rng.normal(size=n_documents)
        for name, seen in (("bm25", score), ("lsa", score + rng.normal(size=n_documents))):
            best = np.argsort(-seen)[:depth]
            found += [(name, *key, f"d{doc}", rank) for rank, doc in enumerate(best.tolist(), start=1)]
    return pl.DataFrame(found, schema=RETRIEVED, orient="row")
