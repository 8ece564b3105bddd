"""Runs a question of sql/ over frames in memory or files: DuckDB, one database per process, a cursor per question.

Keep out: which rows a question may see (store.py), what the questions are (queries.py).
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import date
from functools import cache

import duckdb
import polars as pl

from label_pipeline.adapters.queries import Query
from label_pipeline.adapters.table_files import TableFiles
from label_pipeline.core.errors import TableError

MOST_MEMORY = "256MB"
"""What a question may hold in memory beside frames and its answer; more of it goes to disk."""

Value = str | int | float | bool | date | list[str] | list[int] | None


def answer(
    query: Query, tables: Mapping[str, pl.DataFrame | TableFiles], params: Mapping[str, Value] | None = None
) -> pl.DataFrame:
    """Runs ``query`` over ``tables``, frames in memory or files, one for each table it reads.

    Raises:
        TableError: a parameter is missing or unknown, or DuckDB refuses the statement.
    """
    with _database(os.getpid()).cursor() as connection:  # sees nothing that another cursor registers
        try:
            for table, rows in tables.items():
                if isinstance(rows, TableFiles):
                    rows.name_in(connection, table)
                else:
                    connection.register(table, rows.to_arrow())
            return pl.DataFrame(connection.sql(query.statement, params=dict(params or {})).pl())
        except duckdb.Error as error:
            if isinstance(error, duckdb.FatalException):  # it answers nothing any more
                _database.cache_clear()
            raise TableError(f"sql/{query.name}.sql failed: {error}") from error


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:
    """An empty database in memory for this process: to start one takes seven times as long as most questions."""
    folder = tempfile.mkdtemp(prefix="label-pipeline-questions-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return duckdb.connect(
        ":memory:",
        config={
            "python_enable_replacements": False,
            "enable_external_file_cache": False,  # what was read of a file stays in memory until the limit is reached
            "memory_limit": MOST_MEMORY,
            "preserve_insertion_order": False,  # every question says its order
            "temp_directory": folder,
        },
    )
