"""The tables on disk: Delta Lake under one root, DuckDB as the query engine over them.

A store is always opened *at a stage*: a table, or the rows of holdout and anchor queries, that the stage may not see
are refused or withheld here, so no later change of an asset can leak them.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from label_pipeline.adapters import queries
from label_pipeline.adapters.answering import Value, answer
from label_pipeline.adapters.open_tables import KeptTable, opened
from label_pipeline.adapters.s3_errors import explained
from label_pipeline.adapters.table_files import WRITTEN, TableFiles, large_files
from label_pipeline.adapters.table_rows import read_rows
from label_pipeline.adapters.where import Where, rules
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import AccessDeniedError, StorageError, TableError
from label_pipeline.core.splits import LEARNING_SPLITS
from label_pipeline.core.tables import QUERY_KEY, STAGE_ORDER, Table, hides_test_queries, visible_to


def anybody() -> None:
    """Lets every write pass."""


UNMARKED = 1
"""What every commit was marked with before it named its rows."""


def keys_mark(frame: pl.DataFrame, key: Sequence[str]) -> int:
    """A positive number that names the keys of these rows, whatever their order; the same on every machine."""
    said = frame.select(sorted(key)).sort(sorted(key), nulls_last=True).write_csv()
    return UNMARKED + 1 + int(hashlib.sha256(said.encode()).hexdigest()[:15], 16)


@dataclass(frozen=True)
class Store:
    """Read and write the declared tables as one stage.

    Attributes:
        root: folder or ``s3://`` prefix.
        stage: the stage this store acts for.
        options: storage options of delta-rs (endpoint, region).
        may_write: asked before every write; raises StorageError where another machine's turn has come.
    """

    root: str
    stage: str = STAGE_ORDER[0]
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    may_write: Callable[[], None] = field(default=anybody, repr=False)

    def at(self, stage: str) -> "Store":
        """The same tables, seen by ``stage``."""
        return replace(self, stage=stage)

    def read(self, name: str, columns: Collection[str] | None = None, where: Where | None = None) -> pl.DataFrame:
        """The rows of table ``name`` this stage may see; an absent table reads as an empty typed frame.

        Args:
            name: the table.
            columns: only these, in the table's order; None = all. Others are not read from disk.
            where: only rows that have these values; files without any are not read from disk.

        Raises:
            AccessDeniedError: the stage may not read this table at all.
            TableError: unknown or unreadable table, or a column it does not have.
        """
        table = self._visible(name)
        wanted = table if columns is None else table.part(columns)
        if not hides_test_queries(table, self.stage):
            return self._rows(wanted, where)
        keyed = table if columns is None else table.part({*columns, *QUERY_KEY})
        return self._without_test_queries(self._rows(keyed, where)).select(wanted.schema.names())

    def append(self, name: str, frame: pl.DataFrame, commit_id: str) -> bool:
        """Appends facts once per ``commit_id``; returns False when that commit is already there.

        Raises:
            TableError: ``frame`` does not fit the table, the table cannot be written, or the commit that is there
                holds rows of other keys: these would be lost without a word.
            StorageError: S3 cannot be reached or says no.
        """
        table = self._declared(name, "fact")
        typed = table.conform(frame)
        self.may_write()
        stored, content = self._open(name), keys_mark(typed, table.key)
        if stored is None:
            self._create(table)
        # delta-rs records transaction ids but does not refuse a second one, so look before writing
        elif (there := stored.committed(commit_id)) is not None:
            if there not in {UNMARKED, content}:
                raise TableError(
                    f"table {name} already has a commit {commit_id!r} with other rows: these {typed.height} would be "
                    "lost. This is a mistake of the program: a commit id that repeats must name the same rows"
                )
            return False
        mark = CommitProperties(app_transactions=[Transaction(commit_id, content)], max_commit_retries=50)
        try:
            self._write(name, typed, once=mark)
        except (TableError, StorageError):
            if not self._arrived(name, commit_id):
                raise
        return True

    def overwrite(self, name: str, frame: pl.DataFrame, where: Mapping[str, str | date] | None = None) -> None:
        """Replaces a snapshot, or only its rows with the values of ``where``; writes nothing where they are the same.

        Raises:
            TableError: ``frame`` does not fit the table, has rows outside ``where`` or keys that a row outside it
                holds, or another load is overwriting it.
        """
        table = self._declared(name, "snapshot")
        typed = table.conform(frame)
        self.may_write()
        if where:
            self._refuse_outside(table, typed, where)
            self._create(table)
        if self._holds(table, typed, where):
            return
        predicate = " and ".join(f"{column} = {_literal(value)}" for column, value in (where or {}).items())
        self._write(name, typed, replacing=predicate)

    def _holds(self, table: Table, frame: pl.DataFrame, where: Mapping[str, str | date] | None) -> bool:
        """Whether just these rows are stored already; False where that cannot be read, for then it is replaced."""
        try:
            return self._open(table.name) is not None and self._rows(table, where).equals(frame)
        except (TableError, StorageError):
            return False

    def query(
        self, name: str, params: Mapping[str, Value] | None = None, where: Mapping[str, Where] | None = None
    ) -> pl.DataFrame:
        """Runs ``sql/<name>.sql`` over the tables it names, as this stage sees them; other columns are not read.

        Args:
            name: the question.
            params: its parameters.
            where: by table, all that the question looks at in these values of it: only such rows are read.

        Raises:
            AccessDeniedError: it names a table this stage may not read.
            TableError: unknown query, or DuckDB refuses it.
        """
        query = queries.load(name)
        rows = where or {}
        tables = {table: self._source(table, query.columns_of(table), rows.get(table)) for table in query.reads}
        return answer(query, tables, params)

    def _source(self, name: str, columns: Collection[str], where: Where | None) -> pl.DataFrame | TableFiles:
        """What a question sees of one table: the files of a large one, where they hold just what it may see."""
        table = self._visible(name)
        wanted, kept = table.part(columns), rules(table, where)
        if hides_test_queries(table, self.stage) or {old.column for old in table.respelled} & wanted.schema.keys():
            return self.read(name, columns, where)
        found = self._open(name)
        uris = None if found is None else found.files(lambda delta: large_files(delta, wanted.schema, kept))
        return self.read(name, columns, where) if uris is None else TableFiles(uris, tuple(wanted.schema), kept)

    def _visible(self, name: str) -> Table:
        table = TABLES.get(name)
        if table is None:
            raise TableError(f"no table {name!r}; declared: {sorted(TABLES)}")
        if not visible_to(table, self.stage):
            raise AccessDeniedError(
                f"stage {self.stage} may not read table {name}: it is closed until stage {table.readable_from}"
            )
        return table

    def _declared(self, name: str, kind: str) -> Table:
        table = TABLES.get(name)
        if table is None or table.kind != kind:
            known = sorted(t.name for t in TABLES.values() if t.kind == kind)
            raise TableError(f"{name!r} is not a {kind} table; those are {known}")
        return table

    def _rows(self, table: Table, where: Where | None = None) -> pl.DataFrame:
        """The rows with these values, whoever asks: for the store's own use."""
        kept = rules(table, where)
        found = self._open(table.name)
        if found is None:
            return table.empty()

        def rows_of(delta: DeltaTable) -> pl.DataFrame:
            read = TABLES[table.name].part(table.needed_for(table.schema))
            rows = read_rows(delta, list(read.schema), kept)
            if rows is None:
                return table.empty()
            return read.in_todays_words(read.typed(rows)).select(table.schema.names())

        try:
            rows = found.rows((table, repr(kept)), rows_of)
        except (DeltaError, OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
            raise self._failure(table.name, "read", error) from error
        return table.empty() if rows is None else rows

    def _without_test_queries(self, frame: pl.DataFrame) -> pl.DataFrame:
        splits = self.read("splits")
        allowed = splits.filter(pl.col("split").is_in(LEARNING_SPLITS)).select(QUERY_KEY)
        return frame.join(allowed, on=QUERY_KEY, how="semi")

    def _refuse_outside(self, table: Table, frame: pl.DataFrame, where: Mapping[str, str | date]) -> None:
        """One load may replace its own rows only, and no key may end up in two loads."""
        wrong = [column for column, value in where.items() if table.schema.get(column) != pl.Series([value]).dtype]
        if wrong:
            raise TableError(f"table {table.name}: {wrong} of {dict(where)} are no columns of that type")
        inside = pl.all_horizontal([pl.col(column).eq_missing(value) for column, value in where.items()])
        outside = frame.filter(~inside).height
        if outside:
            raise TableError(f"table {table.name}: {outside} of {frame.height} rows are outside {dict(where)}")
        # a key holds its query: no other row can share one
        mine = {"query_id": frame["query_id"].unique().to_list()} if "query_id" in table.key else None
        others = self._rows(table, mine).filter(~inside)
        twice = frame.join(others, on=table.key, how="semi", nulls_equal=True).height
        if twice:
            raise TableError(
                f"table {table.name}: {twice} of {frame.height} rows of {dict(where)} have a key {table.key} that "
                "another load holds; load that part again first"
            )

    def _arrived(self, name: str, commit_id: str) -> bool:
        """Whether a commit is there although writing it failed: on S3 the answer may be lost after the work is done."""
        try:
            stored = self._open(name)
        except (TableError, StorageError):
            return False
        return stored is not None and stored.committed(commit_id) is not None

    def _failure(self, name: str, doing: str, error: Exception) -> TableError | StorageError:
        if self.root.startswith("s3://"):
            return explained(self._uri(name), doing, error)
        return TableError(f"table {name} under {self.root} cannot be {doing}: {error}")

    def _uri(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"

    def _open(self, name: str) -> KeptTable | None:
        try:
            return opened(self._uri(name), self.options)
        except (DeltaError, OSError) as error:
            raise self._failure(name, "opened", error) from error

    def _create(self, table: Table) -> None:
        """Writes version 0, without rows, where there is none yet.

        Two processes that create a table by writing rows do not retry: one fails ("protocol changed"), and an overwrite
        of one day takes the whole table for its own.
        """
        target, options = self._uri(table.name), dict(self.options) or None
        try:
            # a retry would commit the same metadata once more, as version 1, and fail whoever writes at that moment
            once = CommitProperties(max_commit_retries=0)
            empty = table.empty().to_arrow()
            write_deltalake(target, empty, mode="ignore", storage_options=options, commit_properties=once)
        except (DeltaError, OSError) as error:
            if self._open(table.name) is None:  # else another process has just created it
                raise self._failure(table.name, "written", error) from error

    def _write(
        self, name: str, frame: pl.DataFrame, *, replacing: str | None = None, once: CommitProperties | None = None
    ) -> None:
        """Overwrites (the rows of predicate ``replacing``, "" = all), or appends when ``replacing`` is None."""
        target, data, options = self._uri(name), frame.to_arrow(), dict(self.options) or None
        try:
            # merge: a table written before a column was declared gains it; an unchanged schema commits no metadata
            if replacing is None:
                write_deltalake(
                    target,
                    data,
                    mode="append",
                    schema_mode="merge",
                    storage_options=options,
                    commit_properties=once,
                    writer_properties=WRITTEN,
                )
            else:
                write_deltalake(
                    target, data, mode="overwrite", schema_mode="merge", predicate=replacing or None,
                    storage_options=options, writer_properties=WRITTEN,
                )  # fmt: skip
        except CommitFailedError as error:
            raise TableError(
                f"table {name}: another load overwrote it at the same moment ({error}); run this one again"
            ) from error
        except (DeltaError, OSError) as error:
            raise self._failure(name, "written", error) from error


def _literal(value: str | date) -> str:
    return "'" + str(value).replace("'", "''") + "'"
