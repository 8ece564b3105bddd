"""A judge that takes the lowest grade for the best: nothing is spent on a look, no gate opens, nothing is trained."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.rank import label_orders
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, TO_GATE, Small, failure_of, serving

JUDGED = ("judge_leaderboard", "calibrated_judge", "gate_verdict")


def test_the_leaderboard_chooses_nobody_and_no_look_is_paid(
    world: SampleWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects.write_small_inputs(world, tmp_path / "home")
    small = Small(projects.settings(tmp_path / "home"))
    with serving(world, monkeypatch, upside_down=True):
        done = small.run(*TO_GATE)
    said = failure_of(done)
    assert said.startswith(
        "the newest calibration chose no judge, and nothing is spent on a look: rehearsal-large/plain"
    )
    assert "needs above 0: it may read the scale upside down" in said
    store = small.project.store("gate")
    assert set(store.read("judgements")["purpose"]) == {"calibrate"}
    assert store.read("holdout_looks").is_empty()
    board = store.query("calibrate/newest_calibration").row(0, named=True)
    assert board["slope_low"] < board["slope"] < -0.5
    assert not board["chosen"]


def test_one_that_turned_after_it_was_calibrated_is_closed_in_those_words(
    world: SampleWorld, certified_small: Callable[[], Small], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calibrator is the right judge's: its slope and the raw order both say so."""
    small = certified_small()
    assert small.run(*JUDGED[:2], judge_leaderboard={"fresh": True}).success
    with serving(world, monkeypatch, upside_down=True):
        assert small.run("gate_verdict").success
    verdict = small.project.store("gate").read("verdicts").sort("epoch").row(-1, named=True)
    assert verdict["state"] == "closed"
    assert any("may read the scale upside down" in failure for failure in json.loads(verdict["failures"]))


@pytest.fixture
def labelled(certified_small: Callable[[], Small]) -> Small:
    small = certified_small()
    done = small.run("amplified_labels", day=DAYS[0])
    assert done.success, done.failure
    return small


def test_labels_of_a_sound_judge_are_better_than_chance_and_train(labelled: Small) -> None:
    [found] = label_orders(labelled.project)
    assert found.low > 0.7
    assert found.n_queries >= 20
    assert labelled.run("trained_ranker").success


def test_nothing_is_trained_on_labels_that_contradict_the_human_grades(labelled: Small) -> None:
    """As if the labels of human-graded pairs had come out the wrong way round."""
    store = labelled.project.store("rank")
    gold = store.query("rank/human_seed").select(*PAIR_KEY, (3 - pl.col("gold_mean")).alias("turned"))
    one = store.read("labels").head(1).drop(*PAIR_KEY)
    planted = gold.join(one, how="cross").with_columns(raw_grade="turned", expected_grade="turned").drop("turned")
    store.append("labels", planted.select(store.read("labels").columns), "planted")
    done = labelled.run("trained_ranker")
    assert "nothing is trained: [main] labels of judge" in failure_of(done)
    assert "needs above 0.5, which shuffled labels have" in failure_of(done)
    assert store.read("rankers").is_empty()


def test_calibration_replies_of_an_older_rubric_are_read_through_its_crosswalk(labelled: Small) -> None:
    """The older rubric counted the other way round: mapped, judge and humans agree; unmapped, all would be refused."""
    store = labelled.project.store("rank")
    older = "older rubric"
    versions = store.read("judge_versions").with_columns(rubric_version=pl.lit(older))
    turned = [(3 - pl.col(name)).alias(name) for name in ("raw_grade", "expected_grade")]
    labels = store.read("labels").with_columns(*turned, rubric_version=pl.lit(older))
    replies = store.read("judgements").with_columns(
        (3 - pl.col(name)).alias(name) for name in ("grade", "expected_grade")
    )
    for name, frame in (("judge_versions", versions), ("labels", labels), ("judgements", replies)):
        shutil.rmtree(Path(store.root) / name)
        store.append(name, frame, "as under the older rubric")
    walk = {older: {grade: 3 - grade for grade in range(4)}}
    mapped = projects.settings(Path(labelled.settings.home_path), rank={"crosswalk": walk})
    [found] = label_orders(Small(mapped, labelled.clock_now).project)
    assert found.low > 0.7
