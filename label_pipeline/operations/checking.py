"""What a check of sql/checks/ finds, among new rows or among all of them.

Keep out: what a check asks (sql/checks/), which rows are new (recent.py).
"""

import polars as pl

from label_pipeline.adapters import queries
from label_pipeline.core.errors import BusyError
from label_pipeline.operations.project import Project
from label_pipeline.operations.recent import recent_rows
from label_pipeline.operations.spending import spending


def offenders(project: Project, check: str, *, everything: bool = False) -> pl.DataFrame:
    """The offenders among new rows, or among all of them.

    A run that spends writes one book after the other: what is found beside one is looked at again under the spending
    lock, and where another run has that, its own checks will look.
    """
    found = _found(project, check, everything=everything)
    if found.is_empty() or everything:
        return found
    try:
        with spending(project):
            return _found(project, check, everything=everything)
    except BusyError:
        return found.clear() if "payments" in queries.load(check).reads else found


def _found(project: Project, check: str, *, everything: bool) -> pl.DataFrame:
    rows = {} if everything else recent_rows(project, queries.load(check).recent)
    return project.store("rank").query(check, where=rows)
