"""A few anchor pairs before an amplification: asked first, booked apart, and the judge stops when it is not itself."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.anchored import graph_at, serving
from label_pipeline_tests.defs.projects import DAYS, PAIRS_A_DAY, Provider

CANARY = 30


@pytest.fixture
def home(baselined_home: Path, tmp_path: Path) -> Path:
    return projects.copied(baselined_home, tmp_path / "home")


def canaries(graph: projects.Graph) -> pl.DataFrame:
    return graph.project.store("anchor").read("anchor_runs").filter(pl.col("kind") == "canary").sort("epoch")


def test_the_canary_is_asked_first_once_a_run_and_booked_apart(
    home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    graph = graph_at(home, instance, days=1, canary_pairs=CANARY)
    before = provider.requests()
    result = graph.run("amplified_labels", tags=projects.ALL_DAYS)
    assert result.success, projects.failure_of(result)
    [canary] = canaries(graph).to_dicts()
    assert (canary["n_pairs"], canary["graded"], canary["baseline_epoch"], canary["reason"]) == (30, 30, 1, None)
    assert canary["flip_share"] < 0.1
    runs = graph.project.store("amplify").read("label_runs")
    assert provider.requests() - before == canary["requests"] + runs["requests"].sum()
    assert runs["requests"].sum() - 3 * PAIRS_A_DAY in {0, 1, 2}, "label_runs books labels only, and their re-reads"
    judged = graph.project.store("anchor").read("judgements").filter(pl.col("purpose").is_in(["canary", "amplify"]))
    anchor = graph.project.store("anchor").read("anchor_items")
    asked = judged.filter(pl.col("purpose") == "canary")
    assert asked.join(anchor, on=["query_id", "doc_id"], how="semi").height == CANARY
    assert asked["query_id"].n_unique() >= 10, "spread over the anchor's queries"
    # nothing to ask, no canary
    before = provider.requests()
    assert graph.run("amplified_labels", tags=projects.ALL_DAYS).success
    assert provider.requests() == before


def test_without_a_baseline_it_knows_the_model_at_least(
    certified_home: Path, instance: dg.DagsterInstance, provider: Provider, world: SampleWorld, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home = projects.copied(certified_home, tmp_path / "home")
    graph = graph_at(home, instance, canary_pairs=CANARY)
    assert graph.run("amplified_labels", day=DAYS[0]).success
    [canary] = canaries(graph).to_dicts()
    assert (canary["baseline_epoch"], canary["flip_share"]) == (None, None)
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09") as other:
        result = graph.run("amplified_labels", day=DAYS[1])
        assert "canary: model rehearsal-large-2026-09 answered, certified was rehearsal-large-2026-08" in (
            projects.failure_of(result)
        )
        assert other.requests() == CANARY
    runs = graph.project.store("amplify").read("label_runs").sort("day")
    assert runs["refused"].to_list() == [0, PAIRS_A_DAY]
    assert runs["refused_by"].to_list() == [None, "canary"]
    assert graph.project.store("amplify").query("checks/books_do_not_add_up").is_empty()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"leniency": 0.8}, "canary: the loss on 30 pairs rose by"),
        ({"malformed_rate": 0.7}, "replies could not be read, in the baseline"),
        ({"refusal_rate": 0.7}, "replies could not be read, in the baseline"),
    ],
)
def test_a_judge_that_is_plainly_not_itself_labels_nothing(
    change: dict[str, Any], sentence: str, home: Path, instance: dg.DagsterInstance, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    graph = graph_at(home, instance, days=1, canary_pairs=CANARY)
    with serving(world, monkeypatch, **change):
        result = graph.run("amplified_labels", tags=projects.ALL_DAYS)
        assert sentence in projects.failure_of(result)
        assert "materialise anchor_run" in projects.failure_of(result)
    store = graph.project.store("rank")
    assert store.read("labels").is_empty()
    assert store.read("judgements").filter(pl.col("purpose") == "amplify").is_empty()
    assert store.read("verdicts").height == 1, "it suspends nothing by itself"
    assert store.read("label_runs")["refused"].sum() == 3 * PAIRS_A_DAY


def test_its_price_counts_against_the_cap_of_amplify(
    home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    free = graph_at(home, instance, days=1)
    planned = float(_cap_that_just_fits(free))
    for pairs, works in ((0, True), (CANARY, False)):
        settings = projects.settings(home, anchor={"canary_pairs": pairs, "baseline_runs": 5, "cap_usd": 1},
                                     amplify={"cap_usd": planned})  # fmt: skip
        graph = projects.graph(settings, instance, free.clock_now)
        before = provider.requests()
        result = graph.run("amplified_labels", day=DAYS[0 if not works else 1])
        assert result.success == works
        if not works:
            assert "the cap is" in projects.failure_of(result)
            assert provider.requests() == before


def _cap_that_just_fits(graph: projects.Graph) -> float:
    """What a day's plan without a canary costs at most, over the days."""
    from label_pipeline.core.judge import judge_from_row
    from label_pipeline.core.pairs import pair_texts
    from label_pipeline.defs.asking import price

    store, project = graph.project.store("amplify"), graph.project
    row = store.read("judge_versions").row(0, named=True)
    member = project.member_of(judge_from_row(row))
    days = [store.query("amplify/day_pairs", {"day": pl.Series([day]).str.to_date()[0]}) for day in DAYS]
    return 1.001 * max(price(project, member, pair_texts(d), epoch=0, purpose="amplify").cost_usd for d in days)
