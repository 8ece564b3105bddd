"""What `check` says of the files' rows: their books, what was noticed, and what would be set aside.

Keep out: which rows those are (stages/seed), whether the grades are fit to pay a judge for (check.py).
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl
from rich.console import Console

from label_pipeline.adapters.files import RawRows
from label_pipeline.cli.exits import DONE, MISTAKE
from label_pipeline.cli.plans import AssembledFiles
from label_pipeline.cli.terminal import say
from label_pipeline.core.query_text import near_groups
from label_pipeline.stages import seed

SHOWN_GROUPS = 5
"""Groups of near-duplicate queries that are listed."""

SHOWN = 12
"""Causes of rejected rows that are listed, the commonest first."""

REJECTED = "rejected_rows.csv"
"""File in the project's home folder that holds every rejected row and its reason."""


def tell_rows(console: Console, files: Iterable[RawRows], inputs: AssembledFiles, home: Path) -> int:
    """Prints it.

    Args:
        console: told.
        files: what was read.
        inputs: what was made of it.
        home: the project's folder, for the file of rejected rows.

    Returns:
        0; 2 where rows would be set aside.
    """
    for books in (*inputs.seeded.books, inputs.candidates.books):
        say(console, f"  {books.sentence}")
    for line in (*_unread(files), *seed.sentences(pl.concat([inputs.seeded.notes, inputs.candidates.notes]))):
        say(console, f"  {line}", "yellow")
    near = near_groups(inputs.seeded.queries)
    if near:
        shown = "; ".join(" / ".join(group) for group in near[:SHOWN_GROUPS])
        say(console, f"  {len(near)} groups of queries say nearly the same and are dealt to one split each: {shown}")
    rejected = pl.concat([inputs.seeded.quarantine, inputs.candidates.quarantine])
    if rejected.is_empty():
        return DONE
    say(console, f"{rejected.height} rows would be set aside; `run` goes on without them:", "yellow")
    lines = seed.cause_lines(rejected)
    for line in lines[:SHOWN]:
        say(console, f"  {line}")
    more = f"{len(lines) - SHOWN} more causes and every row" if len(lines) > SHOWN else "every one of them"
    say(console, f"  {more}: {_written(rejected, home)}")
    return MISTAKE


def _written(rejected: pl.DataFrame, home: Path) -> str:
    """Where all rejected rows are: a file, or where none can be written, the table after a run."""
    path = home / REJECTED
    try:
        home.mkdir(parents=True, exist_ok=True)
        rejected.drop("partition").write_csv(path)
    except OSError as error:
        return f"table quarantine after a run ({path} cannot be written: {error.strerror})"
    return str(path)


def _unread(files: Iterable[RawRows]) -> list[str]:
    """The columns nobody reads; a wide file serves several tables, each of which reads some of its columns."""
    unread: dict[str, set[str]] = {}
    for file in files:
        unread[file.source] = unread.get(file.source, set(file.unread)) & set(file.unread)
    return [f"{source}: columns nobody reads: {', '.join(sorted(names))}" for source, names in unread.items() if names]
