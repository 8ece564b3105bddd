"""`status`: who may label what until when, which day holds labels of which judge, and what was spent.

Keep out: the rule of who may label (stages/gate), the questions (sql/).
"""

import polars as pl
from rich.console import Console
from rich.table import Table

from label_pipeline.defs.project import Project
from label_pipeline.defs.standing import current_standings
from label_pipeline.settings import Settings


def show_status(console: Console, settings: Settings) -> None:
    """Prints three tables: verdicts, coverage, spend."""
    project = Project(settings)
    store = project.store("rank")
    collections = store.read("queries")["collection"].unique().sort().to_list()
    verdicts = Table(title=f"{settings.name}: who may label", title_justify="left")
    for name in ("collection", "judge", "state", "until", "reasons"):
        verdicts.add_column(name)
    for standing in current_standings(project, "rank", collections).values():
        until = f"{standing.expires_at:%Y-%m-%d}" if standing.open and standing.expires_at else "-"
        reasons = " ".join(standing.reasons) or "-"
        verdicts.add_row(standing.collection, standing.judge_version or "-", standing.state, until, reasons)
    console.print(verdicts)
    console.print(as_table("coverage by day", store.query("amplify/coverage")))
    console.print(as_table("asked and spent", store.query("amplify/spend")))


def as_table(title: str, frame: pl.DataFrame) -> Table:
    """A frame as a terminal table; says so when it is empty."""
    table = Table(title=title, title_justify="left", caption="nothing yet" if frame.is_empty() else None)
    for name, dtype in frame.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left")
    for row in frame.iter_rows():
        table.add_row(*(f"{v:.4f}" if isinstance(v, float) else "-" if v is None else str(v) for v in row))
    return table
