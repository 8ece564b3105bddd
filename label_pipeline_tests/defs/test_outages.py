"""An outage, a reached cap or a crash decides nothing, loses nothing and books everything."""

import fcntl
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.core.pairs import pair_texts
from label_pipeline.rehearsal.faults import Fault, ScriptedFaults, ServedAs, ServerError
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.conftest import KEY
from label_pipeline_tests.defs.projects import DAYS, PAIRS_A_DAY, Graph, Provider

BEFORE_GATE = projects.TO_GATE[:-1]


@pytest.fixture
def faulty(world: SampleWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Fault | None]], Any]:
    """A provider that follows a script of troubles, named by the environment while its block runs."""

    def start(script: Sequence[Fault | None]) -> Any:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        return running_provider(make_app(simulated_models(world), api_key=KEY, faults=ScriptedFaults(script)))

    return start


def _from_scratch(certified_home: Path, home: Path, instance: dg.DagsterInstance, **changes: Any) -> Graph:
    """The small project with its inputs only, and a client that does not try again."""
    projects.copied(certified_home / "inputs", home / "inputs")
    endpoints = projects.data(home)["endpoints"]
    endpoints["rehearsal"]["max_retries"] = 0
    return projects.graph(projects.settings(home, endpoints=endpoints, **changes), instance)


