"""The table `demo` ends with: agreement, judge, verdict, labels and cost, and what the ranker gained."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from label_pipeline.cli.facts import facts
from label_pipeline.operations.project import Project
from label_pipeline.settings import Settings
from label_pipeline.stages import STAGES


def show_summary(console: Console, settings: Settings) -> None:
    """Prints what the tables say about the newest run of every stage."""
    store = Project(settings).store(STAGES[-1])
    title = Text(f"\n{settings.name}: from human grades to a ranker", style="bold")
    table = Table(title=title, title_justify="left", show_header=False, box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what", style="bold", overflow="fold")
    table.add_column("found", overflow="fold")
    for stage in STAGES:
        for what, found in facts(store, stage):
            table.add_row(Text(what), Text(found))
    console.print(table)
