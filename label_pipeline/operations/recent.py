"""What is new: the rows a nightly check looks at; those of older days were looked at on their own nights.

`maintain` looks at all of them again. Keep out: what a check asks (sql/checks/).
"""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from label_pipeline.adapters.store import Store
from label_pipeline.adapters.where import Since, Where
from label_pipeline.operations.project import Project

RECENT_DAYS = 31
"""Days that stay new: a month of nights that nobody looked at is found on the next one."""


def recent_rows(project: Project, columns: Mapping[str, str]) -> dict[str, Where]:
    """By table, the rows that are new, where ``columns`` names what tells."""
    if not columns:
        return {}
    store, days = project.store("rank"), recent_days(project)
    values = {"query_id": lambda: _queries(store, days)}
    return {table: {column: values[column]() if column in values else days} for table, column in columns.items()}


def recent_days(project: Project) -> list[date]:
    """The newest ``RECENT_DAYS`` days that have candidates or books, and every day booked so many days ago or later."""
    store = project.store("rank")
    known = {*store.read("candidates", ["arrived_on"])["arrived_on"].unique()}
    booked = store.read("label_runs", ["day", "finished_at"])
    since = project.clock() - timedelta(days=RECENT_DAYS)
    lately = booked.filter(pl.col("finished_at") >= since)["day"].unique().to_list()
    return sorted({*sorted({*known, *booked["day"].unique()})[-RECENT_DAYS:], *lately})


def recent_coverage(project: Project) -> pl.DataFrame:
    """Coverage of the new days: rows of sql/amplify/coverage.sql."""
    columns = {"candidates": "arrived_on", "labels": "query_id"}
    return project.store("amplify").query("amplify/coverage", where=recent_rows(project, columns))


def since_last_books(project: Project) -> Since | None:
    """The moment after which labels may be that no books count: every run books what others left before it begins."""
    finished = project.store("amplify").read("label_runs", ["finished_at"])["finished_at"]
    newest = max(finished, default=None)
    return None if newest is None else Since(newest - timedelta(days=1))


def _queries(store: Store, days: list[date]) -> list[str]:
    found = store.read("candidates", ["query_id", "arrived_on"], {"arrived_on": days})
    return found["query_id"].unique().to_list()
