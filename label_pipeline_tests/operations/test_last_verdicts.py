"""What a look that opened nothing said of the queries that would is said again by whoever plans the next one."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import yaml
from rich.console import Console

from label_pipeline.cli.humans import plan_humans
from label_pipeline.operations.gate import last_verdicts
from label_pipeline.settings import SAMPLE
from label_pipeline.stages.gate import ENOUGH
from label_pipeline.stages.seed.effort import Prices
from label_pipeline_tests import small_project
from label_pipeline_tests.small_project import Small


def test_the_newest_look_speaks_and_an_open_one_has_nothing_to_say(certified_home: Path, tmp_path: Path) -> None:
    small = Small(small_project.settings(small_project.copied(certified_home, tmp_path / "home")))
    assert last_verdicts(small.project) == []
    store = small.project.store("gate")
    [row] = store.read("verdicts").iter_rows(named=True)
    for number, told in enumerate(("about 90 holdout queries", "about 61 holdout queries"), start=1):
        said = json.dumps([{"name": ENOUGH, "sentence": told}, {"name": "queries", "sentence": "44 of 44"}])
        later = store.read("verdicts").head(1).with_columns(
            verdict_id=pl.lit(f"later {number}"), open=False, state=pl.lit("closed"), criteria=pl.lit(said),
            decided_at=pl.lit(row["decided_at"] + timedelta(days=number)),
        )  # fmt: skip
        store.append("verdicts", later, f"later {number}")
    [sentence] = last_verdicts(small.project)
    day = row["decided_at"] + timedelta(days=2)
    assert sentence == f"[main] the look of {day:%Y-%m-%d} (lane full): about 61 holdout queries"


def test_the_plan_of_a_project_begins_with_it(certified_home: Path, tmp_path: Path) -> None:
    home = small_project.copied(certified_home, tmp_path / "home")
    store = Small(small_project.settings(home)).project.store("gate")
    said = json.dumps([{"name": ENOUGH, "sentence": "about 61 holdout queries"}])
    closed = store.read("verdicts").with_columns(
        verdict_id=pl.lit("later"), open=False, state=pl.lit("closed"), criteria=pl.lit(said),
        lane=pl.lit(None, dtype=pl.String), decided_at=pl.col("decided_at") + timedelta(days=1),
    )  # fmt: skip
    store.append("verdicts", closed, "later")
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump(small_project.data(home, rubric=str(SAMPLE.parent / "rubric.yaml"))))
    console = Console(record=True, width=200)
    assert plan_humans(console, "single-standard", 0.2, 100_000, Prices(), 1, config) == 0
    first, *rest = console.export_text().splitlines()
    assert first.startswith("[main] the look of ")
    assert first.endswith("(lane full): about 61 holdout queries"), "an older row has no lane: it was the full gate"
    assert any("spare queries" in line for line in rest)
