"""`maintain`: tidy a project's tables and journal, and look at all rows once more."""

from pathlib import Path
from uuid import uuid4

import polars as pl
from rich.console import Console

from label_pipeline.cli.exits import FAILED
from label_pipeline.cli.terminal import as_table, say
from label_pipeline.operations.maintain import maintain
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.settings import load


def maintain_project(console: Console, config: Path) -> int:
    """Tidies, and says what was done; returns the exit code.

    Raises:
        BusyError: a run is asking a judge right now.
    """
    done = maintain(Run(str(uuid4())), Project(load(config)))
    if done.tables:
        console.print(as_table("tables", pl.DataFrame([one._asdict() for one in done.tables])))
    say(console, done.sentence)
    return FAILED if done.offenders else 0
