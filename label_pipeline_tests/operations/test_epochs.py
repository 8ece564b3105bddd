"""Which unfinished epoch is taken up again, and by whom."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from label_pipeline.rehearsal.faults import ScriptedFaults, ServerError
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import (
    ANCHOR,
    ANCHOR_PAIRS,
    DAYS,
    PAIRS_A_DAY,
    RUNS,
    WATCHED,
    Provider,
    Ran,
    Small,
    dying_before,
    failure_of,
    serving,
    watched,
)

CANARY = 30


def label(graph: Small, run_id: str) -> Ran:
    """Labels the first day as the run of this id: a retry in place keeps its run's id."""
    return graph.run("amplified_labels", day=DAYS[0], run_id=run_id)


def canaries(graph: Small) -> list[dict[str, Any]]:
    runs = graph.project.store("anchor").read("anchor_runs")
    return runs.filter(pl.col("kind") == "canary").to_dicts()


ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(("second", "asked"), [(ONE, CANARY), (TWO, 2 * CANARY)])
def test_a_killed_canary_is_taken_up_by_its_own_run_only(
    second: str, asked: int, baselined_home: Path, provider: Provider, tmp_path: Path
) -> None:
    """Another run an hour later wants to know what the judge is then."""
    graph = watched(projects.copied(baselined_home, tmp_path / "home"), days=1, canary_pairs=CANARY)
    before = provider.requests()
    with dying_before("anchor_runs"):
        assert not label(graph, ONE).success
    result = label(graph, second)
    assert result.success, failure_of(result)
    assert provider.requests() - before - asked - PAIRS_A_DAY in {0, 1}
    [canary] = canaries(graph)
    judged = graph.project.store("anchor").read("judgements").filter(
        pl.col("purpose") == "canary", pl.col("epoch") == canary["epoch"]
    )  # fmt: skip
    assert canary["run_id"] == second
    assert canary["cost_usd"] == pytest.approx(judged["cost_usd"].sum())
    assert canary["cost_usd"] > 0


def test_an_outage_during_the_canary_measures_nothing_and_a_retry_asks_the_rest(
    baselined_home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    home = projects.copied(baselined_home, tmp_path / "home")
    endpoints = projects.data(home)["endpoints"]
    endpoints["rehearsal"] |= {"max_retries": 0, "patience_s": 0}
    found = projects.settings(home, anchor={**WATCHED, "canary_pairs": CANARY}, endpoints=endpoints)
    graph = Small(found, watched(home, days=1).clock_now)
    faults = ScriptedFaults([None] * 10 + [ServerError()] + [None] * 5 + [ServerError()])
    with serving(world, monkeypatch, faults) as provider:
        failed = label(graph, ONE)
        assert f"canary: 2 of {CANARY} requests to" in failure_of(failed)
        assert provider.requests() == CANARY, "nothing else was sent"
        assert canaries(graph) == []
        result = label(graph, ONE)
        assert result.success, failure_of(result)
        assert provider.requests() - CANARY - 2 - PAIRS_A_DAY in {0, 1}
    [canary] = canaries(graph)
    assert (canary["graded"], canary["failed"], canary["reason"]) == (CANARY, 0, None)
    assert canary["flip_share"] < 0.1


def test_a_baseline_begun_before_the_judge_was_certified_anew_is_not_taken_up(
    certified_home: Path, provider: Provider, tmp_path: Path
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    graph = watched(home)
    with dying_before("anchor_runs"):
        assert not graph.run(*ANCHOR).success
    later = watched(home, days=0.1)
    done = later.run(*projects.TO_GATE, judge_leaderboard={"fresh": True})
    assert done.success, failure_of(done)
    before = provider.requests()
    result = later.run(*ANCHOR)
    assert result.success, failure_of(result)
    runs = later.project.store("anchor").read("anchor_runs").sort("epoch")
    assert runs["epoch"].to_list() == [3, 4, 5, 6, 7], "1 is the killed one's, 2 the new calibration's"
    assert set(runs["baseline_epoch"]) == {3}
    assert set(runs["n_pairs"]) == {ANCHOR_PAIRS}
    assert provider.requests() - before >= RUNS * ANCHOR_PAIRS
