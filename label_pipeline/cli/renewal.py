"""`renew-holdout`: retire the holdout that gates have looked at, and say what the next one needs.

It moves queries for good, so it only tells what it would do until it is told `--yes`.
"""

from pathlib import Path

import polars as pl
from rich.console import Console

from label_pipeline.cli.terminal import say
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.splits import HOLDOUT
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.operations.project import Project
from label_pipeline.operations.spending import spending
from label_pipeline.settings import load
from label_pipeline.stages import gate


def renew_holdout(console: Console, config: Path, collection: str | None, *, sure: bool) -> None:
    """Moves the looked-at holdout queries of ``collection`` to dev, or says what would move.

    Args:
        console: where it is told.
        config: settings file.
        collection: the collection; None takes the settings' own.
        sure: really do it.

    Raises:
        NotApplicableError: no holdout query of it has been looked at.
        BusyError: a run is asking a judge.
    """
    settings = load(config)
    project, name = Project(settings), collection or settings.collection
    with spending(project):  # no gate may look while its holdout moves
        splits = project.store("gate").read("splits")
        renewed = gate.retire(splits, project.store("gate").query("gate/looked_at_queries"), name)
        moved = renewed.join(splits, on=[*QUERY_KEY, "split"], how="anti").height
        if not moved:
            known = ", ".join(splits["collection"].unique().sort()) or "none"
            raise NotApplicableError(
                f"no gate has looked at a holdout query of collection {name} (collections: {known}); nothing to retire"
            )
        if sure:
            project.store("seed").overwrite("splits", renewed)
    needed = gate.queries_needed(renewed, name, project.shares, project.policy)
    say(console, _told(name, moved, gate.generation(splits, name), sure=sure))
    kept = renewed.filter(pl.col("collection") == name, pl.col("split") == HOLDOUT).height
    say(
        console,
        f"The next holdout has {kept} queries nobody looked at and needs {project.policy.min_queries}: put about "
        f"{needed} new queries with at least {project.policy.min_pairs} graded pairs each into human_labels, drawn "
        "from current traffic, then `label-pipeline run --fresh`. Its looks are counted anew.",
    )


def _told(name: str, moved: int, generation: int, *, sure: bool) -> str:
    which = f"{moved} holdout queries of collection {name} (holdout number {generation})"
    if sure:
        return (
            f"Retired: {which} now belong to dev and teach the next judge. Open verdicts stand until they expire; "
            "until the next full gate nothing can be re-certified."
        )
    return (
        f"Would retire {which}: they join dev for good, and no gate can use them again. Nothing was changed; add --yes."
    )
