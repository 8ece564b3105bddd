"""Books of labels that a killed run could not write: what it paid for and stored is booked under its own name."""

from label_pipeline.core.codes.purposes import AMPLIFY
from label_pipeline.operations.project import Project
from label_pipeline.operations.recent import since_last_books
from label_pipeline.operations.run import Log
from label_pipeline.stages import amplify


def book_orphans(project: Project, log: Log, *, killed: bool = True) -> None:
    """Writes the books of runs that were killed before they could. Call it while holding the spending lock.

    Args:
        project: the project.
        log: told of each.
        killed: whether that is why; else they ended well, and what they sent by batch was answered since.
    """
    store = project.store("amplify")
    if store.read("payments", ["batch"]).is_empty():
        found = store.query("amplify/unbooked_before_payments", where={"judgements": {"purpose": AMPLIFY}})
    else:
        since = since_last_books(project)
        found = store.query("amplify/unbooked_runs", where={"labels": {"labelled_at": since}} if since else {})
    for row in found.iter_rows(named=True):
        name = f"{row['run_id']}:{row['day']}:{row['collection']}"
        if killed:
            log.warning(f"booking run {name}, which ended between what it paid for and its books")
        else:
            log.info(f"booking run {name}, whose batch was collected")
        told = f"{row['requests']}:{row['labels']}:{row['ended_at']:%Y%m%d%H%M%S%f}"
        store.append("label_runs", amplify.orphan_row(row), f"orphan:{name}:{told}")
