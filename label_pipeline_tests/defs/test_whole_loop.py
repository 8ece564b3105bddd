"""The sample world from nothing to a proven ranker, and the two ways a ranker must fail its proof."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from label_pipeline.core.catalogue import VERDICTS
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_files import write_files
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import START, TO_GATE, Graph, Provider

FULL_DAYS = {"start": "2026-09-01", "end": "2026-09-14"}
FULL_RANGE = {
    "dagster/asset_partition_range_start": FULL_DAYS["start"],
    "dagster/asset_partition_range_end": FULL_DAYS["end"],
}
AMPLIFY = ("candidate_pairs", "amplified_labels")
RANK = ("training_set", "trained_ranker", "ranker_evaluation")


def _full(world: SampleWorld, home: Path, instance: dg.DagsterInstance, model: str) -> Graph:
    """The whole sample project, judged by ``model``."""
    write_files(world, home / "inputs")
    return projects.graph(projects.settings(home, model=model, days=FULL_DAYS), instance)


def _differences(graph: Graph) -> pl.DataFrame:
    metrics = graph.project.store("rank").read("ranker_metrics")
    return metrics.filter(pl.col("metric").str.contains("exponential"))


@pytest.mark.slow
def test_the_good_judge_opens_the_gate_and_its_labels_beat_the_seed(
    world: SampleWorld, provider: Provider, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    graph = _full(world, tmp_path, instance, "rehearsal-large")
    for assets, tags in ((TO_GATE, {}), (AMPLIFY, FULL_RANGE), (RANK, {})):
        result = graph.run(*assets, tags=tags)
        assert result.success, projects.failure_of(result)
        failed = [c.check_name for c in result.get_asset_check_evaluations() if not c.passed]
        assert not failed
    store = graph.project.store("rank")

    runs = store.read("label_runs")
    outcomes = ("labelled", "abstained", "failed", "refused", "skipped")
    assert runs["pairs_in"].sum() == sum(runs[name].sum() for name in outcomes) == 8000
    customers = store.read("documents").filter(pl.col("boundary") == "customer").select("doc_id")
    assert runs["skipped"].sum() == store.read("candidates").join(customers, on="doc_id", how="semi").height > 0
    labels = store.read("labels")
    assert labels.height == runs["labelled"].sum()
    assert labels.join(customers, on="doc_id", how="semi").is_empty()

    figures = {row["arm"]: row for row in _differences(graph).iter_rows(named=True)}
    assert figures["amplified - seed_only"]["low"] > 0
    assert figures["permuted"]["estimate"] < figures["bm25"]["estimate"]
    tracker = graph.project.tracker
    assert tracker.certified() == store.read("judge_versions")["judge_version"][0]
    amplified = store.read("rankers").filter(pl.col("arm") == "amplified")["ranker_id"][0]
    assert tracker.champion() == amplified

    before = provider.requests()
    for assets, tags in ((TO_GATE, {}), (AMPLIFY, FULL_RANGE)):
        assert graph.run(*assets, tags=tags).success
    assert provider.requests() == before, "a second run is answered by the journal"
    assert store.read("labels").height == labels.height
    assert store.read("holdout_looks").height == 1, "the same look is not paid for twice"


@pytest.mark.long
@pytest.mark.slow
def test_a_length_biased_judge_forced_past_the_gate_makes_a_ranker_that_fails_its_proof(
    world: SampleWorld, provider: Provider, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    graph = _full(world, tmp_path, instance, "rehearsal-length-biased")
    assert graph.run(*TO_GATE[:-1]).success
    graph.run("gate_verdict")
    _force_open(graph)
    amplified = graph.run(*AMPLIFY, tags=FULL_RANGE)
    assert amplified.success, projects.failure_of(amplified)
    ranked = graph.run(*RANK)
    assert ranked.success, "the check is not blocking: the figures are stored, the champion does not move"
    checks = {check.check_name: check for check in ranked.get_asset_check_evaluations()}
    assert not checks["beats_seed_only"].passed
    difference = _differences(graph).filter(pl.col("arm") == "amplified - seed_only")
    assert difference["low"][0] <= 0
    assert graph.project.tracker.champion() is None


def _force_open(graph: Graph) -> None:
    """Plants an open verdict of the newest judge, as no gate would give it."""
    store = graph.project.store("gate")
    decision = store.read("verdicts").row(0, named=True) | {
        "verdict_id": "forced", "state": "open", "open": True, "failures": "[]",
        "decided_at": START + timedelta(minutes=1), "expires_at": START + timedelta(days=30),
    }  # fmt: skip
    store.append("verdicts", pl.DataFrame([decision], schema_overrides=VERDICTS.schema), "forced")


def test_what_the_gate_leaves_behind(certified: Callable[[], Graph]) -> None:
    """Every criterion with figure, bound and sentence; what cannot apply is listed; the look is in the ledger."""
    store = certified().project.store("gate")
    verdict = store.read("verdicts").row(0, named=True)
    criteria = json.loads(verdict["criteria"])
    decisive = {c["name"] for c in criteria if c["status"] == "met"}
    assert {"looks", "queries", "skill R2", "within-query pairwise accuracy", "bias in shares of R"} <= decisive
    assert all(c["bound"] is not None and c["sentence"] for c in criteria if c["status"] == "met")
    assert {"alternative annotator test", "non-inferiority to humans"} <= {
        c["name"] for c in criteria if c["status"] == "not applicable"
    }
    look = store.read("holdout_looks").row(0, named=True)
    assert (look["look"], round(look["alpha"], 4), look["verdict_id"]) == (1, 0.0304, verdict["verdict_id"])
    gate_rows = store.read("judgements").filter(pl.col("purpose") == "gate")
    assert gate_rows.height == verdict["n_pairs"] == 600


def test_a_fresh_calibration_asks_again_and_is_another_epoch(
    certified: Callable[[], Graph], provider: Provider
) -> None:
    graph = certified()
    job = graph.definitions.resolve_job_def("recalibrate")
    before = provider.requests()
    fresh = projects.QUIET | {"ops": {"judge_leaderboard": {"config": {"fresh": True}}}}
    result = job.execute_in_process(instance=graph.instance, run_config=fresh, raise_on_error=False)
    assert result.success, projects.failure_of(result)
    assert provider.requests() - before >= 420 + 600, "re-use would hide drift"
    verdicts = graph.project.store("gate").read("verdicts").sort("epoch")
    assert verdicts["epoch"].to_list() == [0, 1]
    assert verdicts["look"].to_list() == [1, 2]


def test_calibrate_never_sees_the_holdout(certified: Callable[[], Graph]) -> None:
    project = certified().project
    hidden = project.store("gate").read("splits").filter(pl.col("split").is_in(["holdout", "anchor"]))
    asked = project.store("gate").read("judgements").filter(pl.col("purpose") == "calibrate")
    assert asked.height == 420
    assert asked.join(hidden, on=["task", "collection", "query_id"], how="semi").is_empty()
    graded = project.store("calibrate").query("seed/graded_pairs", {"splits": ["train", "dev", "holdout", "anchor"]})
    assert set(graded["split"]) == {"train", "dev"}


def test_over_the_cap_nothing_is_sent_and_all_is_booked_as_refused(
    certified: Callable[[], Graph], provider: Provider, tmp_path: Path
) -> None:
    graph = certified()
    poor = projects.graph(projects.settings(tmp_path / "home", amplify={"cap_usd": 0.0001}), graph.instance)
    before = provider.requests()
    result = poor.run("amplified_labels", day=projects.DAYS[0])
    assert not result.success
    said = projects.failure_of(result)
    assert "the first query of the plan does not fit amplify.cap_usd" in said
    assert "the cap is 0.0001" in said
    assert provider.requests() == before
    runs = poor.project.store("amplify").read("label_runs")
    assert (runs["pairs_in"][0], runs["refused"][0], runs["requests"][0]) == (20, 20, 0)
    assert runs["refused_by"][0] == "cap"
