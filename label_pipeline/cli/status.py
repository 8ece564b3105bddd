"""`status`: who may label what until when, is it still the same judge, which day holds whose labels, what was spent."""

from collections.abc import Iterator
from datetime import timedelta

import polars as pl
from rich.console import Console

from label_pipeline.adapters.store import Store
from label_pipeline.cli.terminal import as_table, say
from label_pipeline.core.codes import purposes
from label_pipeline.core.codes.drift import BASELINE, CANARY_RUN
from label_pipeline.core.judge import judge_from_row
from label_pipeline.operations import batches
from label_pipeline.operations.amplify_finished import nights_missed
from label_pipeline.operations.gate import current_standings, ending, renewal
from label_pipeline.operations.project import Project
from label_pipeline.settings import Settings
from label_pipeline.stages import STAGES, amplify, gate

_FATES = ("abstained", "failed", "refused", "skipped")
_PURPOSES = (purposes.CHECK, purposes.CALIBRATE, purposes.GATE, purposes.ANCHOR, purposes.CANARY, purposes.AMPLIFY)


def show_status(console: Console, settings: Settings) -> None:
    """Prints four tables: verdicts, the anchor, coverage, spend."""
    project = Project(settings)
    store = project.store(STAGES[-1])
    if settings.keys.prefix != settings.stated_keys.prefix:
        are, asked = (
            "/".join([*prefix, "gate_verdict"]) for prefix in (settings.keys.prefix, settings.stated_keys.prefix)
        )
        say(console, f"In Dagster its assets are called {are} and so on, not {asked}: `label-pipeline migrate-keys`.\n")
    for standing in ending(project, STAGES[-1]):
        say(console, f"{renewal(project, STAGES[-1], standing)}\n", "yellow")
    _tell_batches(console, project)
    waiting = batches.days_waiting(project)
    gaps = [day for day in nights_missed(project, project.clock().date() - timedelta(days=1)) if day not in waiting]
    if gaps:
        told = ", ".join(day.isoformat() for day in gaps)
        say(
            console,
            f"missed nights: {told}; the nightly schedule makes them up, or `label-pipeline run --from amplify "
            f"--first-day {gaps[0]} --last-day {gaps[-1]}`\n",
            "yellow",
        )
    for title, frame, nothing in (
        (f"{settings.name}: who may label", pl.DataFrame(list(_standings(project, store))), "nothing was loaded yet"),
        ("still the same judge?", _watched(store), "no judge was asked about the anchor again yet"),
        ("coverage by day", _coverage(store), "no candidates were loaded yet"),
        ("asked and spent", _spend(store), "nothing was asked yet"),
    ):
        if frame.is_empty():
            say(console, f"{title}: {nothing}")
        else:
            console.print(as_table(title, frame.drop("why", "doubt", strict=False)))
        for row in frame.iter_rows(named=True):
            if row.get("why"):
                say(console, f"{row['collection']} is {row['state']}: {row['why']}\n")
            if row.get("doubt"):
                say(console, f"{row['collection']} is in doubt: {row['doubt']}\n")


def _tell_batches(console: Console, project: Project) -> None:
    for sentence in batches.told(project):
        say(console, sentence)
    if held := batches.held_usd(project):
        say(console, f"what waits in batches may cost at most ${held:.4f}: it counts against every cap of amplify\n")


def _standings(project: Project, store: Store) -> Iterator[dict[str, str | None]]:
    judges = {row["judge_version"]: judge_from_row(row) for row in store.read("judge_versions").iter_rows(named=True)}
    verdicts = {row["verdict_id"]: row for row in store.read("verdicts").iter_rows(named=True)}
    for standing in current_standings(project, STAGES[-1], project.collections()).values():
        version = standing.judge_version
        judge = judges.get(version) if version else None
        fit = judge.calibrators.get(standing.collection) if judge else None
        row = verdicts.get(standing.verdict_id) if standing.open else None
        yield {
            "collection": standing.collection,
            "judge": version and f"{version} ({judge.candidate if judge else 'unknown'})",
            "state": standing.state,
            "until": f"{standing.expires_at:%Y-%m-%d}" if standing.open and standing.expires_at else None,
            "why": " ".join(standing.reasons),
            "doubt": "; ".join(gate.doubts(row, fit.slope if fit else None)) if row else None,
        }


