"""Upkeep of a project: tables compacted and vacuumed, old replies forgotten, every check asked of all rows.

A night appends a file to every table; after a year a night would read hundreds of them. Free. It takes
the spending lock, and does nothing where a run has it. Keep out: how a table is tidied (adapters/upkeep.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from label_pipeline.adapters import queries
from label_pipeline.adapters.upkeep import Tidied, forget_replies, tidy
from label_pipeline.adapters.where import Where
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.codes.purposes import AMPLIFY, ANCHOR, CALIBRATE, CANARY, GATE
from label_pipeline.operations.checking import offenders
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending


@dataclass(frozen=True)
class Maintained:
    """What one upkeep did and found.

    Attributes:
        tables: what became of every table there is.
        forgotten: replies that left the journal.
        offenders: check to how many offenders it finds among all rows; only those that find any.
    """

    tables: tuple[Tidied, ...]
    forgotten: int
    offenders: Mapping[str, int]

    @property
    def sentence(self) -> str:
        """What was done, for people."""
        before, after = sum(one.files_before for one in self.tables), sum(one.files_after for one in self.tables)
        removed = sum(one.removed for one in self.tables)
        found = ", ".join(f"{name} finds {count}" for name, count in self.offenders.items()) or "every check is silent"
        return (
            f"{before} files of {len(self.tables)} tables are {after} now, {removed} unused ones are gone; "
            f"{self.forgotten} old replies left the journal; {found}"
        )


def maintain(run: Run, project: Project) -> Maintained:
    """Tidies every table and the journal, then asks every check of sql/checks/ about all rows, new and old.

    Raises:
        BusyError: a run is asking a judge right now.
    """
    keep = timedelta(days=project.settings.maintain.keep_days)
    with spending(project, run.log):
        store = project.store("rank")
        tidied = tuple(done for name in TABLES if (done := tidy(store, name, keep)) is not None)
        forgotten = _forget(project)
        counts = {
            name.removeprefix("checks/"): offenders(project, name, everything=True).height
            for name in queries.names()
            if name.startswith("checks/")
        }
    found = Maintained(tidied, forgotten, {name: count for name, count in counts.items() if count})
    run.log.info(found.sentence)
    return found


def _forget(project: Project) -> int:
    """Forgets replies that no question will be answered with again: labelled, or an anchor's, and long ago.

    Those of a calibration and of a gate stay: asking them again unchanged sends nothing, whenever it is.
    """
    days, path = project.settings.maintain.journal_days, project.journal_path
    if days is None or not path.exists():
        return 0
    before = project.clock() - timedelta(days=days)
    asked: Where = {"purpose": [AMPLIFY, ANCHOR, CANARY]}
    rows = project.store("rank").read("judgements", ["request_key", "judged_at", "purpose"], asked)
    stay: Where = {"purpose": [CALIBRATE, GATE]}
    kept = project.store("rank").read("judgements", ["request_key"], stay)
    old = rows.filter(rows["judged_at"] < before).select("request_key").unique()
    return forget_replies(path, old.join(kept, on="request_key", how="anti")["request_key"].to_list(), before)
