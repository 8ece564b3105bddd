"""What is known before a judge is asked costs no request, no look and no alpha."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from label_pipeline.operations.gate import current_standings, look_budget
from label_pipeline.stages.gate.together import TOGETHER
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import LATER, Provider, Small, dying_before, failure_of
from label_pipeline_tests.sql.frames import rows

JUDGED = ("judge_leaderboard", "calibrated_judge")


@pytest.fixture
def home(certified_home: Path, tmp_path: Path, provider: Provider) -> Path:
    return projects.copied(certified_home, tmp_path / "home")


def small(home: Path, **gate: object) -> Small:
    return Small(projects.settings(home, gate={"cap_usd": 1, **gate}), LATER)


def newest(found: Small) -> dict[str, Any]:
    return found.project.store("gate").read("verdicts").sort("decided_at", "epoch").row(-1, named=True)


def test_a_holdout_too_small_for_the_policy_is_insufficient_and_costs_nothing(home: Path, provider: Provider) -> None:
    """35 queries paid 350 requests and a look whose answer was known; the complete holdout then had a smaller alpha."""
    found = small(home, thresholds={"min_queries": 70})
    store = found.project.store("gate")
    looks, before = store.read("holdout_looks").height, provider.requests()
    assert found.run("gate_verdict").success
    assert provider.requests() == before
    assert store.read("holdout_looks").height == looks
    verdict = newest(found)
    assert (verdict["state"], verdict["open"], verdict["look"], verdict["alpha"]) == ("insufficient", False, None, None)
    [said] = json.loads(verdict["failures"])
    assert said == (
        "60 holdout queries have at least 10 graded pairs, single-standard (edited) needs 70; grade 10 more queries "
        "of 10 pairs in the holdout: about 20 new ones, for they are dealt to every split"
    )
    [standing] = current_standings(found.project, "gate", ["main"]).values()
    assert said in standing.reasons[0]
    again = store.read("verdicts").height
    assert found.run("gate_verdict").success
    assert store.read("verdicts").height == again, "once"


def test_a_spent_budget_asks_nothing_and_a_larger_one_is_looked_at(home: Path, provider: Provider) -> None:
    """It asked for all 600 pairs again for look 2 of 1."""
    found = small(home, looks=1)
    assert found.run(*JUDGED, judge_leaderboard={"fresh": True}).success
    before = provider.requests()
    assert found.run("gate_verdict").success
    assert provider.requests() == before
    verdict = newest(found)
    assert (verdict["state"], verdict["look"]) == ("insufficient", None)
    assert "look 2 of 1 at this holdout: its budget is spent" in verdict["failures"]
    more = small(home, looks=2)
    assert more.run("gate_verdict").success
    assert provider.requests() > before
    assert more.project.store("gate").read("holdout_looks")["look"].sort().to_list() == [1, 2]
    [standing] = current_standings(more.project, "gate", ["main"]).values()
    assert standing.open


def test_a_look_that_was_paid_for_is_settled_whatever_the_budget_says_now(home: Path, provider: Provider) -> None:
    """The certified look itself, taken again: it is the first of one, and free."""
    found = small(home, looks=1)
    before = provider.requests()
    assert found.run("gate_verdict").success
    assert provider.requests() == before
    [standing] = current_standings(found.project, "gate", ["main"]).values()
    assert standing.open
    assert look_budget(found.project, "gate", "main", "full").left == 0


def halved(found: Small) -> None:
    """Every other query of each split belongs to a collection of its own from now on."""
    store = found.project.store("seed")
    half = pl.int_range(pl.len()).over("split") % 2 == 0
    queries = store.read("splits").sort("query_id").filter(half)["query_id"].to_list()
    moved = pl.when(pl.col("query_id").is_in(queries)).then(pl.lit("other")).otherwise("collection")
    for table in ("gold", "splits", "queries", "human_labels"):
        store.overwrite(table, store.read(table).with_columns(moved.alias("collection")))


def as_one(found: Small, state: str) -> dict[str, str]:
    """Collection: what its verdict of this state says of being one with another."""
    verdicts = found.project.store("gate").read("verdicts").filter(pl.col("state") == state)
    criteria = {name: json.loads(told) for name, told in verdicts.select("collection", "criteria").iter_rows()}
    return {name: one["sentence"] for name, all_ in criteria.items() for one in all_ if one["name"] == TOGETHER}


def test_collections_that_would_pass_as_one_are_named_before_and_after_asking(home: Path, provider: Provider) -> None:
    """30 holdout queries each, and one of them new to the judge; then enough, each too few for a bias below .02."""
    found = small(home)
    halved(found)
    before = provider.requests()
    assert found.run("gate_verdict").success
    assert provider.requests() == before, "too few, and no calibrator: neither costs a request"
    told = as_one(found, "insufficient")
    assert set(told) == {"main", "other"}
    assert told["main"].startswith("collections main and other have 60 holdout queries of 10 pairs together")
    said = found.project.store("gate").read("verdicts").filter(pl.col("collection") == "other")["failures"].item()
    assert "the judge is not calibrated for collection other, only for main" in said
    later = small(home, thresholds={"min_queries": 20, "bias_high": 0.02})
    assert later.run(*JUDGED, "gate_verdict").success
    told = as_one(later, "closed")
    assert set(told) == {"main", "other"}
    assert told["other"].startswith("collections main and other would be opened as one collection of 60 holdout")


def test_a_spent_lane_asks_nothing(home: Path, provider: Provider) -> None:
    found = small(home)
    store = found.project.store("gate")
    spent = rows(
        "holdout_looks",
        *({"verdict_id": f"v{look}", "lane": "recertify", "look": look, "collection": "main"} for look in range(1, 6)),
    )
    store.append("holdout_looks", spent, "spent")
    assert found.run(*JUDGED, judge_leaderboard={"fresh": True}).success
    before = provider.requests()
    said = failure_of(found.run("gate_verdict", gate_verdict={"lane": "recertify"}))
    assert "re-certification look 6 of 5 at this holdout: its budget is spent" in said
    assert provider.requests() == before
    assert store.read("verdicts").filter(pl.col("lane") == "recertify").is_empty()


def test_a_lane_look_that_is_paid_is_settled_though_it_was_the_last(
    certified_home: Path, tmp_path: Path, provider: Provider
) -> None:
    """Killed between look and verdict on the last look left: the verdict is still owed."""
    found = small(projects.copied(certified_home, tmp_path / "last"), looks=1)
    assert found.run(*JUDGED, judge_leaderboard={"fresh": True}).success
    with dying_before("verdicts"):
        assert not found.run("gate_verdict", gate_verdict={"lane": "recertify"}).success
    done = found.run("gate_verdict", gate_verdict={"lane": "recertify"})
    assert done.success, done.failure
    assert found.project.store("gate").read("verdicts").filter(lane="recertify").height == 1


def test_other_pairs_after_a_settled_lane_look_are_a_new_look_and_refused_when_none_is_left(
    certified_home: Path, tmp_path: Path, provider: Provider
) -> None:
    found = small(projects.copied(certified_home, tmp_path / "changed"), looks=1)
    assert found.run(*JUDGED, judge_leaderboard={"fresh": True}).success
    assert found.run("gate_verdict", gate_verdict={"lane": "recertify"}).success
    store, before = found.project.store("gate"), provider.requests()
    gold = store.read("gold")
    holdout = store.read("splits").filter(split="holdout")["query_id"].sort()[0]
    regraded = pl.when(query_id=holdout).then(0.5).otherwise("gold_mean").alias("gold_mean")
    store.overwrite("gold", gold.with_columns(regraded))
    said = failure_of(found.run("gate_verdict", gate_verdict={"lane": "recertify"}))
    assert "re-certification look 2 of 1 at this holdout: its budget is spent" in said
    assert provider.requests() == before
    assert store.read("verdicts").filter(lane="recertify").height == 1
