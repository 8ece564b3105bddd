"""A recall always knows what a ranker learnt from, and the crown never rests on labels that any recall took back."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.core.catalogue import TRAINING_SETS
from label_pipeline.operations.recall import carry_out, find_recall, full_version, name_of
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, PAIRS_A_DAY, START, Provider, Ran, Small, dying_before, watched
from label_pipeline_tests.sql.frames import rows

RANK = ("training_set", "trained_ranker", "ranker_evaluation")


@pytest.fixture
def home(baselined_home: Path, tmp_path: Path, provider: Provider) -> Path:
    return projects.copied(baselined_home, tmp_path / "home")


def recall(graph: Small, since_days: float) -> None:
    """Calls back what the judge labelled since so many days after the start."""
    project = graph.project
    found = find_recall(project, judge_version=full_version(project, "baa"), since=START + timedelta(days=since_days))
    carry_out(project, found, name=name_of(found))


def newest(graph: Small) -> str:
    """The amplified ranker trained last."""
    found = graph.project.store("rank").query("rank/newest_rankers")
    return str(found.filter(pl.col("arm") == "amplified")["ranker_id"][0])


def won(graph: Small, ranker: str) -> None:
    """Plants an evaluation in which this ranker beat the seed-only one."""
    shared = {"evaluation_id": ranker, "metric": "nDCG@10 exponential gain", "evaluated_at": graph.clock_now}
    planted = rows("ranker_metrics", {**shared, "arm": "amplified", "ranker_id": ranker},
                   {**shared, "arm": "amplified - seed_only", "low": 0.1})  # fmt: skip
    graph.project.store("rank").append("ranker_metrics", planted, f"planted {ranker}")
    graph.project.tracker.promote(ranker)


def objection(result: Ran) -> str:
    """Why the amplified ranker is not champion."""
    return " ".join(result.found["ranker_evaluation"].failures)


def test_a_ranker_is_found_though_only_it_was_materialised(
    home: Path,
) -> None:
    """Labels came after the last training set: what the ranker learns from has no manifest but its own."""
    assert watched(home, days=1).run("amplified_labels", day=DAYS[0]).success
    assert watched(home, days=1.2).run("training_set").success
    assert watched(home, days=2).run("amplified_labels", day=DAYS[1]).success
    graph = watched(home, days=2.2)
    with dying_before("rankers"):
        assert not graph.run("trained_ranker").success
    store = graph.project.store("rank")
    assert store.read("training_sets").filter(pl.col("arm") == "amplified").height == 2, "the manifest comes first"
    assert graph.run("trained_ranker").success
    project = watched(home, days=3).project
    judge = full_version(project, "baa")
    found = find_recall(project, judge_version=judge, since=START + timedelta(days=1.5))
    assert found.taken.height == PAIRS_A_DAY
    assert {ranker.arm for ranker in found.rankers} == {"amplified", "permuted", "amplified_l2"}
    assert all(ranker.exact for ranker in found.rankers)


def test_ranking_again_what_did_not_change_adds_nothing_and_rankers_without_a_tokeniser_are_still_proved(
    home: Path,
) -> None:
    assert watched(home, days=1).run("amplified_labels", day=DAYS[0]).success
    sizes = []
    for days in (1.2, 5):
        graph = watched(home, days=days)
        assert graph.run(*RANK).success
        store = graph.project.store("rank")
        sizes.append([store.read(name).height for name in ("training_sets", "rankers", "ranker_metrics")])
    assert sizes[0] == sizes[1]
    assert sizes[0][:2] == [2, 4]
    _trained_before_tokenisers(graph)
    assert watched(home, days=6).run("ranker_evaluation").success


def test_a_champion_without_a_manifest_loses_its_crown_and_no_such_ranker_wins_one(
    home: Path,
) -> None:
    assert watched(home, days=1).run("amplified_labels", day=DAYS[0]).success
    graph = watched(home, days=1.5)
    assert graph.run(*RANK[:2]).success
    champion = newest(graph)
    won(graph, champion)
    assert watched(home, days=2).run("amplified_labels", day=DAYS[1]).success
    later = watched(home, days=2.5)
    assert later.run(*RANK[:2]).success
    evaluated = later.run("ranker_evaluation")
    assert "manifest" not in objection(evaluated)
    assert later.project.tracker.champion() == champion, "it lost against nobody"

    _without_manifests(later)
    evaluated = later.run("ranker_evaluation")
    told = objection(evaluated)
    assert f"ranker {newest(later)} has no manifest of training set" in told
    assert f"The champion lost its crown: ranker {champion} has no manifest" in told
    assert later.project.tracker.champion() is None


def _trained_before_tokenisers(graph: Small) -> None:
    """As a project looks whose rankers were trained before a tokeniser had a version."""
    store: Store = graph.project.store("rank")
    rankers = store.read("rankers")
    parameters = [json.loads(text) for text in rankers["parameters"]]
    assert {one.pop("tokeniser") for one in parameters} == {2}
    shutil.rmtree(Path(store.root) / "rankers")
    store.append("rankers", rankers.with_columns(parameters=pl.Series([json.dumps(one) for one in parameters])), "old")


def _without_manifests(graph: Small) -> None:
    """As a project looks whose rankers were trained before manifests were kept."""
    store: Store = graph.project.store("rank")
    shutil.rmtree(Path(store.root) / "training_sets")
    assert store.read("training_sets").equals(TRAINING_SETS.empty())


def test_the_crown_never_goes_back_to_what_an_earlier_recall_spoilt(
    home: Path,
) -> None:
    """Labels, ranker, recall, the same labels again, a second ranker; then a recall of what is new only."""
    assert watched(home, days=1).run("amplified_labels", day=DAYS[0]).success
    first = watched(home, days=1.5)
    assert first.run(*RANK[:2]).success
    spoilt = newest(first)
    won(first, spoilt)
    tracker = first.project.tracker
    recall(watched(home, days=2), 0)
    assert tracker.champion() is None

    assert watched(home, days=3).run("amplified_labels", day=DAYS[0]).success
    second = watched(home, days=3.5)
    assert second.run(*RANK[:2]).success
    again = newest(second)
    assert again != spoilt, "the same pairs labelled again are other labels"
    evaluated = second.run("ranker_evaluation")
    assert "recalled" not in objection(evaluated), "what it learnt from stands"
    won(second, again)

    assert watched(home, days=4).run("amplified_labels", day=DAYS[1]).success
    third = watched(home, days=4.5)
    assert third.run(*RANK[:2]).success
    won(third, newest(third))
    recall(watched(home, days=5), 3.7)
    assert tracker.champion() == again
    recall(watched(home, days=6), 2.5)
    assert tracker.champion() is None, f"{spoilt} learnt from labels of the first recall"
