"""Epochs: within one, identical requests are answered from the journal; across two, nothing is re-used.

Every fresh calibration, anchor run, canary and recall opens one, counted together, so that re-use can never hide drift.
"""

from datetime import timedelta

import polars as pl

from label_pipeline.core.catalogue import EPOCHS
from label_pipeline.core.codes.purposes import CANARY, RECALL, EpochPurpose
from label_pipeline.operations.project import Project
from label_pipeline.stages import STAGES

RESUMABLE_FOR = timedelta(days=1)
"""An epoch that came to nothing is taken up again this long: what was paid for counts; older replies may be stale."""

OWN: frozenset[EpochPurpose] = frozenset({CANARY, RECALL})
"""Purposes whose epoch only the run that opened it takes up: a canary says what the judge is now, not an hour ago."""


def current_epoch(project: Project) -> int:
    """The epoch of a calibration that is not fresh; 0 before any."""
    return int(project.store("calibrate").query("calibrate/current_epoch")["epoch"][0])


def newest_epoch(project: Project) -> int:
    """The newest epoch that was ever opened or used, whatever for; 0 before any."""
    return int(project.store("calibrate").query("calibrate/newest_epoch")["epoch"][0])


def next_epoch(
    project: Project, purpose: EpochPurpose, collection: str | None = None, *, run_id: str | None = None
) -> int:
    """The epoch ``open_epoch`` would return; opens none, so that a plan can be priced and refused first."""
    unfinished = project.store(STAGES[-1]).query("anchor/unfinished_epochs", {"purpose": purpose})
    since = project.clock() - RESUMABLE_FOR
    for row in unfinished.iter_rows(named=True):
        mine = purpose not in OWN or row["run_id"] == run_id
        if mine and row["collection"] == collection and row["opened_at"] >= since:
            return int(row["epoch"])
    return newest_epoch(project) + 1


def open_epoch(project: Project, purpose: EpochPurpose, run_id: str, collection: str | None = None) -> int:
    """Opens an epoch before its first request, or takes up an unfinished one of the same purpose and collection.

    Call it while holding the spending lock (spending.py): two runs must not open one number.

    Args:
        project: the project.
        purpose: what it is opened for.
        run_id: the run that opens it; only the same one takes up an epoch of ``OWN``.
        collection: the collection it is about; None = all.
    """
    store, number = project.store("calibrate"), next_epoch(project, purpose, collection, run_id=run_id)
    if number not in store.read("epochs")["epoch"]:
        row = {
            "epoch": number, "purpose": purpose, "collection": collection, "run_id": run_id,
            "opened_at": project.clock(),
        }  # fmt: skip
        store.append("epochs", pl.DataFrame([row], schema=EPOCHS.schema), f"epoch:{number}")
    return number


def recall_epoch(project: Project, collection: str) -> int:
    """The newest epoch a recall of the collection's labels opened; -1 before any.

    What is labelled after a recall is asked in it at least: the journal would only repeat what was recalled.
    """
    epochs = project.store("amplify").read("epochs")
    mine = epochs.filter(pl.col("purpose") == RECALL, pl.col("collection") == collection)["epoch"]
    return -1 if mine.is_empty() else max(mine.to_list())
