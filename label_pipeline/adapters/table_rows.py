"""The rows of one table as a frame.

On this machine polars scans the files: the columns and row groups it needs, five to fifteen times as fast as delta-rs'
dataset, which is made anew at every question and looks at the statistics of each file. On S3 it is that dataset, which
skips whole objects. Keep out: what of it is kept (open_tables.py), questions over files (table_files.py).
"""

from collections.abc import Sequence

import polars as pl
from deltalake import DeltaTable

from label_pipeline.adapters.table_files import local_files, stored_schema
from label_pipeline.adapters.where import Rules, having, matching


def read_rows(delta: DeltaTable, columns: Sequence[str], kept: Rules) -> pl.DataFrame | None:
    """The rows that have what ``kept`` says, in the order of the files; of ``columns`` those that are stored.

    None where a column that rows are chosen by is not stored: it was declared later, and is null in every row.

    Args:
        delta: the table, open.
        columns: what is read of it.
        kept: what rows must have.

    Raises:
        DeltaError: the table asks of readers what none here can do.
        OSError: a file cannot be read.
        ArrowException: a file is damaged (S3).
        PolarsError: the same (local).
    """
    schema = stored_schema(delta)
    if not kept.keys() <= schema.keys():
        return None
    read = [name for name in columns if name in schema]
    uris = local_files(delta, kept)
    if uris is not None:
        if not uris:
            return pl.DataFrame(schema=schema).select(read)
        # a file older than a column has none: the schema is the table's, not that of its first file
        files = pl.scan_parquet(list(uris), schema=schema, missing_columns="insert", extra_columns="ignore", glob=False)
        return (files.filter(matching(schema, kept)) if kept else files).select(read).collect()
    dataset = delta.to_pyarrow_dataset()
    rows = dataset.to_table(columns=read, filter=having(dataset.schema, kept))
    return pl.DataFrame(pl.from_arrow(rows))