def _watched(store: Store) -> pl.DataFrame:
    """The newest drift verdict of every collection, and what became of that judge's labels."""
    verdicts = store.query("anchor/newest_drift_verdicts")
    by = ["judge_version", "collection"]
    runs = store.read("anchor_runs").filter(pl.col("kind") != CANARY_RUN).group_by(*by, "baseline_epoch").agg(
        pl.len().alias("runs"), pl.col("ran_at").max().dt.date().alias("last run")
    )  # fmt: skip
    counts = amplify.newest(store.read("labels")).group_by(*by, "status").len().sort("status")
    told = pl.format("{} {}", "len", "status").str.join(", ").alias("labels")
    labels = counts.group_by(by).agg(told)
    found = verdicts.join(runs, on=[*by, "baseline_epoch"], how="left").join(labels, on=by, how="left")
    ill = ~pl.col("healthy") & (pl.col("state") != BASELINE)
    return found.sort("collection").select(
        "collection", pl.col("judge_version").str.slice(0, 8).alias("judge"), "state", "runs", "last run",
        "labels", pl.when(ill).then("action").alias("why"),
    )  # fmt: skip


def _coverage(store: Store) -> pl.DataFrame:
    """Coverage, and beside it what became of the pairs without a label in the newest run of their day."""
    newest = store.query("amplify/day_books").unique(["day", "collection"], keep="last")
    told = pl.concat_str(
        [pl.when(pl.col(fate) > 0).then(pl.format(f"{{}} {fate}", pl.col(fate))) for fate in _FATES],
        separator=", ", ignore_nulls=True,
    )  # fmt: skip
    runs = newest.select("collection", "day", pl.col("judge_version").alias("by"), told.alias("told"))
    found = store.query("amplify/coverage").join(runs, on=["collection", "day"], how="left", maintain_order="left")
    same = pl.col("judge_version").is_null() | (pl.col("judge_version") == pl.col("by"))
    missing = pl.col("candidates") - pl.col("labelled")
    beyond = [pl.col("outside_seed").alias("outside seed")] if found["outside_seed"].sum() else []
    return found.select(
        "day", "collection", pl.col("judge_version").str.slice(0, 8).alias("judge"), "candidates", "labelled", *beyond,
        pl.when(missing == 0).then(None).when(same & (pl.col("told") != "")).then("told")
        .otherwise(pl.format("{} not asked", missing)).alias("not labelled"),
    )  # fmt: skip


def _spend(store: Store) -> pl.DataFrame:
    """What every stage asked, in the order of the stages, and the total."""
    spent = store.query("amplify/spend")
    if spent.is_empty():
        return spent
    lost = store.read("payments", ["purpose", "member", "possibly_usd"]).group_by("purpose", "member").agg(
        pl.col("possibly_usd").sum()
    )  # fmt: skip
    spent = spent.join(lost, on=["purpose", "member"], how="left").with_columns(pl.col("possibly_usd").fill_null(0.0))
    order = pl.col("purpose").replace_strict(_PURPOSES, range(len(_PURPOSES)), default=len(_PURPOSES))
    rows = spent.sort(order, "member").select(
        pl.col("purpose").alias("stage"), pl.col("member").alias("judge"), "replies",
        pl.col("input_tokens").alias("tokens in"), pl.col("output_tokens").alias("tokens out"),
        pl.col("cost_usd").alias("cost $"), pl.col("possibly_usd").alias("possibly $"),
    )  # fmt: skip
    if not rows["possibly $"].sum():  # answers that never came, though the provider may charge for them
        rows = rows.drop("possibly $")
    total = rows.select(
        pl.lit("all").alias("stage"), pl.lit(None, dtype=pl.String).alias("judge"), pl.col(rows.columns[2:]).sum()
    )
    return pl.concat([rows, total])
