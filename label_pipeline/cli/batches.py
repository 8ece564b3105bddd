"""`batches`: how every batch stands, and what a person decides about one in quarantine."""

from pathlib import Path

from rich.console import Console

from label_pipeline.cli.terminal import say
from label_pipeline.operations import batch_decisions, batches
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending
from label_pipeline.settings import load


def show_batches(console: Console, config: Path) -> None:
    """Prints how every batch stands that is not over, and what those in quarantine wait for."""
    project = Project(load(config))
    for sentence in batches.told(project) or ["no batch is under way on this machine"]:
        say(console, sentence)
    for batch in batch_decisions.quarantined(project):
        like = f"; like it at the provider: {', '.join(batch.found)}" if batch.found else ""
        say(
            console,
            f"quarantine {batch.reservation}: {batch.requests} requests ({batch.code}){like}. Take one over that "
            f"nobody else collects: --take-over {batch.reservation[:8]} --batch ID; or pay again: --release "
            f"{batch.reservation[:8]}",
            "yellow",
        )


def release_batch(console: Console, config: Path, name: str, *, possibly_paid: bool) -> None:
    """Frees the requests of a batch in quarantine.

    Args:
        console: where it is told.
        config: settings file.
        name: the batch, or the beginning of its name.
        possibly_paid: book what it may have cost at most as possibly paid.

    Raises:
        NotApplicableError: there is no such batch in quarantine.
        BusyError: a run is asking a judge.
    """
    project = Project(load(config))
    with spending(project):
        say(console, batch_decisions.give_up(Run("label-pipeline batches"), project, name, possibly_paid=possibly_paid))


def take_batch_over(console: Console, config: Path, name: str, batch_id: str) -> None:
    """Says that a batch in quarantine is this one of the provider's.

    Args:
        console: where it is told.
        config: settings file.
        name: the batch, or the beginning of its name.
        batch_id: its name at the provider.

    Raises:
        NotApplicableError: there is no such batch in quarantine, or the provider's is of other requests.
        BusyError: a run is asking a judge.
    """
    project = Project(load(config))
    with spending(project):
        say(console, batch_decisions.adopt(project, name, batch_id))
