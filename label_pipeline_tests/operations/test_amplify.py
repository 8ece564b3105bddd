"""A day is labelled once, whatever happens half-way: a kill, another model, a second run, a judge that left."""

import fcntl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.rehearsal.faults import Fault, ScriptedFaults, ServedAs
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, KEY, PAIRS_A_DAY, Provider, Small, failure_of


@pytest.fixture
def faulty(world: SampleWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Fault | None]], Any]:
    """A provider that follows a script of troubles, named by the environment while its block runs."""

    def start(script: Sequence[Fault | None]) -> Any:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        return running_provider(make_app(simulated_models(world), api_key=KEY, faults=ScriptedFaults(script)))

    return start


@pytest.mark.parametrize("table", ["judgements", "labels", "label_runs"])
def test_killed_before_any_of_the_three_writes_the_next_run_books_it_all(
    table: str, certified_small: Callable[[], Small], provider: Provider
) -> None:
    graph = certified_small()
    before = provider.requests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "append", _dies_before(table))
        assert not graph.run("amplified_labels", day=DAYS[0]).success
    assert graph.run("amplified_labels", day=DAYS[0]).success
    assert provider.requests() - before == PAIRS_A_DAY
    store = graph.project.store("rank")
    assert store.read("labels").height == PAIRS_A_DAY
    runs = store.read("label_runs")
    spent = store.read("judgements").filter(pl.col("purpose") == "amplify")["cost_usd"].sum()
    assert spent > 0
    assert runs["requests"].sum() == PAIRS_A_DAY
    assert runs["cost_usd"].sum() == pytest.approx(spent)
    assert store.query("amplify/unbooked_runs").is_empty()
    assert store.query("amplify/spend").filter(pl.col("purpose") == "amplify")["replies"].to_list() == [PAIRS_A_DAY]
    assert runs["labelled"].max() == PAIRS_A_DAY
    for check in ("labels_contract", "labels_missing_from_run", "books_do_not_add_up", "labelled_twice"):
        assert store.query(f"checks/{check}").is_empty(), check
    assert graph.run("amplified_labels", day=DAYS[1]).success
    assert store.read("label_runs")["requests"].sum() == provider.requests() - before, "nothing is booked twice"


def _dies_before(table: str) -> Callable[..., bool]:
    """``Store.append`` as a process sees it that is killed right before it writes ``table``."""
    append = Store.append

    def dying(self: Store, name: str, frame: pl.DataFrame, commit_id: str) -> bool:
        if name == table:
            raise SystemError("killed here")
        return append(self, name, frame, commit_id)

    return dying


