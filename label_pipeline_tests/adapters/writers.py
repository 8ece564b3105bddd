"""What a process of its own does to the tables, in the tests where several write at once.

Beside the tests so that a started process loads little. Keep out: expectations.
"""

import datetime as dt
from multiprocessing.synchronize import Barrier
from pathlib import Path

import polars as pl

from label_pipeline.adapters.store import Store
from label_pipeline.core.errors import TableError

DAY = dt.date(2026, 1, 1)
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def looks(*names: str) -> pl.DataFrame:
    """HOLDOUT_LOOKS rows (facts)."""
    rest = {"judge_version": "j", "holdout_hash": "h", "policy_hash": "p", "open": True, "looked_at": NOON}
    numbers = {"collection": "main", "look": 1, "epoch": 0, "alpha": 0.03}
    return pl.DataFrame([{"verdict_id": name, **numbers, **rest} for name in names])


def queries(*ids: str, collection: str = "main") -> pl.DataFrame:
    """QUERIES rows (a snapshot)."""
    return pl.DataFrame([{"task": "relevance", "collection": collection, "query_id": q, "query": "?"} for q in ids])


def candidates(*ids: str, day: dt.date = DAY) -> pl.DataFrame:
    """CANDIDATES rows (a snapshot that is loaded day by day)."""
    pair = {"task": "relevance", "collection": "main", "doc_id": "d", "doc_version": "v", "arrived_on": day}
    return pl.DataFrame([{"query_id": name, **pair} for name in ids])


def append_ten(root: str, writer: int, start: Barrier) -> None:
    """Ten appends under ten commit ids."""
    start.wait()
    for number in range(10):
        Store(root).append("holdout_looks", looks(f"{writer}-{number}"), f"{writer}-{number}")


def load_again_and_again(root: str, writer: int, start: Barrier, folder: str, rounds: int) -> None:
    """In each round loads a day of its own, then a table that the other process loads too; notes what it was told."""
    store, said = Store(root), []
    day = DAY + dt.timedelta(days=writer)
    for number in range(rounds):
        start.wait()
        store.overwrite("candidates", candidates(f"{writer}-{number}", day=day), {"arrived_on": day})
        start.wait()
        try:
            store.overwrite("queries", queries(*(f"{writer}-{number}-{row}" for row in range(3))))
            said.append("")
        except TableError as error:
            said.append(str(error).replace("\n", " "))
    (Path(folder) / str(writer)).write_text("\n".join(said))
