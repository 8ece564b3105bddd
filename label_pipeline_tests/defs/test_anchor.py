"""The anchor asked again: baseline, watch, and what a verdict does to labels; every request counted."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from label_pipeline.rehearsal.faults import ScriptedFaults, ServerError
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.anchored import (
    ANCHOR,
    PAIRS,
    RUNS,
    check_of,
    configured,
    dying_before,
    graph_at,
    serving,
)
from label_pipeline_tests.defs.projects import DAYS, Provider

LABEL_CHECKS = (
    "labels_contract", "labels_missing_from_run", "labelled_twice", "books_do_not_add_up",
    "label_without_open_verdict",
)  # fmt: skip


@pytest.fixture
def home(baselined_home: Path, tmp_path: Path) -> Path:
    return projects.copied(baselined_home, tmp_path / "home")


def test_a_baseline_is_a_snapshot_and_repeated_runs_of_it(
    home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    graph = graph_at(home, instance)
    store = graph.project.store("anchor")
    runs = store.read("anchor_runs").sort("epoch")
    assert runs["epoch"].to_list() == [1, 2, 3, 4, 5], "an epoch of its own each: no reply is used twice"
    assert set(runs["kind"]) == {"baseline"}
    assert set(runs["baseline_epoch"]) == {1}
    assert runs["requests"].sum() >= RUNS * PAIRS
    assert set(runs["graded"]) <= {PAIRS, PAIRS - 1}
    judged = store.read("judgements").filter(pl.col("purpose") == "anchor")
    assert judged.height == RUNS * PAIRS
    assert judged["cost_usd"].sum() == pytest.approx(runs["cost_usd"].sum())
    items, now = store.read("anchor_items"), store.query("seed/graded_pairs", {"splits": ["anchor"]})
    keys = ["query_id", "doc_id", "query", "document", "gold_mean"]
    assert items.select(keys).sort(keys).equals(now.select(keys).sort(keys))
    assert items.height == PAIRS
    verdict = store.read("drift_verdicts").row(0, named=True)
    assert (verdict["state"], verdict["n_runs"], verdict["suspends"]) == ("baseline", RUNS, False)


def test_what_is_not_due_spends_nothing_and_says_so(
    home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    graph, before = graph_at(home, instance, days=1), provider.requests()
    result = configured(graph, only_when_due=True)
    assert result.success, projects.failure_of(result)
    assert provider.requests() == before
    [event] = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey("anchor_run")]
    assert event.materialization.metadata["why"].value == {"main": "not due: nothing was asked"}
    assert check_of(result).passed
    # a week later it is
    assert configured(graph_at(home, instance, days=7), only_when_due=True).success
    assert provider.requests() - before >= PAIRS


def test_an_unfresh_recalibration_after_anchor_runs_asks_nothing(
    home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    graph, before = graph_at(home, instance, days=1), provider.requests()
    result = graph.run(*projects.TO_GATE)
    assert result.success, projects.failure_of(result)
    assert provider.requests() == before
    assert graph.project.store("gate").read("holdout_looks").height == 1


def test_a_killed_baseline_goes_on_where_it_was(
    certified_home: Path, instance: dg.DagsterInstance, provider: Provider, tmp_path: Path
) -> None:
    graph = graph_at(projects.copied(certified_home, tmp_path / "home"), instance)
    before = provider.requests()
    with dying_before("anchor_runs", write=3):
        assert not graph.run(*ANCHOR).success
    store = graph.project.store("anchor")
    assert store.read("anchor_runs").height == 2
    result = graph.run(*ANCHOR)
    assert result.success, projects.failure_of(result)
    runs = store.read("anchor_runs").sort("epoch")
    assert runs["epoch"].to_list() == [1, 2, 3, 4, 5]
    assert RUNS * PAIRS <= provider.requests() - before <= RUNS * PAIRS + 10, "the third run's replies were kept"
    judged = store.read("judgements").filter(pl.col("purpose") == "anchor")
    assert judged["cost_usd"].sum() == pytest.approx(runs["cost_usd"].sum()), "and booked by whoever finished it"
    assert store.read("anchor_items")["baseline_epoch"].unique().to_list() == [1]


def test_a_healthy_run_confirms_the_labels_made_before_it(
    home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    labelled = graph_at(home, instance, days=1)
    assert labelled.run("amplified_labels", day=DAYS[0]).success
    before = provider.requests()
    result = configured(graph_at(home, instance, days=2), only_when_due=True)
    assert result.success, projects.failure_of(result)
    assert provider.requests() - before >= PAIRS, "labels that await confirmation make a run due"
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
    assert configured(graph_at(home, instance, days=2), only_when_due=True).success
    again = graph_at(home, instance, days=2).run("amplified_labels", day=DAYS[0])
    assert again.success, projects.failure_of(again)
    assert (provider.requests(), store.read("labels").height) == (before, rows)
    assert store.read("drift_verdicts").height == decided


def test_a_judge_that_turns_lenient_is_suspended_and_its_labels_since_are_recalled(
    home: Path, instance: dg.DagsterInstance, provider: Provider, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert graph_at(home, instance, days=1).run("amplified_labels", day=DAYS[0]).success
    assert graph_at(home, instance, days=2).run(*ANCHOR).success
    with serving(world, monkeypatch, leniency=0.23) as lenient:
        assert graph_at(home, instance, days=3).run("amplified_labels", day=DAYS[1]).success
        first = graph_at(home, instance, days=4).run(*ANCHOR)
        assert not check_of(first).passed
        graph = graph_at(home, instance, days=5)
        store = graph.project.store("anchor")
        assert store.read("drift_verdicts").sort("epoch")["run_again"].to_list()[-1], "one run may be chance"
        second = configured(graph, only_when_due=True)
        assert second.success, projects.failure_of(second)
        verdict = store.read("drift_verdicts").sort("epoch").row(-1, named=True)
        assert (verdict["state"], verdict["cause"], verdict["suspends"]) == ("drifted", "leniency", True)
        check = check_of(second)
        assert not check.passed
        assert "repairs" in str(check.description)
        labels = store.read("labels")
        recalled = labels.filter(pl.col("status") == "recalled")
        assert set(recalled["day"].cast(pl.String)) == {DAYS[1]}, "what was labelled since the last healthy run"
        assert recalled.height == 20
        for name in LABEL_CHECKS:
            assert store.query(f"checks/{name}").is_empty(), name
        assert store.query("rank/training_labels").height == 20
        # nothing labels any more
        before = lenient.requests()
        refused = graph.run("amplified_labels", tags=projects.ALL_DAYS)
        assert not refused.success
        assert "is suspended: drift (leniency)" in projects.failure_of(refused)
        assert lenient.requests() == before
        # and the anchor leaves it alone until a judge is certified again; the check still says why
        idle = graph_at(home, instance, days=40).run(*ANCHOR)
        assert idle.success
        assert lenient.requests() == before
        assert not check_of(idle).passed


def test_another_model_is_recorded_and_suspends_at_once(
    home: Path, instance: dg.DagsterInstance, provider: Provider, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09"):
        graph = graph_at(home, instance, days=1)
        result = graph.run(*ANCHOR)
        assert result.success, projects.failure_of(result)
    store = graph.project.store("anchor")
    run = store.read("anchor_runs").sort("epoch").row(-1, named=True)
    assert (run["kind"], run["models"], run["graded"]) == ("watch", '["rehearsal-large-2026-09"]', PAIRS)
    verdict = store.read("drift_verdicts").sort("epoch").row(-1, named=True)
    assert (verdict["cause"], verdict["suspends"]) == ("judge changed", True)
    suspension = store.read("verdicts").filter(pl.col("kind") == "suspension").row(0, named=True)
    assert suspension["epoch"] == run["epoch"], "only a verdict on replies from after the change ends it"
    assert "rehearsal-large-2026-09" in suspension["failures"]


def test_a_judge_certified_again_after_a_suspension_has_a_baseline_of_its_own(
    home: Path, instance: dg.DagsterInstance, provider: Provider, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09"):
        assert graph_at(home, instance, days=1).run(*ANCHOR).success
    with serving(world, monkeypatch):  # the provider went back
        graph = graph_at(home, instance, days=2)
        job = graph.definitions.resolve_job_def("recalibrate")
        fresh = projects.QUIET | {"ops": {"judge_leaderboard": {"config": {"fresh": True}}}}
        done = job.execute_in_process(instance=instance, run_config=fresh, raise_on_error=False)
        assert done.success, projects.failure_of(done)
        assert graph.run(*ANCHOR).success
    runs = graph.project.store("anchor").read("anchor_runs").sort("epoch")
    assert runs["kind"].to_list() == ["baseline"] * 5 + ["watch"] + ["baseline"] * 5
    assert runs["baseline_epoch"].to_list() == [1] * 6 + [8] * 5, "epoch 7 is the new calibration's"
    assert runs["judge_version"].n_unique() in {1, 2}


def test_an_outage_is_no_evidence(
    home: Path, instance: dg.DagsterInstance, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_at(home, instance, days=1)
    store = graph.project.store("anchor")
    with serving(world, monkeypatch, ScriptedFaults([None] * 40, then=ServerError())):
        result = graph.run(*ANCHOR)
        assert "requests in a row unanswered" in projects.failure_of(result)
        assert store.read("anchor_runs").height == RUNS
    with serving(world, monkeypatch) as back:
        assert graph.run(*ANCHOR).success
        assert back.requests() <= PAIRS - 40 + 10, "what was answered is kept"
    runs = store.read("anchor_runs").sort("epoch")
    assert runs["epoch"].to_list() == [1, 2, 3, 4, 5, 6], "the same run was taken up again"
    assert store.read("drift_verdicts").sort("epoch")["state"].to_list()[-1] == "healthy"


@pytest.mark.parametrize(("settings_cap", "config"), [(0.0, {}), (1.0, {"cap_usd": 0.001})])
def test_a_run_over_its_cap_sends_nothing(
    settings_cap: float, config: dict[str, object], home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    graph, before = graph_at(home, instance, days=1, cap_usd=settings_cap), provider.requests()
    result = configured(graph, **config)
    assert f"the cap is {config.get('cap_usd', 0.0):.4f}; nothing was sent" in projects.failure_of(result)
    assert provider.requests() == before
    store = graph.project.store("anchor")
    assert store.read("epochs")["epoch"].max() == RUNS, "nor was an epoch opened"


def test_too_few_anchor_pairs_still_run_and_decide_nothing(
    certified_home: Path, instance: dg.DagsterInstance, provider: Provider, tmp_path: Path
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    graph = graph_at(home, instance)
    store = graph.project.store("anchor")
    anchor = store.query("seed/graded_pairs", {"splits": ["anchor"]}).select("query_id", "doc_id")
    gold = store.read("gold")
    store.overwrite("gold", gold.join(anchor.tail(PAIRS - 90), on=["query_id", "doc_id"], how="anti"))
    result = graph.run(*ANCHOR)
    assert result.success, projects.failure_of(result)
    assert graph_at(home, instance, days=1).run(*ANCHOR).success
    assert set(store.read("anchor_runs")["n_pairs"]) == {90}
    verdict = store.read("drift_verdicts").sort("epoch").row(-1, named=True)
    assert (verdict["state"], verdict["suspends"], verdict["healthy"]) == ("insufficient", False, False)
    assert "90 anchor pairs, 100 are needed" in verdict["action"]


def test_another_model_during_the_baseline_is_no_baseline(
    certified_home: Path, instance: dg.DagsterInstance, world: SampleWorld, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    graph = graph_at(projects.copied(certified_home, tmp_path / "home"), instance)
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09") as provider:
        result = graph.run(*ANCHOR)
        assert result.success, projects.failure_of(result)
        assert provider.requests() <= PAIRS + 10, "one run says it; four more would be wasted"
    store = graph.project.store("anchor")
    assert store.read("anchor_runs")["kind"].to_list() == ["watch"]
    assert store.read("drift_verdicts")["suspends"].to_list() == [True]


def test_a_new_baseline_is_begun_when_somebody_asks_for_one(
    home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    graph = graph_at(home, instance, days=1)
    assert configured(graph, rebaseline=True).success
    runs = graph.project.store("anchor").read("anchor_runs").sort("epoch")
    assert runs["baseline_epoch"].to_list() == [1] * RUNS + [6] * RUNS
    assert configured(graph_at(home, instance, days=2)).success
    last = graph.project.store("anchor").read("anchor_runs").sort("epoch").row(-1, named=True)
    assert (last["kind"], last["baseline_epoch"]) == ("watch", 6)


def test_the_page_shows_the_verdict_and_a_picture(home: Path, instance: dg.DagsterInstance, provider: Provider) -> None:
    result = graph_at(home, instance, days=1).run(*ANCHOR)
    [event] = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey("drift_verdict")]
    shown = event.materialization.metadata
    assert "healthy" in shown["verdicts"].value
    assert "tolerance e-process" in shown["signals"].value
    assert shown["loss main"].value.startswith("![main: loss on 180 anchor pairs](data:image/svg")


def test_whoever_holds_no_open_verdict_is_not_asked(
    certified: Callable[[], projects.Graph], provider: Provider, tmp_path: Path
) -> None:
    graph = certified()
    stale = projects.graph(graph.settings, graph.instance, projects.START + timedelta(days=91))
    before = provider.requests()
    result = stale.run(*ANCHOR)
    assert result.success
    assert provider.requests() == before
    assert "no certified judge was watched yet" in str(check_of(result).description)


def test_a_document_marked_a_customer_s_since_leaves_the_anchor_and_the_canary(
    home: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    graph = graph_at(home, instance, days=1, canary_pairs=300)
    store = graph.project.store("anchor")
    secret = store.read("anchor_items")["doc_id"].unique().sort().head(20)
    inside = pl.col("doc_id").is_in(secret.implode())
    documents = store.read("documents").with_columns(
        boundary=pl.when(inside).then(pl.lit("customer")).otherwise("boundary")
    )
    store.overwrite("documents", documents)
    for assets in (ANCHOR, ("amplified_labels",)):
        result = graph.run(*assets, day=DAYS[0] if assets != ANCHOR else None)
        assert result.success, projects.failure_of(result)
    asked = store.read("judgements").filter(pl.col("epoch") > RUNS, pl.col("purpose").is_in(["anchor", "canary"]))
    assert set(asked["purpose"]) == {"anchor", "canary"}
    assert asked.filter(inside).is_empty()
    assert store.read("drift_verdicts").sort("epoch")["state"].to_list()[-1] == "healthy", "on the pairs that are left"