def test_what_was_paid_before_another_model_answered_is_booked_and_not_lost(
    certified_small: Callable[[], Small], faulty: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endpoints = projects.data(tmp_path)["endpoints"]
    endpoints["rehearsal"]["concurrency"] = 2
    graph = Small(projects.settings(tmp_path / "home", endpoints=endpoints))
    with faulty([None] * 7 + [ServedAs("another-model")]) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert "another-model" in failure_of(graph.run("amplified_labels", day=DAYS[0]))
        store = graph.project.store("rank")
        sent = Provider(url).requests()
        assert 8 <= sent < PAIRS_A_DAY
        [half] = store.read("label_runs").to_dicts()
        assert half["requests"] == sent
        assert 6 <= half["labelled"] <= sent - 1, "what the certified judge answered before is its own"
        assert (half["refused"], half["refused_by"]) == (PAIRS_A_DAY - half["labelled"], "model")
        assert store.read("labels").height == half["labelled"]
        assert graph.run("amplified_labels", day=DAYS[0]).success
        runs, bill = store.read("label_runs"), Provider(url).stats()
    assert sorted(runs["labelled"]) == [half["labelled"], PAIRS_A_DAY]
    assert set(store.read("labels")["model_reported"]) == {"rehearsal-large-2026-08"}
    assert store.read("labels").height == PAIRS_A_DAY
    assert (runs["requests"].sum(), runs["input_tokens"].sum()) == (bill["requests"], bill["prompt_tokens"])
    paid = store.read("judgements").filter(pl.col("purpose") == "amplify")["cost_usd"].sum()
    assert runs["cost_usd"].sum() == pytest.approx(paid)


def test_two_runs_at_once_one_waits_its_turn(
    certified_small: Callable[[], Small], provider: Provider, tmp_path: Path
) -> None:
    graph = certified_small()
    before = provider.requests()
    with (tmp_path / "home" / "spending.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = graph.run("amplified_labels", day=DAYS[0])
        assert not result.success
        assert "two at once would pay twice" in failure_of(result)
        assert provider.requests() == before
    assert graph.run("amplified_labels", day=DAYS[0]).success


def test_a_judge_that_left_the_settings_refuses_its_collection_with_the_reason(
    certified_small: Callable[[], Small], provider: Provider, tmp_path: Path
) -> None:
    certified_small()
    other = Small(projects.settings(tmp_path / "home", model="rehearsal-medium"))
    before = provider.requests()
    result = other.run("amplified_labels", day=DAYS[0])
    assert "put them back, or run job recalibrate" in failure_of(result)
    runs = other.project.store("amplify").read("label_runs")
    assert (runs["pairs_in"].to_list(), runs["refused"].to_list()) == ([PAIRS_A_DAY], [PAIRS_A_DAY])
    assert provider.requests() == before


def test_an_edited_document_stops_no_night_and_what_is_labelled_needs_its_text_no_more(
    certified_small: Callable[[], Small], provider: Provider
) -> None:
    """It failed the whole day, and a check stayed red for every later night until all was loaded and paid again."""
    graph = certified_small()
    store = graph.project.store("amplify")
    held = store.read("candidates").filter(pl.col("arrived_on") == pl.lit(DAYS[0]).str.to_date()).sort("doc_id")
    edited, late = held["doc_id"].unique(maintain_order=True)[:2]
    pairs = held.filter(pl.col("doc_id") == edited).height

    def edit(doc_id: str, version: str) -> None:
        new = pl.when(pl.col("doc_id") == doc_id).then(pl.lit(version)).otherwise("doc_version").alias("doc_version")
        graph.project.store("seed").overwrite("documents", store.read("documents").with_columns(new))

    edit(edited, "v2")
    assert graph.run("amplified_labels", day=DAYS[0]).success
    [row] = store.read("label_runs").iter_rows(named=True)
    assert (row["labelled"], row["refused"], row["refused_by"]) == (PAIRS_A_DAY - pairs, pairs, "text")
    assert "materialise candidate_pairs of that day again" in row["reason"]
    assert set(store.query("checks/candidate_without_text")["doc_id"]) == {edited}, "until it is loaded again"
    assert graph.run("candidate_pairs").success
    assert graph.run("amplified_labels", day=DAYS[0]).success
    assert store.query("checks/candidate_without_text").is_empty()
    assert store.read("label_runs")["labelled"].max() == PAIRS_A_DAY
    others = set(store.read("candidates").filter(pl.col("arrived_on") != held["arrived_on"][0])["doc_id"])
    if late not in others:
        edit(late, "v3")
        assert store.query("checks/candidate_without_text").is_empty(), "it was labelled by its old text"


def test_a_night_s_file_that_repeats_an_earlier_pair_is_loaded_and_labelled(
    certified_small: Callable[[], Small], provider: Provider, tmp_path: Path
) -> None:
    graph = certified_small()
    store, path = graph.project.store("amplify"), tmp_path / "home" / "inputs" / "candidates.jsonl"
    assert graph.run("amplified_labels", day=DAYS[0]).success
    feed = pl.read_ndjson(path)
    first, second = (feed.filter(pl.col("arrived_on") == day) for day in DAYS[:2])
    tonight = pl.concat([second, first.head(1).with_columns(arrived_on=pl.lit(DAYS[1]))])
    tonight.write_ndjson(path)
    loaded = graph.run("candidate_pairs", day=DAYS[1])
    assert loaded.success, loaded.failure
    assert "1 merged" in loaded.found["candidate_pairs"][0].books.sentence
    assert store.read("candidates").group_by("arrived_on").len().sort("arrived_on")["len"].to_list()[:2] == [20, 20]
    assert graph.run("amplified_labels", day=DAYS[1]).success
    assert store.read("labels").height == 2 * PAIRS_A_DAY
