"""Looks for forbidden strings in everything a run leaves behind: files, bucket objects, databases, tables, archives.

Keep out: what is forbidden where (test_scan.py).
"""

import gzip
import io
import json
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import polars as pl


def found_in(content: bytes, forbidden: Mapping[str, str]) -> set[str]:
    """The names of the ``forbidden`` (name: string) that stand in these bytes, unpacked as far as they can be."""
    texts = [content.decode("utf-8", "replace"), *unpacked(content)]
    return {name for name, string in forbidden.items() if any(_holds(text, string) for text in texts)}


def _holds(text: str, string: str) -> bool:
    # JSON inside JSON escapes what is not ASCII, and quotes
    return string in text or json.dumps(string)[1:-1] in text


def unpacked(content: bytes) -> Iterator[str]:
    """What a gzip, zlib, SQLite or Parquet file holds, as texts."""
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content).decode("utf-8", "replace")
    elif content.startswith(b"PAR1"):
        yield from texts_of(pl.read_parquet(io.BytesIO(content)))
    elif content.startswith(b"SQLite format 3"):
        yield from _cells(content)
    elif content[:1] == b"\x78":
        try:
            yield zlib.decompress(content).decode("utf-8", "replace")
        except zlib.error:
            return


def texts_of(frame: pl.DataFrame, leave_out: Collection[str] = ()) -> Iterator[str]:
    """The text columns of a table, each as one text."""
    for name, column in frame.select(pl.col(pl.String)).to_dict().items():
        if name not in leave_out:
            yield "\n".join(column.drop_nulls())


def _cells(content: bytes) -> Iterator[str]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(content)
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            texts = []
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - a name of the file itself
                for cell in row:
                    if isinstance(cell, bytes):
                        yield from unpacked(cell)
                        texts.append(cell.decode("utf-8", "replace"))
                    elif isinstance(cell, str):
                        texts.append(cell)
            yield "\n".join(texts)


def databases_closed(folder: Path) -> None:
    """Moves what SQLite's write-ahead logs hold into the files themselves, so that the files hold everything."""
    for path in folder.rglob("*"):
        if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
            with closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                database.execute("PRAGMA journal_mode = DELETE").fetchall()


def files(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, by its path there."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
