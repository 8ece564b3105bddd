"""Who is at work: the id that rows and commits carry, and where to say what happens.

A Dagster run, a notebook and a test give one each. The time is the project's (``Project.clock``): one clock, so that
what expires and what is written never disagree.
"""

import logging
from dataclasses import dataclass
from typing import Protocol


class Log(Protocol):
    """Where a run says what happens; ``logging.Logger`` and Dagster's log both are one."""

    def info(self, msg: str, /) -> object:
        """Says what the run is doing."""
        ...

    def warning(self, msg: str, /) -> object:
        """Says what a person should look at."""
        ...


PYTHON_LOG = logging.getLogger("label_pipeline")
"""Where a run says it that was given no other log."""


@dataclass(frozen=True)
class Run:
    """One run of an operation.

    Attributes:
        run_id: written into rows and commit ids: the same id again writes nothing twice.
        log: told about progress and about what was left out.
    """

    run_id: str
    log: Log = PYTHON_LOG
