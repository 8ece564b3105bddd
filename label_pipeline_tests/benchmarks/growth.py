"""What a night costs after a year of nights: synthetic history through the store's own API, then one real day.

A night of history is 1,000 labels, their judgements, books and payments, a canary of 30 rows, one commit a table a
night; every seventh night confirms a week. Keep out: the other comparisons (bulk.py), the page (page.py).
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters import queries
from label_pipeline.adapters.store import Store
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations import amplify
from label_pipeline.operations.checking import offenders
from label_pipeline.operations.maintain import maintain
from label_pipeline.operations.project import Project
from label_pipeline.operations.recent import recent_coverage
from label_pipeline.operations.run import Run
from label_pipeline.operations.seed_candidates import load_candidates
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.settings import Settings
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import ANCHOR, DAYS, Said, Small
from label_pipeline_tests.templates import sample_world

LABELS = 1_000
CANARY = 30
TONIGHT = date.fromisoformat(DAYS[1])
FIRST = TONIGHT - timedelta(days=400)
CHECKED = ("candidate_pairs", "amplified_labels")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "growth.md"
HEAD = f"""# What a night costs after a year

Written by `make growth`; do not edit it by hand. Synthetic history through the store's own API, {LABELS:,} labels a
night with their judgements, books, payments and a canary of {CANARY}; then one real night of {LABELS:,} pairs against a
local provider in a process of its own: candidates loaded, labelled, every check of both assets and the coverage shown.
CPU seconds, user and system, of a process that begins fresh. *again* is that day once more, when all is labelled. The
goal is 1.5 times the first night.

