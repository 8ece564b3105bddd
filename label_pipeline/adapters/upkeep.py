"""Upkeep of stored tables: many small files become few, files nothing refers to any more go, and so do old replies.

Keep out: when, and of which tables (operations/maintain.py).
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from label_pipeline.adapters.journal import KEYS_A_QUERY, connect, explained
from label_pipeline.adapters.s3_errors import explained as told_by_s3
from label_pipeline.adapters.store import Store
from label_pipeline.adapters.table_files import WRITTEN
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import TableError

FEW_FILES = 16
"""Files a table may have before they are made one: a night adds one or two, and reading a few costs little."""


BY_PART = ("candidates", "quarantine", "input_notes")
"""Snapshots that a load overwrites part by part. Beside one that is overwritten whole, nothing may be compacted: the
load would not see it, and both would stay."""


class Tidied(NamedTuple):
    """What became of one table: its files before and after, and how many files that nothing refers to are gone."""

    table: str
    files_before: int
    files_after: int
    removed: int


def tidy(store: Store, name: str, keep: timedelta) -> Tidied | None:
    """Compacts, vacuums and checkpoints one table; None where there is none, or a load wrote it at the same moment.

    Rows, their order and the ids of commits stay. Files that nothing refers to since longer than ``keep`` go: whoever
    began to read them before that has ended.

    Raises:
        TableError: the table is damaged, or cannot be written.
        StorageError: S3 cannot be reached or says no.
    """
    uri, options = f"{store.root.rstrip('/')}/{name}", dict(store.options) or None
    store.may_write()
    try:
        if not DeltaTable.is_deltatable(uri, storage_options=options):
            return None
        table = DeltaTable(uri, storage_options=options)
        before = len(table.file_uris())
        if before > FEW_FILES and (TABLES[name].kind == "fact" or name in BY_PART):
            table.optimize.compact(writer_properties=WRITTEN)
        hours = int(keep.total_seconds() // 3600)
        removed = table.vacuum(hours, dry_run=False, enforce_retention_duration=False)
        table.create_checkpoint()
        table.cleanup_metadata()
        return Tidied(name, before, len(table.file_uris()), len(removed))
    except CommitFailedError:  # somebody loads it now; the next upkeep finds it again
        return None
    except (DeltaError, OSError) as error:
        if store.root.startswith("s3://"):
            raise told_by_s3(uri, "tidied", error) from error
        raise TableError(f"table {name} under {store.root} cannot be tidied: {error}") from error


def forget_replies(path: Path, request_keys: Sequence[str], before: datetime) -> int:
    """Removes these replies from a journal where they are older; returns how many went. Its file shrinks.

    Raises:
        TableError: the journal cannot be used.
    """
    gone = 0
    try:
        with closing(connect(path)) as journal:
            for start in range(0, len(request_keys), KEYS_A_QUERY):
                keys = request_keys[start : start + KEYS_A_QUERY]
                marks = ",".join("?" * len(keys))
                statement = f"DELETE FROM replies WHERE created_at < ? AND request_key IN ({marks})"  # noqa: S608 - marks
                gone += journal.execute(statement, (before.isoformat(), *keys)).rowcount
            if gone:
                journal.execute("VACUUM")
    except (OSError, sqlite3.Error) as error:
        raise explained("tidied", path, error) from error
    return gone
