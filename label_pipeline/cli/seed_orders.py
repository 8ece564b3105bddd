"""What `seed draw` draws from: the files and endpoints somebody names, and the retrieval orders they give."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from rich.console import Console

from label_pipeline.adapters.files import InputSpec, RawRows, read_rows
from label_pipeline.adapters.search import Asked, SearchEndpoint, ask
from label_pipeline.cli.terminal import say
from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.errors import SettingsError
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.operations.project import Project
from label_pipeline.stages.seed.orders import RETRIEVED, built_in_orders, read_orders
from label_pipeline.stages.seed.pool import PoolPlan


@dataclass(frozen=True)
class Sources:
    """The files and endpoints the draw takes its queries and documents from.

    Attributes:
        log: query log.
        log_columns: our column to the file's.
        retrieved: candidate files, each with one or more retrieval orders.
        retrieved_columns: our column to the files'.
        endpoints: order name to URL template.
        key_env: environment variable that holds the endpoints' key; None sends none.
        spread: CSV of strata with a column ``spread``, for a Neyman allocation.
    """

    log: Path
    log_columns: Mapping[str, str]
    retrieved: Sequence[Path]
    retrieved_columns: Mapping[str, str]
    endpoints: Mapping[str, str]
    key_env: str | None
    spread: Path | None


def retrieval_orders(
    console: Console,
    drawn: pl.DataFrame,
    documents: pl.DataFrame,
    sources: Sources,
    plan: PoolPlan,
    project: Project,
) -> pl.DataFrame:
    """Every retrieval order; the built-in ones where fewer than two were brought."""
    parts = [pl.DataFrame(schema=RETRIEVED)]
    if sources.retrieved:
        settings = project.settings
        specs = [
            InputSpec(
                path, "retrieved", columns=sources.retrieved_columns, task=settings.task, collection=settings.collection
            )
            for path in sources.retrieved
        ]
        rows: list[RawRows] = [read_rows(spec) for spec in specs]
        read = read_orders(rows, drawn)
        say(console, "candidate files: " + told(read.books))
        parts.append(read.found)
    endpoints, known = _endpoints(sources), set(parts[-1]["order"])
    for endpoint in endpoints:
        if endpoint.name in known:
            raise SettingsError(
                f"--endpoint {endpoint.name}: a candidate file has an order of that name; give the endpoint another one"
            )
    parts += [_asked(drawn, endpoint, plan.depth) for endpoint in endpoints]
    brought = pl.concat(parts)
    pooled = brought.group_by(QUERY_KEY).agg(pl.col("order").n_unique()).filter(pl.col("order") >= 2)
    alone = drawn.join(pooled, on=list(QUERY_KEY), how="anti")
    if alone.height:
        visible = documents.filter((pl.col("boundary") != CUSTOMER).fill_null(True))
        own = built_in_orders(alone, visible, plan.depth).with_columns(
            pl.when(pl.col("order").is_in(brought["order"].unique().implode()))
            .then(pl.lit("built-in-") + pl.col("order")).otherwise("order").alias("order")
        )  # fmt: skip
        brought = pl.concat([brought, own])
        which = "queries" if alone.height == drawn.height else f"{alone.height} of {drawn.height} queries"
        say(
            console,
            f"fewer than two retrieval orders were brought for {which}: built-in ones over the documents are added",
        )
    say(console, f"retrieval orders: {', '.join(sorted(brought['order'].unique()))}")
    return brought


def _endpoints(sources: Sources) -> list[SearchEndpoint]:
    """The endpoints with their key.

    Raises:
        SettingsError: the variable of the key is not set.
    """
    key = None
    if sources.endpoints and sources.key_env:
        key = os.environ.get(sources.key_env)
        if not key:
            raise SettingsError(
                f"the search endpoints take their key from {sources.key_env}, which is not set: export it"
            )
    return [SearchEndpoint(name, url, key) for name, url in sources.endpoints.items()]


def _asked(drawn: pl.DataFrame, endpoint: SearchEndpoint, depth: int) -> pl.DataFrame:
    queries = drawn.select("query", pl.col("language").fill_null(""), "collection")
    answers = ask(endpoint, [Asked(*row) for row in queries.iter_rows()], depth)
    keys = drawn.select(QUERY_KEY).iter_rows()
    rows = [
        (endpoint.name, *key, doc_id, rank)
        for key, found in zip(keys, answers, strict=True)
        for rank, doc_id in enumerate(found, start=1)
    ]
    return pl.DataFrame(rows, schema=RETRIEVED, orient="row")


def told(books: Mapping[str, int]) -> str:
    """Books as one line, without what is 0."""
    return ", ".join(f"{count:,} {name}" for name, count in books.items() if count or name in ("read", "queries"))
