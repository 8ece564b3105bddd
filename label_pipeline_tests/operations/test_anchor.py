"""The anchor asked again: baseline, watch, and what a verdict does to labels; every request counted."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.rehearsal.faults import ScriptedFaults, ServerError
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import (
    ANCHOR,
    ANCHOR_PAIRS,
    DAYS,
    RUNS,
    Provider,
    Small,
    dying_before,
    failure_of,
    serving,
    watched,
)

LABEL_CHECKS = (
    "labels_contract", "labels_missing_from_run", "labelled_twice", "books_do_not_add_up",
    "label_without_open_verdict",
)  # fmt: skip


@pytest.fixture
def home(baselined_home: Path, tmp_path: Path) -> Path:
    return projects.copied(baselined_home, tmp_path / "home")


def test_a_baseline_is_a_snapshot_and_repeated_runs_of_it(home: Path, provider: Provider) -> None:
    graph = watched(home)
    store = graph.project.store("anchor")
    runs = store.read("anchor_runs").sort("epoch")
    assert runs["epoch"].to_list() == [1, 2, 3, 4, 5], "an epoch of its own each: no reply is used twice"
    assert set(runs["kind"]) == {"baseline"}
    assert set(runs["baseline_epoch"]) == {1}
    assert runs["requests"].sum() >= RUNS * ANCHOR_PAIRS
    assert set(runs["graded"]) <= {ANCHOR_PAIRS, ANCHOR_PAIRS - 1}
    judged = store.read("judgements").filter(pl.col("purpose") == "anchor")
    assert judged.height == RUNS * ANCHOR_PAIRS
    assert judged["cost_usd"].sum() == pytest.approx(runs["cost_usd"].sum())
    items, now = store.read("anchor_items"), store.query("seed/graded_pairs", {"splits": ["anchor"]})
    keys = ["query_id", "doc_id", "query", "document", "gold_mean"]
    assert items.select(keys).sort(keys).equals(now.select(keys).sort(keys))
    assert items.height == ANCHOR_PAIRS
    verdict = store.read("drift_verdicts").row(0, named=True)
    assert (verdict["state"], verdict["n_runs"], verdict["suspends"]) == ("baseline", RUNS, False)


def test_what_is_not_due_spends_nothing_and_says_so(home: Path, provider: Provider) -> None:
    graph, before = watched(home, days=1), provider.requests()
    result = graph.run(*ANCHOR, anchor_run={"only_when_due": True})
    assert result.success, failure_of(result)
    assert provider.requests() == before
    assert result.found["anchor_run"].why == {"main": "not due: nothing was asked"}
    assert result.found["drift_verdict"].ill.is_empty()
    # a week later it is
    assert watched(home, days=7).run(*ANCHOR, anchor_run={"only_when_due": True}).success
    assert provider.requests() - before >= ANCHOR_PAIRS


def test_an_unfresh_recalibration_after_anchor_runs_asks_nothing(home: Path, provider: Provider) -> None:
    graph, before = watched(home, days=1), provider.requests()
    result = graph.run(*projects.TO_GATE)
    assert result.success, failure_of(result)
    assert provider.requests() == before
    assert graph.project.store("gate").read("holdout_looks").height == 1


def test_a_killed_baseline_goes_on_where_it_was(certified_home: Path, provider: Provider, tmp_path: Path) -> None:
    graph = watched(projects.copied(certified_home, tmp_path / "home"))
    before = provider.requests()
    with dying_before("anchor_runs", write=3):
        assert not graph.run(*ANCHOR).success
    store = graph.project.store("anchor")
    assert store.read("anchor_runs").height == 2
    result = graph.run(*ANCHOR)
    assert result.success, failure_of(result)
    runs = store.read("anchor_runs").sort("epoch")
    assert runs["epoch"].to_list() == [1, 2, 3, 4, 5]
    assert RUNS * ANCHOR_PAIRS <= provider.requests() - before <= RUNS * ANCHOR_PAIRS + 10, (
        "the third run's replies were kept"
    )
    judged = store.read("judgements").filter(pl.col("purpose") == "anchor")
    assert judged["cost_usd"].sum() == pytest.approx(runs["cost_usd"].sum()), "and booked by whoever finished it"
    assert store.read("anchor_items")["baseline_epoch"].unique().to_list() == [1]


def test_a_healthy_run_confirms_the_labels_made_before_it(home: Path, provider: Provider) -> None:
    labelled = watched(home, days=1)
    assert labelled.run("amplified_labels", day=DAYS[0]).success
    before = provider.requests()
    result = watched(home, days=2).run(*ANCHOR, anchor_run={"only_when_due": True})
    assert result.success, failure_of(result)
    assert provider.requests() - before >= ANCHOR_PAIRS, "labels that await confirmation make a run due"
    store = labelled.project.store("rank")
    labels = store.read("labels")
    assert dict(labels["status"].value_counts().iter_rows()) == {"provisional": 20, "confirmed": 20}
    for check in LABEL_CHECKS:
        assert store.query(f"checks/{check}").is_empty(), check
    usable = store.query("rank/training_labels")
    assert set(usable["status"]) == {"confirmed"}
    assert usable.height == 20
    # once more: nothing to ask, nothing to write
    before, rows, decided = provider.requests(), labels.height, store.read("drift_verdicts").height
    assert watched(home, days=2).run(*ANCHOR, anchor_run={"only_when_due": True}).success
    again = watched(home, days=2).run("amplified_labels", day=DAYS[0])
    assert again.success, failure_of(again)
    assert (provider.requests(), store.read("labels").height) == (before, rows)
    assert store.read("drift_verdicts").height == decided


def test_a_judge_that_turns_lenient_is_suspended_and_its_labels_since_are_recalled(
    home: Path, provider: Provider, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watched(home, days=1).run("amplified_labels", day=DAYS[0]).success
    assert watched(home, days=2).run(*ANCHOR).success
    with serving(world, monkeypatch, leniency=0.23) as lenient:
        assert watched(home, days=3).run("amplified_labels", day=DAYS[1]).success
        first = watched(home, days=4).run(*ANCHOR)
        assert first.found["drift_verdict"].ill.height == 1
        graph = watched(home, days=5)
        store = graph.project.store("anchor")
        assert store.read("drift_verdicts").sort("epoch")["run_again"].to_list()[-1], "one run may be chance"
        second = graph.run(*ANCHOR, anchor_run={"only_when_due": True})
        assert second.success, failure_of(second)
        verdict = store.read("drift_verdicts").sort("epoch").row(-1, named=True)
        assert (verdict["state"], verdict["cause"], verdict["suspends"]) == ("drifted", "leniency", True)
        decided = second.found["drift_verdict"]
        assert decided.ill.height == 1
        assert "repairs" in decided.sentence
        labels = store.read("labels")
        recalled = labels.filter(pl.col("status") == "recalled")
        assert set(recalled["day"].cast(pl.String)) == {DAYS[1]}, "what was labelled since the last healthy run"
        assert recalled.height == 20
        for name in LABEL_CHECKS:
            assert store.query(f"checks/{name}").is_empty(), name
        assert store.query("rank/training_labels").height == 20
        # nothing labels any more
        before = lenient.requests()
        refused = graph.run("amplified_labels")
        assert not refused.success
        assert "is suspended: drift (leniency)" in failure_of(refused)
        assert lenient.requests() == before
        # and the anchor leaves it alone until a judge is certified again; the check still says why
        idle = watched(home, days=40).run(*ANCHOR)
        assert idle.success
        assert lenient.requests() == before
        assert idle.found["drift_verdict"].ill.height == 1


def test_another_model_is_recorded_and_suspends_at_once(
    home: Path, provider: Provider, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09"):
        graph = watched(home, days=1)
        result = graph.run(*ANCHOR)
        assert result.success, failure_of(result)
    store = graph.project.store("anchor")
    run = store.read("anchor_runs").sort("epoch").row(-1, named=True)
    assert (run["kind"], run["models"], run["graded"]) == ("watch", '["rehearsal-large-2026-09"]', ANCHOR_PAIRS)
    verdict = store.read("drift_verdicts").sort("epoch").row(-1, named=True)
    assert (verdict["cause"], verdict["suspends"]) == ("judge changed", True)
    suspension = store.read("verdicts").filter(pl.col("kind") == "suspension").row(0, named=True)
    assert suspension["epoch"] == run["epoch"], "only a verdict on replies from after the change ends it"
    assert "rehearsal-large-2026-09" in suspension["failures"]


def test_a_judge_certified_again_after_a_suspension_has_a_baseline_of_its_own(
    home: Path, provider: Provider, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09"):
        assert watched(home, days=1).run(*ANCHOR).success
    with serving(world, monkeypatch):  # the provider went back
        graph = watched(home, days=2)
        done = graph.run(*projects.TO_GATE, judge_leaderboard={"fresh": True})
        assert done.success, failure_of(done)
        assert graph.run(*ANCHOR).success
    runs = graph.project.store("anchor").read("anchor_runs").sort("epoch")
    assert runs["kind"].to_list() == ["baseline"] * 5 + ["watch"] + ["baseline"] * 5
    assert runs["baseline_epoch"].to_list() == [1] * 6 + [8] * 5, "epoch 7 is the new calibration's"
    assert runs["judge_version"].n_unique() in {1, 2}


def test_an_outage_is_no_evidence(home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = watched(home, days=1)
    store = graph.project.store("anchor")
    with serving(world, monkeypatch, ScriptedFaults([None] * 40, then=ServerError())):
        result = graph.run(*ANCHOR)
        assert "requests in a row unanswered" in failure_of(result)
        assert store.read("anchor_runs").height == RUNS
    with serving(world, monkeypatch) as back:
        assert graph.run(*ANCHOR).success
        assert back.requests() <= ANCHOR_PAIRS - 40 + 10, "what was answered is kept"
    runs = store.read("anchor_runs").sort("epoch")
    assert runs["epoch"].to_list() == [1, 2, 3, 4, 5, 6], "the same run was taken up again"
    assert store.read("drift_verdicts").sort("epoch")["state"].to_list()[-1] == "healthy"


@pytest.mark.parametrize(("settings_cap", "config"), [(0.0, {}), (1.0, {"cap_usd": 0.001})])
def test_a_run_over_its_cap_sends_nothing(
    settings_cap: float, config: dict[str, object], home: Path, provider: Provider
) -> None:
    graph, before = watched(home, days=1, cap_usd=settings_cap), provider.requests()
    result = graph.run(*ANCHOR, anchor_run=config)
    assert f"the cap is {config.get('cap_usd', 0.0):.4f}; nothing was sent" in failure_of(result)
    assert provider.requests() == before
    store = graph.project.store("anchor")
    assert store.read("epochs")["epoch"].max() == RUNS, "nor was an epoch opened"


def test_too_few_anchor_pairs_still_run_and_decide_nothing(
    certified_home: Path, provider: Provider, tmp_path: Path
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    graph = watched(home)
    store = graph.project.store("anchor")
    anchor = store.query("seed/graded_pairs", {"splits": ["anchor"]}).select("query_id", "doc_id")
    gold = store.read("gold")
    store.overwrite("gold", gold.join(anchor.tail(ANCHOR_PAIRS - 90), on=["query_id", "doc_id"], how="anti"))
    result = graph.run(*ANCHOR)
    assert result.success, failure_of(result)
    assert watched(home, days=1).run(*ANCHOR).success
    assert set(store.read("anchor_runs")["n_pairs"]) == {90}
    verdict = store.read("drift_verdicts").sort("epoch").row(-1, named=True)
    assert (verdict["state"], verdict["suspends"], verdict["healthy"]) == ("insufficient", False, False)
    assert "90 anchor pairs, 100 are needed" in verdict["action"]


def test_another_model_during_the_baseline_is_no_baseline(
    certified_home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    graph = watched(projects.copied(certified_home, tmp_path / "home"))
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09") as provider:
        result = graph.run(*ANCHOR)
        assert result.success, failure_of(result)
        assert provider.requests() <= ANCHOR_PAIRS + 10, "one run says it; four more would be wasted"
    store = graph.project.store("anchor")
    assert store.read("anchor_runs")["kind"].to_list() == ["watch"]
    assert store.read("drift_verdicts")["suspends"].to_list() == [True]


def test_a_new_baseline_is_begun_when_somebody_asks_for_one(home: Path, provider: Provider) -> None:
    graph = watched(home, days=1)
    assert graph.run(*ANCHOR, anchor_run={"rebaseline": True}).success
    runs = graph.project.store("anchor").read("anchor_runs").sort("epoch")
    assert runs["baseline_epoch"].to_list() == [1] * RUNS + [6] * RUNS
    assert watched(home, days=2).run(*ANCHOR).success
    last = graph.project.store("anchor").read("anchor_runs").sort("epoch").row(-1, named=True)
    assert (last["kind"], last["baseline_epoch"]) == ("watch", 6)


def test_whoever_holds_no_open_verdict_is_not_asked(
    certified_small: Callable[[], Small], provider: Provider, tmp_path: Path
) -> None:
    graph = certified_small()
    stale = Small(graph.settings, projects.START + timedelta(days=91))
    before = provider.requests()
    result = stale.run(*ANCHOR)
    assert result.success
    assert provider.requests() == before
    assert result.found["drift_verdict"].sentence == "no certified judge was watched yet"


def test_a_document_marked_a_customer_s_since_leaves_the_anchor_and_the_canary(home: Path, provider: Provider) -> None:
    graph = watched(home, days=1, canary_pairs=300)
    store = graph.project.store("anchor")
    secret = store.read("anchor_items")["doc_id"].unique().sort().head(20)
    inside = pl.col("doc_id").is_in(secret.implode())
    documents = store.read("documents").with_columns(
        boundary=pl.when(inside).then(pl.lit("customer")).otherwise("boundary")
    )
    store.overwrite("documents", documents)
    for assets in (ANCHOR, ("amplified_labels",)):
        result = graph.run(*assets, day=DAYS[0] if assets != ANCHOR else None)
        assert result.success, failure_of(result)
    asked = store.read("judgements").filter(pl.col("epoch") > RUNS, pl.col("purpose").is_in(["anchor", "canary"]))
    assert set(asked["purpose"]) == {"anchor", "canary"}
    assert asked.filter(inside).is_empty()
    assert store.read("drift_verdicts").sort("epoch")["state"].to_list()[-1] == "healthy", "on the pairs that are left"
