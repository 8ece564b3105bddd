"""Days on which nothing is left to label, found by key, many at once; and nights of which the books tell nothing.

A year of days must not be looked at one by one to find that nothing is left to do. Keep out: labelling (amplify.py).
"""

from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl

from label_pipeline.adapters.store import keys_mark
from label_pipeline.core.catalogue import LABEL_RUNS
from label_pipeline.core.errors import GateClosedError
from label_pipeline.core.judging.spent import NOTHING
from label_pipeline.operations.amplify_stream import SLICE_PAIRS
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.stages import amplify
from label_pipeline.stages.gate import Standing


def finished_days(run: Run, project: Project, days: Sequence[date]) -> pl.DataFrame:
    """The LABEL_RUNS rows, stored already, of days whose every pair its present judge has labelled.

    A day larger than a slice is not looked at: to label it finds the same, a slice at a time.
    """
    store = project.store("amplify")
    sizes = store.query("amplify/day_sizes", where={"candidates": {"arrived_on": list(days)}})
    standings = current_standings(project, "amplify", sorted(set(sizes["collection"])))
    whole: list[date] = []
    for some in _few_at_once(sizes):
        whole += sorted(set(some) - _unfinished(project, standings, some))
    done = sizes.filter(pl.col("day").is_in(whole))
    rows = [
        amplify.run_row(
            amplify.labelled_work(standings[name], pairs), None, NOTHING, day=day, run_id=run.run_id,
            refused_by=None, reason=None, now=project.clock(),
        )
        for day, name, pairs in done.iter_rows()
    ]  # fmt: skip
    if not rows:
        return LABEL_RUNS.empty()
    found = pl.concat(rows)
    store.append("label_runs", found, f"run:{run.run_id}:finished:{keys_mark(found, LABEL_RUNS.key)}")
    return found


def _few_at_once(sizes: pl.DataFrame) -> Iterator[list[date]]:
    """Days together of no more pairs than a slice has."""
    some: list[date] = []
    pairs = 0
    for day, more in sizes.group_by("day").agg(pl.col("pairs").sum()).sort("day").iter_rows():
        if more > SLICE_PAIRS:
            continue
        if pairs + more > SLICE_PAIRS:
            yield some
            some, pairs = [], 0
        some.append(day)
        pairs += more
    if some:
        yield some


def _unfinished(project: Project, standings: dict[str, Standing], days: list[date]) -> set[date]:
    """Those of ``days`` with a pair that whoever may label has not labelled."""
    store = project.store("amplify")
    rows = store.read("candidates", ["collection", "query_id", "arrived_on"], {"arrived_on": days})
    left: set[date] = set()
    for name, standing in standings.items():
        mine = rows.filter(pl.col("collection") == name)
        if mine.is_empty():
            continue
        if not _may_label(project, standing):
            left |= set(mine["arrived_on"])
            continue
        asked = {"collection": name, "judge_version": str(standing.judge_version)}
        found = store.query(
            "amplify/days_left", asked,
            {
                "candidates": {"arrived_on": days},
                "labels": {
                    "judge_version": str(standing.judge_version), "query_id": mine["query_id"].unique().to_list()
                },
            },
        )  # fmt: skip
        left |= set(found["day"])
    return left


def _may_label(project: Project, standing: Standing) -> bool:
    if not standing.open:
        return False
    judge, _ = project.judge(str(standing.judge_version))
    try:
        project.member_of(judge)
    except GateClosedError:  # the day refuses it, and says why
        return False
    return True


def nights_missed(project: Project, until: date) -> list[date]:
    """The project's days before ``until`` that nobody labelled or refused, as far back as `amplify.catch_up_nights`."""
    store, days = project.store("amplify"), project.settings.days
    booked = store.read("label_runs", ["day"])["day"].unique().to_list()
    unfinished = store.query("amplify/unfinished_days")["day"].unique().to_list()
    found = amplify.missed_nights(booked, unfinished, until, project.settings.amplify.catch_up_nights)
    return [day for day in found if day >= days.start and (days.end is None or day <= days.end)]
