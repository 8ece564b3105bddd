"""`make results`: runs everything and writes docs/results.md with its picture.

Keep out: what is run and how it is shown (the modules beside this one).
"""

import hashlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from rich.console import Console

from label_pipeline.adapters import plots
from label_pipeline_tests.llmjudge.project import BEST, OTHERS
from label_pipeline_tests.results import drift, graph, lane, llmjudge, page, recorded, sentences
from label_pipeline_tests.trecdl.project import ABSENT, ROOT, WIDE

PACKAGES = ("label-pipeline", "dagster", "lightgbm", "numpy", "openai", "polars", "scikit-learn", "scipy")
DOCS = ROOT / "docs"


def main() -> int:
    """Writes the page; returns the exit code."""
    console = Console(highlight=False)
    if not WIDE.is_file():
        console.print(ABSENT)
        return 1
    pairs = recorded.judged_pairs()
    looks = recorded.resplits(recorded.RESPLITS, os.cpu_count() or 1, console.print)
    with TemporaryDirectory(prefix="label-pipeline-results-") as folder:
        found = graph.run_graph(Path(folder), console.print)
    refuse_difference(found, recorded.own_deal(pairs, found.split_salt))
    everything = page.Findings(
        graph=found,
        looks=looks,
        truth=recorded.truth(pairs),
        grades=pl.read_parquet(WIDE, columns=["query_id", "doc_id", "human_grade"]),
        lane=lane.findings(pairs, console.print),
        drift=drift.findings(console.print),
        llmjudge=llmjudge.findings((BEST, *OTHERS), console.print),
        data=f"`{WIDE.parent.name}/{WIDE.name}`, SHA-256 {hashlib.sha256(WIDE.read_bytes()).hexdigest()[:16]}…",
        versions={"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    )
    write(everything, DOCS)
    console.print(f"wrote {DOCS / 'results.md'}")
    return 0


def write(found: page.Findings, folder: Path) -> None:
    """Writes page and picture under ``folder``."""
    drawn = plots.intervals(sentences.picture_rows(found.graph.runs), "nDCG@10, exponential gain, unseen queries", None)
    (folder / page.PICTURE).write_text(drawn, encoding="utf-8")
    (folder / "results.md").write_text(page.page(found), encoding="utf-8")


def refuse_difference(found: graph.GraphFindings, own: pl.DataFrame) -> None:
    """Stops where the functions called on recorded grades and the graph disagree about the project's own deal."""
    for run in found.runs:
        for criterion in run.criteria:
            if criterion["figure"] is None:  # a sentence about the grades, which the functions here do not make
                continue
            mine = own.filter(pl.col("judge") == run.judge, pl.col("criterion") == criterion["name"])["figure"].item()
            if criterion["figure"] != mine and abs(float(str(criterion["figure"])) - float(mine)) > 1e-9:
                raise SystemExit(f"{run.judge}: {criterion['name']} is {criterion['figure']} in the graph, {mine} here")


if __name__ == "__main__":
    sys.exit(main())