def test_a_gate_half_answered_takes_no_look_and_opens_when_the_provider_is_back(
    certified_home: Path, tmp_path: Path, instance: dg.DagsterInstance, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = _from_scratch(certified_home, tmp_path / "home", instance)
    # 420 of calibrate are answered; in the gate eight requests fail
    with faulty([None] * 430 + [ServerError()] * 8) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert graph.run(*BEFORE_GATE).success
        failed = graph.run("gate_verdict")
        assert not failed.success
        assert "got no reply, so nothing was decided" in projects.failure_of(failed)
        store = graph.project.store("gate")
        assert store.read("holdout_looks").is_empty()
        assert store.read("verdicts").is_empty()
        before = Provider(url).requests()
        assert graph.run("gate_verdict").success
        assert Provider(url).requests() - before < 30, "only what got no reply is asked again"
    verdict = store.read("verdicts").row(0, named=True)
    assert (verdict["open"], verdict["look"]) == (True, 1)


def test_a_text_the_endpoint_rejects_is_answered_and_stops_neither_calibration_nor_gate(
    certified_home: Path, tmp_path: Path, instance: dg.DagsterInstance, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Overlong for this model's context, today and tomorrow: waiting helps nobody, and it is no outage."""
    graph = _from_scratch(certified_home, tmp_path / "home", instance)
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    longest = _request_sizes(graph)
    limit = longest[len(longest) // 150]  # a few texts are too long
    with running_provider(make_app(simulated_models(world), api_key=KEY, max_input_chars=limit)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        done = graph.run(*projects.TO_GATE[4:])
        assert done.success, projects.failure_of(done)
        judged = graph.project.store("gate").read("judgements")
        refused = judged.filter(pl.col("outcome") == "rejected")
        assert 2 < refused.height < 12
        assert set(refused["purpose"]) == {"calibrate", "gate"}
        assert refused["cost_usd"].sum() == 0
        verdict = graph.project.store("gate").read("verdicts").row(0, named=True)
        assert (
            f"unreadable replies {refused.filter(pl.col('purpose') == 'gate').height / 600:.3f}" in verdict["criteria"]
        )
        board = graph.project.store("calibrate").read("leaderboard")
        assert board["unreadable_share"][0] == refused.filter(pl.col("purpose") == "calibrate").height / 420
        before = Provider(url).requests()
        assert graph.run("gate_verdict").success
        rejected = refused.filter(pl.col("purpose") == "gate").height
        assert Provider(url).requests() - before == rejected, "asked once more, which is free; nothing else is sent"
    assert graph.project.store("gate").read("holdout_looks").height == 1


def test_on_many_rejected_texts_nothing_is_decided(
    certified_home: Path, tmp_path: Path, instance: dg.DagsterInstance, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A prompt that shows too much, or an account in arrears, says nothing about how well the judge grades."""
    graph = _from_scratch(certified_home, tmp_path / "home", instance)
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    longest = _request_sizes(graph)
    with running_provider(
        make_app(simulated_models(world), api_key=KEY, max_input_chars=longest[len(longest) // 8])
    ) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        told = projects.failure_of(graph.run("judge_leaderboard"))
    assert "rejected, more than 5%, so nothing was decided" in told
    assert "document_max_chars" in told
    assert graph.project.store("calibrate").read("leaderboard").is_empty()


def _request_sizes(graph: Graph) -> list[int]:
    """Characters of the messages a judge is sent about every graded pair, longest first; loads the seed."""
    assert graph.run(*projects.TO_GATE[:4]).success
    [member] = graph.project.members
    texts = pair_texts(graph.project.store("gate").query("seed/graded_pairs", {"splits": ["train", "dev", "holdout"]}))
    bodies = [json.loads(json.dumps(member.body(text, 0, 0))) for text in texts]
    return sorted((sum(len(said["content"]) for said in body["messages"]) for body in bodies), reverse=True)


def test_a_calibration_interrupted_by_an_outage_ends_as_if_there_had_been_none(
    certified_home: Path, tmp_path: Path, instance: dg.DagsterInstance, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = _from_scratch(certified_home, tmp_path / "home", instance)
    assert graph.run("seed_inputs", "gold_labels", "seed_splits").success
    with faulty([None] * 100 + [ServerError()] * 6) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert "got no reply" in projects.failure_of(graph.run("judge_leaderboard"))
        assert graph.project.store("calibrate").read("leaderboard").is_empty()
        assert graph.run("judge_leaderboard", "calibrated_judge").success
    store = graph.project.store("calibrate")
    judged = store.read("judgements")
    graded = judged.filter(pl.col("outcome") == "graded")
    assert graded.height == 420, "each pair once, the late ones too"
    assert store.read("leaderboard")["n_pairs"].to_list() == [420]
    assert '"n": 420' in store.read("judge_versions")["calibrators"][0]


def test_a_candidate_the_endpoint_does_not_know_stays_on_the_board_and_the_other_wins(
    certified_home: Path, tmp_path: Path, instance: dg.DagsterInstance, provider: Provider
) -> None:
    home = tmp_path / "home"
    content = projects.data(home)
    group = content["candidates"][0]
    group["models"] = ["no-such-model", "rehearsal-large"]
    group["prices"]["no-such-model"] = {"input_usd": 0, "output_usd": 0}
    graph = _from_scratch(certified_home, home, instance, candidates=content["candidates"])
    assert graph.run(*BEFORE_GATE).success
    board = graph.project.store("calibrate").read("leaderboard")
    lines = {row["candidate"]: row for row in board.iter_rows(named=True)}
    assert lines["rehearsal-large/plain"]["chosen"]
    assert "could not be asked" in lines["no-such-model/plain"]["reason"]


@pytest.mark.parametrize("table", ["judgements", "labels", "label_runs"])
def test_killed_before_any_of_the_three_writes_the_next_run_books_it_all(
    table: str, certified: Callable[[], Graph], provider: Provider
) -> None:
    graph = certified()
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
    certified: Callable[[], Graph], faulty: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endpoints = projects.data(tmp_path)["endpoints"]
    endpoints["rehearsal"]["concurrency"] = 2
    graph = projects.graph(projects.settings(tmp_path / "home", endpoints=endpoints), certified().instance)
    with faulty([None] * 7 + [ServedAs("another-model")]) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert "another-model" in projects.failure_of(graph.run("amplified_labels", day=DAYS[0]))
        store = graph.project.store("rank")
        sent = Provider(url).requests()
        assert 8 <= sent < PAIRS_A_DAY
        [half] = store.read("label_runs").to_dicts()
        assert (half["requests"], half["refused"], half["labelled"]) == (sent, PAIRS_A_DAY, 0)
        assert half["refused_by"] == "model"
        assert graph.run("amplified_labels", day=DAYS[0]).success
        runs, bill = store.read("label_runs"), Provider(url).stats()
    assert sorted(runs["labelled"]) == [0, PAIRS_A_DAY]
    assert (runs["requests"].sum(), runs["input_tokens"].sum()) == (bill["requests"], bill["prompt_tokens"])
    paid = store.read("judgements").filter(pl.col("purpose") == "amplify")["cost_usd"].sum()
    assert runs["cost_usd"].sum() == pytest.approx(paid)


def test_two_runs_at_once_one_waits_its_turn(
    certified: Callable[[], Graph], provider: Provider, tmp_path: Path
) -> None:
    graph = certified()
    before = provider.requests()
    with (tmp_path / "home" / "spending.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = graph.run("amplified_labels", day=DAYS[0])
        assert not result.success
        assert "two at once would pay twice" in projects.failure_of(result)
        assert provider.requests() == before
    assert graph.run("amplified_labels", day=DAYS[0]).success


def test_a_judge_that_left_the_settings_refuses_its_collection_with_the_reason(
    certified: Callable[[], Graph], provider: Provider, tmp_path: Path
) -> None:
    graph = certified()
    other = projects.graph(projects.settings(tmp_path / "home", model="rehearsal-medium"), graph.instance)
    before = provider.requests()
    result = other.run("amplified_labels", day=DAYS[0])
    assert "put them back, or run job recalibrate" in projects.failure_of(result)
    runs = other.project.store("amplify").read("label_runs")
    assert (runs["pairs_in"].to_list(), runs["refused"].to_list()) == ([PAIRS_A_DAY], [PAIRS_A_DAY])
    assert provider.requests() == before


def test_a_judge_is_not_frozen_from_nothing(certified: Callable[[], Graph]) -> None:
    """A fresh calibration that died half-way leaves an epoch without the winner's grades."""
    graph = certified()
    store = graph.project.store("calibrate")
    board = store.read("leaderboard").with_columns(
        epoch=pl.lit(7, dtype=pl.Int64), calibrated_at=pl.lit(projects.LATER)
    )
    store.append("leaderboard", board, "planted")
    assert "no grade of it is stored in epoch 7" in projects.failure_of(graph.run("calibrated_judge"))
