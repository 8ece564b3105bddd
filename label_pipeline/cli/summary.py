"""The table `demo` ends with: agreement, judge, verdict, labels and cost, and what the ranker gained.

Keep out: figures (they are read from the tables).
"""

import json

import polars as pl
from rich.console import Console
from rich.table import Table

from label_pipeline.defs.project import Project
from label_pipeline.settings import Settings

METRIC = "nDCG@10"


def show_summary(console: Console, settings: Settings) -> None:
    """Prints what the tables say about the newest run."""
    store = Project(settings).store("rank")
    table = Table(title=f"\n{settings.name}: from human grades to a ranker", title_justify="left", show_header=False)
    table.add_column("what", style="bold")
    table.add_column("found", overflow="fold")
    for row in store.read("agreement").filter(pl.col("metric") == "krippendorff_alpha_ordinal").iter_rows(named=True):
        table.add_row(f"human agreement [{row['collection']}]", _agreement(row))
    board = store.query("calibrate/newest_calibration")
    for row in board.filter(pl.col("chosen")).iter_rows(named=True):
        loss = f"loss {row['loss']:.2f} NMSE [{row['loss_low']:.2f}, {row['loss_high']:.2f}]"
        table.add_row("chosen judge", f"{row['candidate']} of {board.height} candidates: {loss}; {row['reason']}")
    newest = store.read("verdicts").sort("decided_at", descending=True).unique("collection", keep="first")
    for row in newest.sort("collection").iter_rows(named=True):
        table.add_row(f"verdict [{row['collection']}]", _verdict(row))
    runs = store.read("label_runs")
    asked = store.query("amplify/spend")
    if not runs.is_empty():
        last = runs.sort("finished_at").unique(["day", "collection"], keep="last")
        words = (
            f"{int(last[name].sum())} {name}" for name in ("labelled", "abstained", "failed", "refused", "skipped")
        )
        table.add_row("candidate pairs", f"{int(last['pairs_in'].sum())} = " + " + ".join(words))
    table.add_row(
        "spent", f"${float(asked['cost_usd'].sum()):.2f} for {int(asked['replies'].sum())} replies, all stages"
    )
    for row in _metrics(store.read("ranker_metrics")).iter_rows(named=True):
        p_value = "" if row["p_value"] is None else f", p = {row['p_value']:.4f}"
        interval = f"{row['estimate']:+.3f}" if " - " in row["arm"] else f"{row['estimate']:.3f}"
        table.add_row(
            f"{row['metric']} {row['arm']}",
            f"{interval} [{row['low']:.3f}, {row['high']:.3f}] on {row['n_queries']} unseen queries{p_value}",
        )
    console.print(table)


def _agreement(row: dict[str, object]) -> str:
    if row["estimate"] is None:
        return str(row["reason"])
    return f"Krippendorff's alpha {row['estimate']:.3f} [{row['low']:.3f}, {row['high']:.3f}], {row['status']}"


def _verdict(row: dict[str, object]) -> str:
    criteria = json.loads(str(row["criteria"]))
    lines = [f"{row['state']} (policy {row['policy']}, look {row['look']})"]
    lines += [
        f"{'ok  ' if c['status'] == 'met' else 'NO  '}{c['sentence']}" for c in criteria if c["status"] in _DECIDE
    ]
    return "\n".join(lines)


_DECIDE = {"met", "missed", "unknown"}


def _metrics(metrics: pl.DataFrame) -> pl.DataFrame:
    """The newest evaluation's nDCG@10 with exponential gain, one row an arm."""
    if metrics.is_empty():
        return metrics
    newest = metrics.filter(pl.col("evaluated_at") == pl.col("evaluated_at").max())
    return newest.filter(pl.col("metric").str.starts_with(METRIC) & pl.col("metric").str.contains("exponential"))
