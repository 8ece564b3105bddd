"""`make study`: every cell on all cores, then docs/study.md."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from rich.console import Console

from label_pipeline_tests.study import bounds, changes, gates, lanes
from label_pipeline_tests.study.cells import Cell
from label_pipeline_tests.study.healthy_years import ANCHORS, JUDGES, healthy
from label_pipeline_tests.study.page import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "study.md"
SEED = 20261130
TRIALS, YEARS = 1000, 200
Job = Callable[[], Iterable[Cell]]


def jobs(trials: int, years: int) -> list[Job]:
    """Everything there is to simulate, the longest first; each job is one process's work."""
    nights = [
        partial(night, judge, anchor, years) for judge in range(len(JUDGES)) for anchor in reversed(range(len(ANCHORS)))
    ]
    looks = (
        gates.boundary,
        gates.power,
        gates.rules,
        gates.waiting,
        gates.unlike,
        lanes.margin,
        lanes.harmless,
        bounds.coverage,
    )
    return [*nights, *(partial(cell, trials, SEED) for cell in looks),
            partial(changes.seen, SEED), partial(changes.another_server, max(trials // 5, 20), SEED)]  # fmt: skip


def night(judge: int, anchor: int, years: int) -> Iterable[Cell]:
    """Years of one judge in one way of watching, by their numbers: what a process is told must be plain."""
    return healthy(JUDGES[judge], ANCHORS[anchor], years, SEED + judge)


def run(job: Job) -> list[Cell]:
    """One job, in whatever process."""
    return list(job())


def study(trials: int, years: int, say: Callable[[str], None]) -> list[Cell]:
    """Every cell, in the order of the jobs."""
    wanted = jobs(trials, years)
    found: dict[int, list[Cell]] = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        under_way = {pool.submit(run, job): number for number, job in enumerate(wanted)}
        for done in as_completed(under_way):
            found[under_way[done]] = done.result()
            say(f"{len(found)} of {len(wanted)} jobs; {', '.join(sorted({cell.world for cell in done.result()})[:2])}")
    return [cell for number in range(len(wanted)) for cell in found[number]]


def main() -> int:
    """Writes the page, which says which promises are not kept; returns the exit code."""
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    console, started = Console(highlight=False), time.monotonic()
    cells = study(TRIALS, YEARS, console.print)
    scale = f"{TRIALS:,} trials a cell, {YEARS:,} years a judge"
    PAGE.write_text(page(cells, (time.monotonic() - started) / 60, scale), encoding="utf-8")
    console.print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
