import tarfile
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.catalogue import TABLES
from label_pipeline.operations.gate import current_standings
from label_pipeline.stages.gate import doubts
from label_pipeline_tests import small_project
from label_pipeline_tests.small_project import DAYS, PAIRS_A_DAY, START, TO_GATE, Provider, Small, failure_of

HERE = Path(__file__).parent
CANARY = 10
GATE = {"policy": "single-permissive", "cap_usd": 1, "thresholds": {"min_queries": 25}}
EVERYTHING = (*TO_GATE, "anchor_run", "amplified_labels", "training_set", "trained_ranker", "ranker_evaluation")


@pytest.fixture
def old(tmp_path: Path, provider: Provider) -> Small:
    with tarfile.open(HERE / "before-operations.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    settings = small_project.settings(
        tmp_path / "home", gate=GATE, anchor={"cap_usd": 1, "baseline_runs": 5, "canary_pairs": CANARY}
    )
    return Small(settings, START + timedelta(hours=1))


def rows(project: Small) -> dict[str, int]:
    """Rows of every table that records spending or a decision.

    Not of rankers: trained on the same rows, another kind of processor ends at another model in the last digits.
    """
    store = project.project.store("anchor")
    named = ("judgements", "labels", "verdicts", "holdout_looks", "training_sets")
    return {name: store.read(name).height for name in named}


def test_an_old_project_runs_again_and_spends_nothing(old: Small, provider: Provider) -> None:
    before, asked = rows(old), provider.requests()
    done = old.run(*EVERYTHING, "drift_verdict", day=DAYS[0], anchor_run={"only_when_due": True})
    assert done.success, failure_of(done)
    assert provider.requests() == asked
    assert rows(old) == before
    store = old.project.store("anchor")
    assert store.read("label_runs").sort("finished_at")["reused"].to_list()[-1] == PAIRS_A_DAY
    assert store.read("rankers")["training_set_id"].n_unique() == 2, "learnt from the same rows"
    assert set(store.read("drift_verdicts")["state"]) == {"insufficient"}, "60 anchor pairs decide nothing"


def test_an_old_project_labels_its_next_day_and_asks_only_about_it(old: Small, provider: Provider) -> None:
    asked = provider.requests()
    done = old.run("amplified_labels", day=DAYS[1])
    assert done.success, failure_of(done)
    assert provider.requests() - asked - PAIRS_A_DAY - CANARY in {0, 1}, "the day, its canary, perhaps a second reading"
    store = old.project.store("anchor")
    assert store.read("labels").filter(pl.col("status") == "provisional")["day"].n_unique() == 2
    for check in ("labelled_twice", "labels_contract", "labels_missing_from_run", "books_do_not_add_up"):
        assert store.query(f"checks/{check}").is_empty(), check


def test_every_table_of_an_old_project_is_read(old: Small) -> None:
    store = old.project.store("anchor")
    there = {path.name for path in (Path(old.settings.home_path) / "tables").iterdir()}
    assert len(there & set(TABLES)) >= 20
    for name in sorted(there & set(TABLES)):
        frame = store.read(name)
        assert frame.height >= (0 if name == "quarantine" else 1), name
        assert frame.schema == TABLES[name].schema, name


def test_its_verdict_stands_and_is_said_to_be_in_doubt(old: Small) -> None:
    """It was given before the order of what trains was looked at; nothing happens by itself."""
    project = old.project
    [standing] = current_standings(project, "gate", ["main"]).values()
    assert standing.open
    row = (
        project.store("gate").read("verdicts").row(by_predicate=pl.col("verdict_id") == standing.verdict_id, named=True)
    )
    judge, _ = project.judge(str(standing.judge_version))
    [said] = doubts(row, judge.calibrators["main"].slope)
    assert said.startswith(f"verdict {standing.verdict_id} was given by a version that judged the order of calibrated")
