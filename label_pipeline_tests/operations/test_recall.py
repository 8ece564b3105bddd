"""Labels called back on the real graph: what trained is named, the crown moves, and the same pairs are asked anew."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.errors import NotApplicableError
from label_pipeline.operations.project import Project
from label_pipeline.operations.recall import carry_out, find_recall, full_version, name_of, relabelling
from label_pipeline.settings import SAMPLE, parse
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, PAIRS_A_DAY, START, Provider, Small, failure_of, watched

RANK = ("training_set", "trained_ranker", "ranker_evaluation")


@pytest.fixture
def home(baselined_home: Path, tmp_path: Path) -> Path:
    return projects.copied(baselined_home, tmp_path / "home")


def test_a_window_is_recalled_planned_priced_and_labelled_anew(home: Path, provider: Provider) -> None:
    for offset, day in enumerate(DAYS[:2], start=1):
        assert watched(home, days=offset).run("amplified_labels", day=day).success
    graph = watched(home, days=3)
    project, judge = graph.project, full_version(graph.project, "baa")
    before = provider.requests()
    found = find_recall(project, judge_version=judge, since=START + timedelta(days=2))
    assert set(found.taken["day"].cast(pl.String)) == {DAYS[1]}
    [planned] = relabelling(project, found.taken).to_dicts()
    assert (str(planned["day"]), planned["pairs"], planned["requests"]) == (DAYS[1], PAIRS_A_DAY, PAIRS_A_DAY)
    assert 0 < planned["cost_usd"] < 0.02
    of_another = found.taken.with_columns(judge_version=pl.lit("another judge"))
    assert relabelling(project, of_another)["requests"].to_list() == [0], "this judge has labelled them already"
    rows = carry_out(project, found, name=name_of(found))
    assert rows.height == PAIRS_A_DAY
    assert provider.requests() == before, "a recall asks nobody"
    store = project.store("rank")
    assert store.query("rank/training_labels").height == PAIRS_A_DAY
    assert find_recall(project, judge_version=judge, since=START + timedelta(days=2)).taken.is_empty()

    again = watched(home, days=4)
    assert again.run("amplified_labels").success
    assert provider.requests() - before >= 2 * PAIRS_A_DAY, "the journal would only repeat what was recalled"
    assert store.query("rank/training_labels").height == 3 * PAIRS_A_DAY
    for check in ("labelled_twice", "labels_contract", "labels_missing_from_run", "books_do_not_add_up"):
        assert store.query(f"checks/{check}").is_empty(), check


def test_the_crown_goes_back_and_is_not_regained_on_recalled_labels(home: Path, provider: Provider) -> None:
    """Two rankers are crowned by hand on the small project's labels: what is tested is who may keep the crown."""
    first = watched(home, days=1)
    assert first.run("amplified_labels", day=DAYS[0]).success
    assert watched(home, days=1.5).run(*RANK[:2]).success
    second = watched(home, days=2)
    assert second.run("amplified_labels", day=DAYS[1]).success
    assert watched(home, days=2.5).run(*RANK[:2]).success
    store, tracker = second.project.store("rank"), second.project.tracker
    rankers = store.read("rankers").filter(pl.col("arm") == "amplified").sort("created_at")["ranker_id"].to_list()
    _won(second, rankers)
    tracker.promote(rankers[1])

    project = watched(home, days=3).project
    found = find_recall(
        project, judge_version=full_version(project, "baa"), since=START + timedelta(days=2)
    )  # fmt: skip
    assert {ranker.ranker_id for ranker in found.rankers if ranker.arm == "amplified"} == {rankers[1]}
    assert all(ranker.exact for ranker in found.rankers)
    assert (found.champion, found.successor) == (rankers[1], rankers[0])
    carry_out(project, found, name=name_of(found))
    assert tracker.champion() == rankers[0]

    evaluated = watched(home, days=4).run("ranker_evaluation")
    assert evaluated.success, failure_of(evaluated)
    assert "learnt from were recalled since" in " ".join(evaluated.found["ranker_evaluation"].failures)
    assert tracker.champion() == rankers[0]

    everything = find_recall(project, judge_version=full_version(project, "baa"), since=START)
    carry_out(project, everything, name=name_of(everything))
    assert tracker.champion() is None, "no ranker is left that learnt nothing wrong"
    recalls = store.read("epochs").filter(pl.col("purpose") == "recall")
    assert recalls["epoch"].n_unique() == 2, "labels given between two recalls of a day must be asked for again as well"


def _won(graph: Small, rankers: list[str]) -> None:
    """Plants evaluations in which each of these rankers beat the seed-only one."""
    from label_pipeline_tests.sql.frames import rows

    for number, ranker in enumerate(rankers):
        shared = {"evaluation_id": f"e{number}", "metric": "nDCG@10 exponential gain",
                  "evaluated_at": START + timedelta(days=2 + number / 10)}  # fmt: skip
        planted = rows("ranker_metrics", {**shared, "arm": "amplified", "ranker_id": ranker},
                       {**shared, "arm": "amplified - seed_only", "low": 0.1})  # fmt: skip
        graph.project.store("rank").append("ranker_metrics", planted, f"planted {number}")


def test_a_judge_is_named_by_the_beginning_of_its_hash(
    home: Path,
) -> None:
    project = watched(home).project
    [version] = project.store("anchor").read("judge_versions")["judge_version"].to_list()
    assert full_version(project, version[:4]) == version
    for wrong in ("zzz", ""):
        with pytest.raises(NotApplicableError, match=f"begins? with '{wrong}'.*{version}"):
            full_version(project, wrong)


def test_what_cannot_be_planned_says_why_and_what_lost_its_text_is_left_out(home: Path, provider: Provider) -> None:
    graph = watched(home, days=1)
    assert graph.run("amplified_labels", day=DAYS[0]).success
    store, judge = graph.project.store("seed"), full_version(graph.project, "baa")
    taken = find_recall(graph.project, judge_version=judge, since=START).taken
    documents = store.read("documents")
    store.overwrite("documents", documents.filter(pl.col("doc_id") != taken["doc_id"][0]))
    gone = taken.filter(pl.col("doc_id") == taken["doc_id"][0]).height
    [planned] = relabelling(graph.project, taken).to_dicts()
    assert (planned["gone"], planned["pairs"], planned["requests"]) == (gone, PAIRS_A_DAY - gone, PAIRS_A_DAY - gone)
    assert planned["why"] is None

    changed = projects.data(home)
    changed["candidates"][0]["parameters"] = {"temperature": 0.3}
    project = Project(parse(changed, SAMPLE), lambda: START + timedelta(days=1))
    [unplanned] = relabelling(project, taken).to_dicts()
    assert "settings, prompt or rubric have changed since" in unplanned["why"]
    assert (unplanned["judge"], unplanned["requests"], unplanned["gone"]) == (None, None, gone)

    expired = Project(graph.settings, lambda: START + timedelta(days=200))
    assert "expired on" in relabelling(expired, taken)["why"][0]
