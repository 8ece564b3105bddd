"""The files of a large local table, for a question to stream over: DuckDB reads the columns and rows it needs.

As a frame, a million rows are hundreds of megabytes, and of a table of texts more than the machine has. On S3 tables
are read as frames (store.py): DuckDB would need an extension that is fetched from elsewhere. Keep out: who may read
what (store.py), small tables (open_tables.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

import duckdb
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, WriterProperties

from label_pipeline.adapters.where import Between, Rules, Scalar, Since

LARGE_ROWS = 20_000
"""Rows from which a table is asked in its files. Smaller ones are kept as frames from one question to the next."""


MOST_VALUES = 100
"""Values a column may have for files to be told apart by them: with more, nearly every file has one."""

WRITTEN = WriterProperties(max_row_group_size=25_000)
"""Rows that are read together at least: of a table of texts some 25 MB, where the library's million is a gigabyte."""


@dataclass(frozen=True)
class TableFiles:
    """One table as its files, and which of its rows a question looks at.

    Attributes:
        uris: its files, in the order of its rows.
        columns: the columns a question may name.
        kept: what rows must have.
    """

    uris: tuple[str, ...]
    columns: tuple[str, ...]
    kept: Rules = field(default_factory=dict)

    def name_in(self, connection: duckdb.DuckDBPyConnection, table: str) -> None:
        """Makes it known to one connection under the table's name.

        Raises:
            duckdb.Error: a file cannot be read.
        """
        rules = [_rule(connection, table, column, values) for column, values in self.kept.items()]
        files = ", ".join(_quoted(uri) for uri in self.uris)
        named = ", ".join(f'"{column}"' for column in self.columns)
        where = f" where {' and '.join(rules)}" if rules else ""
        view = f'create temp view "{table}" as select {named} from read_parquet([{files}], union_by_name = true){where}'  # noqa: S608 - declared names, quoted values
        connection.execute(view)


def large_files(delta: DeltaTable, schema: pl.Schema, needed: Rules) -> tuple[str, ...] | None:
    """The files of a table with ``LARGE_ROWS`` rows or more; None where it is smaller, or stored in another form.

    Args:
        delta: the table, open.
        schema: columns and types that a question asks for; an older version may have stored others.
        needed: columns that rows are chosen by.
    """
    actions = pa.table(delta.get_add_actions(flatten=True))
    counts = actions["num_records"].to_pylist() if "num_records" in actions.column_names else [None]
    if None in counts or sum(counts) < LARGE_ROWS:  # no count: written by another program
        return None
    stored = stored_schema(delta)
    if any(stored.get(name) != kind for name, kind in schema.items()) or not needed.keys() <= stored.keys():
        return None
    return local_files(delta, needed) or None  # DuckDB takes no empty list


def local_files(delta: DeltaTable, kept: Rules) -> tuple[str, ...] | None:
    """Its files on this machine that may have such rows, by the least and greatest values their commits tell.

    None where it is elsewhere, or where files hold more than its rows: another program deleted some or renamed columns
    without writing them anew (reader version 2 and later: deletion vectors, column mapping).

    Args:
        delta: the table, open.
        kept: what rows must have, of columns that are stored.
    """
    if delta.protocol().min_reader_version > 1:
        return None
    uris = delta.file_uris(file_pruning_predicate=_prunes(kept) or None)
    if any("://" in uri.removeprefix("file://") for uri in uris[:1]):
        return None
    return tuple(unquote(uri.removeprefix("file://")) for uri in uris)


def _prunes(kept: Rules) -> list[tuple[str, str, object]]:
    found: list[tuple[str, str, object]] = []
    for column, values in kept.items():
        if isinstance(values, Since):
            found.append((column, ">=", values.moment))
        elif isinstance(values, Between):
            found += [(column, ">=", values.first), (column, "<=", values.last)]
        elif 0 < len(values) <= MOST_VALUES and "" not in values:
            found.append((column, "in", list(values)))
    return [rule for rule in found if rule[2] != ""]  # which would mean null


def stored_schema(delta: DeltaTable) -> pl.Schema:
    """Columns and types it is stored with."""
    return pl.DataFrame(pl.from_arrow(pa.schema(delta.schema().to_arrow()).empty_table())).schema


def _rule(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, values: Since | Between | Sequence[Scalar]
) -> str:
    if isinstance(values, Since):
        return f'"{column}" >= {_quoted(values.moment.isoformat())}::timestamptz'
    if isinstance(values, Between):
        return f'"{column}" between {_quoted(values.first)} and {_quoted(values.last)}'
    listed = f"{table} {column}"
    connection.register(listed, pa.table({"value": pa.array(values)}))
    return f'"{column}" in (select value from "{listed}")'  # noqa: S608 - declared names


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