| nights before | load | label | checks | all | x night 1 | again | peak MB |
| :-- | --: | --: | --: | --: | --: | --: | --: |"""


@dataclass(frozen=True)
class Night:
    """CPU seconds of one night, user and system, and the most memory, MB."""

    load_s: float
    label_s: float
    checks_s: float
    again_s: float
    peak_mb: float

    @property
    def total_s(self) -> float:
        """Loading, labelling, checks and coverage."""
        return self.load_s + self.label_s + self.checks_s


def settings(home: Path) -> Settings:
    """The small project with a canary and a year of days."""
    return projects.settings(
        home,
        days={"start": FIRST.isoformat(), "end": DAYS[-1]},
        anchor={"required": False, "cap_usd": 10, "canary_pairs": CANARY, "baseline_runs": 5},
        amplify={"cap_usd": 10},
    )


def prepare(home: Path) -> None:
    """A certified home with a baseline, and 1,000 candidates of one day."""
    world = sample_world()
    with pytest.MonkeyPatch.context() as patch, projects.serving(world, patch):
        projects.write_small_inputs(world, home)
        small = Small(settings(home))
        done = small.run(*projects.TO_GATE, *ANCHOR)
        assert done.success, done.failure
        store = small.project.store("amplify")
        texts, asked = store.read("documents").filter(pl.col("boundary").ne_missing("customer")), store.read("queries")
        pairs = asked.select("query_id").join(texts.select("doc_id"), how="cross").head(LABELS)
        files = home / "inputs" / "candidates.jsonl"
        pairs.with_columns(arrived_on=pl.lit(TONIGHT.isoformat())).write_ndjson(files)
        # one real day first: its rows are what history is made of
        files.rename(home / "inputs" / "tonight.jsonl")
        pairs.tail(40).with_columns(arrived_on=pl.lit(FIRST.isoformat())).write_ndjson(files)
        done = small.run("candidate_pairs", "amplified_labels", day=FIRST.isoformat())
        assert done.success, done.failure
        (home / "inputs" / "tonight.jsonl").rename(files)


def grow(home: Path, nights: int) -> None:
    """Appends so many nights of history before tonight."""
    project = Project(settings(home))
    store = project.store("rank")
    made = {name: store.read(name) for name in ("candidates", "labels", "judgements", "label_runs", "payments")}
    canaries, epochs = store.read("anchor_runs").filter(kind="canary"), store.read("epochs")
    candidates = [made["candidates"]]
    for night in range(nights):
        day = TONIGHT - timedelta(days=nights - night)
        at, run_id = datetime(day.year, day.month, day.day, 2, tzinfo=UTC), f"night-{day}"
        numbered = {"query_id": pl.format("q{}-{}", pl.lit(night), pl.int_range(LABELS) // 10),
                    "doc_id": pl.format("d{}-{}", pl.lit(night), pl.int_range(LABELS))}  # fmt: skip
        whose = {"run_id": pl.lit(run_id), "day": pl.lit(day)}
        label = _many(made["labels"], LABELS).with_columns(**numbered, **whose, labelled_at=pl.lit(at))
        store.append("labels", label, f"labels:{run_id}")
        keys = {"request_key": pl.format("{}-{}", pl.lit(run_id), pl.int_range(LABELS))}
        judged = _many(made["judgements"].filter(purpose="amplify"), LABELS)
        judged = judged.with_columns(**numbered, **keys, run_id=whose["run_id"], judged_at=pl.lit(at))
        _own(store, "judgements", judged, f"judged:{run_id}", cost_usd=2e-5, reused=False)
        epoch = 1_000 + night
        asked = _many(made["judgements"].filter(purpose="canary"), CANARY).with_columns(
            request_key=pl.format("c{}-{}", pl.lit(run_id), pl.int_range(CANARY)),
            run_id=whose["run_id"], epoch=pl.lit(epoch, dtype=pl.Int64), judged_at=pl.lit(at),
        )  # fmt: skip
        _own(store, "judgements", asked, f"canary:{run_id}", cost_usd=1e-5, reused=False)
        opened = _many(epochs.filter(purpose="canary"), 1)
        _own(store, "epochs", opened, f"epoch:{epoch}", epoch=epoch, run_id=run_id, opened_at=at)
        _own(store, "anchor_runs", _many(canaries, 1), f"anchor:{epoch}", run_id=run_id, epoch=epoch, ran_at=at,
             cost_usd=CANARY * 1e-5)  # fmt: skip
        books = {"pairs_in": LABELS, "labelled": LABELS, "reused": 0, "requests": LABELS, "cost_usd": LABELS * 2e-5}
        _own(store, "label_runs", _many(made["label_runs"], 1), f"run:{run_id}", run_id=run_id, day=day, chunk="c",
             finished_at=at + timedelta(minutes=5), **books)  # fmt: skip
        paid = _many(made["payments"].filter(purpose="amplify"), 1)
        _own(store, "payments", paid, f"paid:{run_id}", batch=run_id, run_id=run_id, day=day, paid_at=at,
             requests=LABELS, replies=LABELS, cost_usd=LABELS * 2e-5)  # fmt: skip
        _own(store, "payments", _many(made["payments"].filter(purpose="canary"), 1), f"canary paid:{run_id}",
             batch=f"c{run_id}", run_id=run_id, epoch=epoch, paid_at=at, requests=CANARY, replies=CANARY,
             cost_usd=CANARY * 1e-5)  # fmt: skip
        if night % 7 == 6:
            healthy = label.with_columns(status=pl.lit("confirmed"), labelled_at=pl.lit(at + timedelta(1)))
            store.append("labels", healthy, f"confirmed:{run_id}")
        candidates.append(_many(made["candidates"], LABELS).with_columns(**numbered, arrived_on=pl.lit(day)))
    store.overwrite("candidates", pl.concat(candidates).unique(PAIR_KEY, keep="first", maintain_order=True))


def _many(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """The first row so many times."""
    assert rows.height, "history is made of a real row"
    return rows.head(1).select(pl.all().repeat_by(count).explode(empty_as_null=True, keep_nulls=True))


def _own(store: Store, name: str, rows: pl.DataFrame, commit: str, **values: object) -> None:
    typed = TABLES[name].schema
    store.append(name, rows.with_columns(**{key: pl.lit(v, dtype=typed[key]) for key, v in values.items()}), commit)


def night(home: Path) -> Night:
    """One real day, by an endpoint the environment names; then the same day again, which sends nothing."""
    now = datetime(TONIGHT.year, TONIGHT.month, TONIGHT.day, 3, tzinfo=UTC) + timedelta(days=20)
    project = Project(settings(home), lambda: now)
    spent = []
    for step in (
        lambda: load_candidates(project, [TONIGHT]),
        lambda: amplify.label_days(Run("tonight", Said()), project, [TONIGHT]),
        lambda: _checks(project),
        lambda: amplify.label_days(Run("again", Said()), project, [TONIGHT]),
    ):
        before = _cpu_s()
        step()
        spent.append(_cpu_s() - before)
    books = project.store("rank").read("label_runs").filter(run_id="tonight")
    assert books["labelled"].sum() > 0.95 * LABELS, books.row(0, named=True)
    load_s, label_s, checks_s, again_s = spent
    return Night(load_s, label_s, checks_s, again_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _checks(project: Project) -> None:
    for name in (name for name in queries.names() if name.startswith("checks/")):
        if queries.load(name).asset in CHECKED:
            found = offenders(project, name)
            assert found.is_empty(), (name, found)
    recent_coverage(project)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def provider() -> Iterator[str]:
    """The sample's judges in a process of its own, so that its work is not counted."""
    with subprocess.Popen(
        [sys.executable, "-m", "label_pipeline_tests.benchmarks.growth", "serve"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def report(folder: Path) -> str:
    """The page: a night after 1, 30 and 365 nights; ``folder`` keeps the histories for another time."""
    if not (folder / "base").exists():
        _step("prepare", folder / "base")
    lines = []
    first: Night | None = None
    for nights, tidied in ((1, True), (30, True), (365, True), (365, False)):
        grown, home = folder / f"n{nights}", folder / f"night-{nights}-{tidied}"
        if not grown.exists():
            part = folder / f"n{nights}.part"  # one that was cut off is made anew
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(folder / "base", part)
            _step("grow", part, str(nights))
            part.rename(grown)
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(grown, home)
        if tidied:
            _step("maintain", home)
        found = Night(**json.loads(_step("night", home)))
        first = first or found
        kind = "after upkeep" if tidied else "never tidied"
        lines.append(
            f"| {nights}, {kind} | {found.load_s:.1f} | {found.label_s:.1f} | {found.checks_s:.1f} | "
            f"{found.total_s:.1f} | **{found.total_s / first.total_s:.2f}** | {found.again_s:.1f} | "
            f"{found.peak_mb:.0f} |"
        )
    return "\n".join([HEAD, *lines]) + "\n"


def _step(what: str, *rest: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, what, *map(str, rest)], check=True, stdout=subprocess.PIPE
    )
    return done.stdout.decode()


def main(what: str, *rest: str) -> None:
    """One step, in a process of its own: ``report``, ``prepare``, ``grow N``, ``maintain``, ``night``, ``serve``."""
    os.environ["LABEL_PIPELINE_PROVIDER_KEY"] = projects.KEY
    if what == "prepare":
        prepare(Path(rest[0]))
    elif what == "grow":
        grow(Path(rest[0]), int(rest[1]))
    elif what == "maintain":
        maintain(Run("maintain", Said()), Project(settings(Path(rest[0]))))
    elif what == "report":
        from label_pipeline_tests.benchmarks import bigday

        PAGE.write_text(report(Path(rest[0])) + bigday.report(Path(rest[0])), encoding="utf-8")
    elif what == "serve":
        with running_provider(make_app(simulated_models(sample_world()), api_key=projects.KEY)) as url:
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()
            sys.stdin.read()
            time.sleep(3600)
    else:
        with provider() as url:
            os.environ["LABEL_PIPELINE_PROVIDER"] = url
            sys.stdout.write(json.dumps(asdict(night(Path(rest[0])))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
