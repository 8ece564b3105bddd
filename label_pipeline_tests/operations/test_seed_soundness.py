"""Human grades that cannot answer cost nothing: no request, no look; what is known of them stands on the verdict."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import LATER, Provider, Said, Small, failure_of

SEED = ("seed_inputs", "annotator_agreement", "gold_labels", "seed_splits")
JUDGED = ("judge_leaderboard", "calibrated_judge", "gate_verdict")
FRESH: dict[str, Any] = {"judge_leaderboard": {"fresh": True}}


@pytest.fixture
def home(certified_home: Path, tmp_path: Path, provider: Provider) -> Path:
    return projects.copied(certified_home, tmp_path / "home")


def small(home: Path, **settings: Any) -> Small:
    return Small(projects.settings(home, **settings), LATER)


def respoil(home: Path, spoilt: pl.Expr) -> None:
    """Rewrites the grades of the human labels."""
    path = home / "inputs" / "human_labels.csv"
    labels = pl.read_csv(path, infer_schema=False)
    labels.with_columns(spoilt.cast(pl.String).alias("grade")).write_csv(path)


def noted(found: Small) -> dict[str, str]:
    """What the newest verdict prints of the grades."""
    newest = found.project.store("gate").read("verdicts").sort("epoch", "decided_at").row(-1, named=True)
    return {one["name"]: one["sentence"] for one in json.loads(newest["criteria"]) if one["status"] == "reported"}


def test_people_who_do_not_agree_cost_nothing_and_a_waiver_is_printed(home: Path, provider: Provider) -> None:
    found = small(home, agreement_floor=0.99)
    before, looks = provider.requests(), found.project.store("gate").read("holdout_looks").height
    said = failure_of(found.run(*SEED, *JUDGED, **FRESH))
    assert said.startswith("nothing is asked: [main] annotators agree at alpha 0.")
    assert "the floor is 0.99: sharpen the rubric" in said
    assert provider.requests() == before
    assert found.project.store("gate").read("epochs").filter(pl.col("purpose") == "calibrate").height <= 1
    waived = small(home, agreement_floor=0.99, agreement_waiver="the floor of this test is absurd")
    done = waived.run(*JUDGED, **FRESH)
    assert done.success, done.failure
    assert noted(waived)["human agreement"].endswith("agreement_waiver: the floor of this test is absurd")
    assert waived.project.store("gate").read("holdout_looks").height == looks + 1


def test_a_settled_look_is_taken_again_whatever_is_known_of_the_grades(home: Path, provider: Provider) -> None:
    found, before = small(home, agreement_floor=0.99), provider.requests()
    assert found.run(*SEED, "gate_verdict").success
    assert provider.requests() == before


def test_too_many_rejected_rows_cost_nothing(home: Path, provider: Provider) -> None:
    """A real file of mean grades lost 41,130 of 74,067 rows, the contested pairs, and the run went on."""
    contested = pl.int_range(pl.len()) % 10 == 0
    respoil(home, pl.when(contested).then(pl.lit("1.5")).otherwise("grade"))
    found, before = small(home), provider.requests()
    said = failure_of(found.run(*SEED, *JUDGED, **FRESH))
    assert "human rows about this project's queries and documents were rejected, 10.0%, at most 5% may be" in said
    assert "Mostly: " in said
    assert provider.requests() == before
    tolerant = projects.data(home)["inputs"] | {"max_rejected_share": 0.2}
    assert small(home, inputs=tolerant).run("judge_leaderboard", **FRESH).success


def test_positives_only_are_refused_before_a_dollar(home: Path, provider: Provider) -> None:
    """They paid for two stages, took a look and were told to grade more queries."""
    respoil(home, pl.lit("3"))
    found, before = small(home), provider.requests()
    looks = found.project.store("gate").read("holdout_looks").height
    said = failure_of(found.run(*SEED, *JUDGED, **FRESH))
    assert "[main] all graded train and dev pairs are alike (" in said
    assert "grade pairs of other grades too, also what is not relevant" in said
    done = found.run("gate_verdict")
    assert done.success
    newest = found.project.store("gate").read("verdicts").sort("decided_at").row(-1, named=True)
    assert (newest["state"], newest["look"]) == ("insufficient", None)
    assert provider.requests() == before
    assert found.project.store("gate").read("holdout_looks").height == looks


def test_an_end_of_the_scale_nobody_used_is_said(home: Path) -> None:
    respoil(home, pl.when(pl.col("grade") == "3").then(pl.lit("2")).otherwise("grade"))
    done = small(home).run(*SEED, "judge_leaderboard", **FRESH)
    assert done.success, done.failure
    told = "\n".join(str(line) for line in _said(done.run.log).warnings)
    assert "[main] no graded train and dev pair has grade 3 (" in told


def _said(log: object) -> Said:
    assert isinstance(log, Said)
    return log


def test_what_is_known_of_the_grades_is_on_the_verdict(home: Path) -> None:
    found = small(home)
    assert found.run(*SEED, *JUDGED, **FRESH).success
    said = noted(found)
    assert "alpha 0." in said["human agreement"]
    assert "human rows about this project's queries and documents were rejected, 0.0%" in said["rejected human rows"]
