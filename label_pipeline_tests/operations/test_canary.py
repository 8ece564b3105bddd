"""A few anchor pairs before an amplification: asked first, booked apart, and the judge stops when it is not itself."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.pairs import pair_texts
from label_pipeline.operations.judging import price
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import (
    DAYS,
    PAIRS_A_DAY,
    WATCHED,
    Provider,
    Small,
    failure_of,
    serving,
    watched,
)  # fmt: skip

CANARY = 30


@pytest.fixture
def home(baselined_home: Path, tmp_path: Path) -> Path:
    return projects.copied(baselined_home, tmp_path / "home")


def canaries(graph: Small) -> pl.DataFrame:
    return graph.project.store("anchor").read("anchor_runs").filter(pl.col("kind") == "canary").sort("epoch")


def test_the_canary_is_asked_first_once_a_run_and_booked_apart(home: Path, provider: Provider) -> None:
    graph = watched(home, days=1, canary_pairs=CANARY)
    before = provider.requests()
    result = graph.run("amplified_labels")
    assert result.success, failure_of(result)
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
    assert graph.run("amplified_labels").success
    assert provider.requests() == before


def test_without_a_baseline_it_knows_the_model_at_least(
    certified_home: Path, provider: Provider, world: SampleWorld, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home = projects.copied(certified_home, tmp_path / "home")
    graph = watched(home, canary_pairs=CANARY)
    assert graph.run("amplified_labels", day=DAYS[0]).success
    [canary] = canaries(graph).to_dicts()
    assert (canary["baseline_epoch"], canary["flip_share"]) == (None, None)
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09") as other:
        result = graph.run("amplified_labels", day=DAYS[1])
        assert "canary: model rehearsal-large-2026-09 answered, certified was rehearsal-large-2026-08" in (
            failure_of(result)
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
    change: dict[str, Any], sentence: str, home: Path, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    graph = watched(home, days=1, canary_pairs=CANARY)
    with serving(world, monkeypatch, **change):
        result = graph.run("amplified_labels")
        assert sentence in failure_of(result)
        assert "materialise anchor_run" in failure_of(result)
    store = graph.project.store("rank")
    assert store.read("labels").is_empty()
    assert store.read("judgements").filter(pl.col("purpose") == "amplify").is_empty()
    assert store.read("verdicts").height == 1, "it suspends nothing by itself"
    assert store.read("label_runs")["refused"].sum() == 3 * PAIRS_A_DAY


def test_its_price_counts_against_the_cap_of_amplify(home: Path, provider: Provider) -> None:
    free = watched(home, days=1)
    planned = float(_cap_that_just_fits(free))
    for pairs, works in ((0, True), (CANARY, False)):
        settings = projects.settings(home, anchor={**WATCHED, "canary_pairs": pairs},
                                     amplify={"cap_usd": planned})  # fmt: skip
        graph = Small(settings, free.clock_now)
        before = provider.requests()
        result = graph.run("amplified_labels", day=DAYS[0 if not works else 1])
        assert result.success == works
        if not works:  # a canary and no room for the first query: paid for nothing
            assert "the first query of the plan does not fit amplify.cap_usd" in failure_of(result)
            assert provider.requests() == before


def test_what_it_cost_is_gone_from_what_the_labels_may_spend(
    certified_home: Path, world: SampleWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven in ten replies are malformed and asked for again, which no plan knows."""
    home = projects.copied(certified_home, tmp_path / "home")
    usual = projects.data(home)
    changes = {
        "candidates": [usual["candidates"][0] | {"prices": {"rehearsal-large": {"input_usd": 1000, "output_usd": 0}}}],
        "endpoints": {"rehearsal": usual["endpoints"]["rehearsal"] | {"concurrency": 2}},
        "anchor": {"required": False, "cap_usd": 100, "canary_pairs": PAIRS_A_DAY // 2},
    }
    planned = _cap_that_just_fits(Small(projects.settings(home, **changes)), DAYS[:1])
    cap = 1.52 * planned  # half as many pairs are the canary's
    graph = Small(projects.settings(home, **changes, amplify={"cap_usd": cap}))
    with serving(world, monkeypatch, malformed_rate=0.7):
        told = failure_of(graph.run("amplified_labels", day=DAYS[0]))
    assert "stopped at the cap with" in told
    judged = graph.project.store("anchor").read("judgements").filter(pl.col("purpose").is_in(["canary", "amplify"]))
    assert {"canary", "amplify"} == set(judged.filter(pl.col("cost_usd") > 0)["purpose"])
    assert 0.5 * cap < judged["cost_usd"].sum() <= cap, "whatever is under way"


def _cap_that_just_fits(graph: Small, among: Sequence[str] = DAYS) -> float:
    """What a day's plan without a canary costs at most, over the days."""
    store, project = graph.project.store("amplify"), graph.project
    judge, _ = project.judge(store.read("judge_versions")["judge_version"][0])
    member = project.member_of(judge)
    days = [store.query("amplify/day_pairs", {"day": date.fromisoformat(day)}) for day in among]
    orders = [JudgingOrder(member, pair_texts(pairs), "amplify", 0) for pairs in days]
    return 1.001 * max(price(project, order, at_most=True).cost_usd for order in orders)
