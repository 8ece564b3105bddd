"""`run`: materialise stages, then say where the project stands."""

from pathlib import Path

from rich.console import Console

from label_pipeline.cli.exits import DONE, WAITING
from label_pipeline.cli.running import RunChoice, StageFailure, run_stages
from label_pipeline.cli.status import show_status
from label_pipeline.cli.stopping import stoppable
from label_pipeline.cli.terminal import say
from label_pipeline.cli.view import View
from label_pipeline.settings import load


def run_project(console: Console, config: Path, wanted: RunChoice) -> int:
    """Runs the project of ``config``; returns the exit code.

    Raises:
        Stopped: by Ctrl-C or SIGTERM; what was paid for is kept.
    """
    settings = load(config)
    with stoppable() as stop:
        failure = run_stages(settings, wanted, View(console), stop)
    console.print()
    show_status(console, settings)
    return report(console, failure)


def report(console: Console, failure: StageFailure | None) -> int:
    """Prints why a run stopped; returns its exit code."""
    if failure is None:
        return DONE
    if failure.code == WAITING:
        say(console, f"{failure.stage} waits: {failure.sentence}", "yellow")
    else:
        say(console, f"{failure.stage} stopped: {failure.sentence}", "bold red")
    return failure.code
