"""A day of a million pairs: what it takes in memory, and how soon a run that has most of it labelled asks again.

The tables are written through the store's own API; the labels are one real label many times. Keep out: nights
(growth.py).
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations import amplify
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.settings import Settings
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.benchmarks.growth import TONIGHT, prepare, provider
from label_pipeline_tests.benchmarks.growth import settings as small_settings
from label_pipeline_tests.small_project import Said

QUERY_PAIRS = 50
CHARACTERS = 600
NEW = 2_000
"""Pairs that are asked: enough that the engine, the journal and the books are at their full size."""
WRITTEN_AT_ONCE = 100_000
HEAD = f"""
## A day of a million pairs

Nine of ten pairs have a label; a run whose cap allows about {NEW:,} more begins. Resident memory in MB when everything
is imported and at its most; seconds of the wall to read the keys of pairs and labels as frames and join them, which is
the least any resume must do, and from the run's start to its first new label. The goals: at most 64 MB more for ten
times the pairs, and a first label within three times the bare join.

| pairs | labelled anew | imported MB | peak MB | bare join s | first label s | x bare |
| --: | --: | --: | --: | --: | --: | --: |"""


@dataclass(frozen=True)
class BigDay:
    """One run on a day of so many pairs.

    Attributes:
        bare_s: seconds to read the keys of pairs and labels as frames, and to join them: what any resume must do.
        first_s: seconds from the start of the run to its first new label.
        before_mb: resident memory when all is imported.
        peak_mb: the most of it.
        labelled: pairs it labelled anew.
    """

    bare_s: float
    first_s: float
    before_mb: float
    peak_mb: float
    labelled: int


def make(home: Path, pairs: int, labelled: int) -> None:
    """A certified home with one day of ``pairs`` pairs, the first ``labelled`` of them labelled."""
    prepare(home)
    project = Project(small_settings(home))
    store = project.store("rank")
    label, document = store.read("labels").head(1), store.read("documents").head(1)
    query = store.read("queries").head(1)
    rng = np.random.default_rng(0)
    base = "".join(rng.choice(list("abcdefghijklmnop  qrstuvwxyz"), 50_000))
    numbers = pl.DataFrame({"n": range(pairs)})
    named = {
        "query_id": pl.format("q{}", (pl.col("n") // QUERY_PAIRS).cast(pl.String).str.zfill(7)),
        "doc_id": pl.format("d{}", pl.col("n").cast(pl.String).str.zfill(8)),
    }
    texts = pl.Series([base[at : at + CHARACTERS] for at in rng.integers(0, 50_000 - CHARACTERS, pairs)])
    candidate = store.read("candidates").head(1)
    version = pl.lit(candidate["doc_version"][0])
    docs = numbers.select(
        doc_id=named["doc_id"], doc_version=version, text=texts, boundary=pl.lit(None, dtype=pl.String)
    )
    store.overwrite("documents", pl.concat([store.read("documents"), _like(document, docs)]))
    asked = numbers.filter(pl.col("n") % QUERY_PAIRS == 0).select(query_id=named["query_id"])
    store.overwrite("queries", pl.concat([store.read("queries"), _like(query, asked)]))
    candidates = _like(candidate, numbers.select(**named)).with_columns(arrived_on=pl.lit(TONIGHT))
    store.overwrite("candidates", candidates)
    same = {name: pl.lit(candidate[name][0], dtype=pl.String) for name in set(PAIR_KEY) - named.keys()}
    for start in range(0, labelled, WRITTEN_AT_ONCE):
        some = numbers[start : min(start + WRITTEN_AT_ONCE, labelled)].select(**named)
        rows = _like(label, some).with_columns(**same, day=pl.lit(TONIGHT))
        store.append("labels", rows, f"history {start}")


def _like(row: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """The row once for every row of ``other``, with its columns."""
    many = row.drop(other.columns).select(pl.all().repeat_by(other.height).explode(empty_as_null=True, keep_nulls=True))
    return pl.concat([many, other], how="horizontal").select(row.columns)


def run(home: Path) -> BigDay:
    """Labels up to a cap of ``NEW`` pairs, by an endpoint the environment names."""
    before_mb = _resident_mb()
    now = datetime(TONIGHT.year, TONIGHT.month, TONIGHT.day, 3, tzinfo=UTC) + timedelta(days=20)
    first: list[float] = []
    settings = capped(home)
    started = time.perf_counter()
    project = Project(settings, lambda: now, progress=lambda *_: first.append(time.perf_counter() - started))
    try:
        amplify.label_days(Run("tonight", Said()), project, [TONIGHT])
    except LabelPipelineError as error:
        if "stopped at the cap" not in str(error):
            raise
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    labelled = project.store("rank").read("label_runs", where={"run_id": "tonight"})
    bare_s = _bare(project)
    return BigDay(
        bare_s,
        first[0],
        before_mb,
        peak_mb,
        int(labelled.select(pl.col("labelled") - pl.col("reused")).to_series().sum()),
    )


def capped(home: Path) -> Settings:
    """Settings by which about ``NEW`` pairs are asked."""
    judges = projects.data(home)["candidates"]
    judges[0]["prices"] = {"rehearsal-large": {"input_usd": 1.0, "output_usd": 0}}
    found = small_settings(home)
    each_usd = 400 / 1e6
    return projects.settings(
        home,
        candidates=judges,
        days=found.days.model_dump(),
        anchor=found.anchor.model_dump() | {"canary_pairs": 0},
        amplify={"cap_usd": NEW * each_usd, "chunk_pairs": 10_000},
    )


def _bare(project: Project) -> float:
    """Seconds to find the pairs without a label, all keys in memory and nothing else done."""
    store = project.store("rank")
    started = time.perf_counter()
    pairs = store.read("candidates", PAIR_KEY, {"arrived_on": TONIGHT})
    labels = store.read("labels", [*PAIR_KEY, "judge_version"])
    pairs.join(labels, on=list(PAIR_KEY), how="anti", nulls_equal=True)
    return time.perf_counter() - started


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def report(folder: Path) -> str:
    """The page's part: 100,000 and a million pairs, nine of ten labelled; ``folder`` keeps them for another time."""
    lines = []
    for pairs in (100_000, 1_000_000):
        kept, home = folder / f"big{pairs}", folder / "big-run"
        if not kept.exists():
            part = folder / f"big{pairs}.part"  # one that was cut off is made anew
            shutil.rmtree(part, ignore_errors=True)
            _step("make", part, pairs, pairs * 9 // 10)
            part.rename(kept)
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(kept, home)
        found = BigDay(**json.loads(_step("run", home)))
        lines.append(
            f"| {pairs:,} | {found.labelled:,} | {found.before_mb:.0f} | {found.peak_mb:.0f} | {found.bare_s:.2f} | "
            f"{found.first_s:.2f} | **{found.first_s / found.bare_s:.1f}** |"
        )
    return "\n".join([HEAD, *lines]) + "\n"


def _step(what: str, *rest: object) -> str:
    command = [sys.executable, "-m", "label_pipeline_tests.benchmarks.bigday", what, *map(str, rest)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


def main(what: str, home: str, *rest: str) -> None:
    """``make HOME PAIRS LABELLED`` or ``run HOME``."""
    os.environ["LABEL_PIPELINE_PROVIDER_KEY"] = projects.KEY
    if what == "make":
        make(Path(home), *map(int, rest))
        return
    with provider() as url:
        os.environ["LABEL_PIPELINE_PROVIDER"] = url
        sys.stdout.write(json.dumps(asdict(run(Path(home)))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
