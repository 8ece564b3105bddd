"""`run`: materialise stages, then say where the project stands.

Keep out: the graph.
"""

from pathlib import Path

from rich.console import Console

from label_pipeline.cli.running import StageFailure, run_stages
from label_pipeline.cli.status import show_status
from label_pipeline.cli.view import View
from label_pipeline.settings import load


def run_project(console: Console, config: Path, *, until: str, days: tuple[str, str] | None, fresh: bool) -> int:
    """Runs the project of ``config``; returns the exit code."""
    settings = load(config)
    failure = run_stages(settings, View(console), until=until, days=days, fresh=fresh)
    show_status(console, settings)
    return report(console, failure)


def report(console: Console, failure: StageFailure | None) -> int:
    """Prints why a run stopped; returns its exit code."""
    if failure is None:
        return 0
    console.print(f"[bold red]{failure.stage} stopped[/bold red]")
    console.print(failure.sentence, markup=False, soft_wrap=True)
    return failure.code
