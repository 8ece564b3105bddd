"""Reading a table of many nights, whole and one night of it, against the reader that its library brings.

Keep out: what a whole night costs after a year of them (growth.py).
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow.compute as pc
from deltalake import DeltaTable

from label_pipeline.adapters.open_tables import OPEN
from label_pipeline.adapters.store import Store
from label_pipeline_tests.benchmarks.paired import Paired, paired
from label_pipeline_tests.sql.frames import DAY, rows

NIGHTS, A_NIGHT = 60, 100


def tables(folder: Path) -> Iterator[Paired]:
    """A table of ``NIGHTS`` commits."""
    store = Store(str(folder / "tables"), "rank")
    for night in range(NIGHTS):
        day = DAY + timedelta(days=night)
        some = rows("labels", *({"query_id": f"q{number}", "day": day} for number in range(A_NIGHT)))
        store.append("labels", some, f"night {night}")
    delta, last = DeltaTable(store._uri("labels")), DAY + timedelta(days=NIGHTS - 1)

    def ours(**where: object) -> pl.DataFrame:
        OPEN.forget()  # as a process that begins: the rows of a kept table are answered from memory
        return store.read("labels", where=where or None)  # type: ignore[arg-type]  # a day

    def theirs(one_day: bool) -> pl.DataFrame:
        chosen = pc.field("day") == last if one_day else None
        return pl.DataFrame(pl.from_arrow(DeltaTable(delta.table_uri).to_pyarrow_dataset().to_table(filter=chosen)))

    for what, where, height in (("all of it", {}, NIGHTS * A_NIGHT), ("one night of it", {"day": last}, A_NIGHT)):
        assert ours(**where).height == theirs(bool(where)).height == height
        yield paired(
            f"What does a table of {NIGHTS} commits cost to open and read, {what}?",
            ("`Store.read`, types and rules looked at", lambda where=where: ours(**where)),  # type: ignore[misc]
            ("`DeltaTable.to_pyarrow_dataset()`", lambda where=where: theirs(bool(where))),  # type: ignore[misc]
            unit="a read",
        )  # fmt: skip
