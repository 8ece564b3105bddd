"""An outage, a reached cap or a crash decides nothing, loses nothing and books everything."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from label_pipeline.core.pairs import pair_texts
from label_pipeline.rehearsal.faults import Fault, ScriptedFaults, ServerError
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import KEY, Provider, Small, failure_of

BEFORE_GATE = projects.TO_GATE[:-1]


@pytest.fixture
def faulty(world: SampleWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Fault | None]], Any]:
    """A provider that follows a script of troubles, named by the environment while its block runs."""

    def start(script: Sequence[Fault | None]) -> Any:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        return running_provider(make_app(simulated_models(world), api_key=KEY, faults=ScriptedFaults(script)))

    return start


def _from_scratch(certified_home: Path, home: Path, **changes: Any) -> Small:
    """The small project with its inputs only, and a client that does not try again."""
    projects.copied(certified_home / "inputs", home / "inputs")
    endpoints = projects.data(home)["endpoints"]
    endpoints["rehearsal"] |= {"max_retries": 0, "patience_s": 0}
    return Small(projects.settings(home, endpoints=endpoints, **changes))


def test_a_gate_half_answered_takes_no_look_and_opens_when_the_provider_is_back(
    certified_home: Path, tmp_path: Path, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = _from_scratch(certified_home, tmp_path / "home")
    # 420 of calibrate are answered; in the gate eight requests fail
    with faulty([None] * 430 + [ServerError()] * 8) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert graph.run(*BEFORE_GATE).success
        failed = graph.run("gate_verdict")
        assert not failed.success
        assert "got no reply, so nothing was decided" in failure_of(failed)
        store = graph.project.store("gate")
        assert store.read("holdout_looks").is_empty()
        assert store.read("verdicts").is_empty()
        before = Provider(url).requests()
        assert graph.run("gate_verdict").success
        assert Provider(url).requests() - before < 30, "only what got no reply is asked again"
    verdict = store.read("verdicts").row(0, named=True)
    assert (verdict["open"], verdict["look"]) == (True, 1)


def never_answering(app: web.Application, query: str, document: str) -> web.Application:
    """The provider, which has no answer about this pair."""

    @web.middleware
    async def unlucky(request: web.Request, handler: Handler) -> web.StreamResponse:
        said = (await request.json())["messages"][-1]["content"] if request.can_read_body else ""
        if query in said and document in said:
            return web.Response(status=503)
        return await handler(request)

    app.middlewares.append(unlucky)
    return app


def test_one_text_nobody_ever_answers_blocks_a_verdict_twice_and_then_counts(
    certified_home: Path, tmp_path: Path, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    graph = _from_scratch(certified_home, tmp_path / "home")
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    assert graph.run(*projects.TO_GATE[:4]).success
    bad = graph.project.store("gate").query("seed/graded_pairs", {"splits": ["holdout"]}).row(300, named=True)
    app = never_answering(make_app(simulated_models(world), api_key=KEY), bad["query"], bad["document"])
    with running_provider(app) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert graph.run(*BEFORE_GATE[4:]).success
        for _ in range(2):
            said = failure_of(graph.run("gate_verdict"))
            assert "1 of 600 requests to rehearsal-large/plain got no reply, so nothing was decided" in said
        assert graph.run("gate_verdict").success
    store = graph.project.store("gate")
    [row] = store.read("verdicts").iter_rows(named=True)
    assert (row["open"], row["look"], row["n_pairs"]) == (True, 1, 600)
    [lost] = store.read("judgements").filter(pl.col("outcome") == "unanswerable").iter_rows(named=True)
    assert lost["doc_id"] == bad["doc_id"]
    assert lost["detail"].startswith("no answer in 3 runs, the last time: ")


def test_in_an_outage_no_text_is_given_up_however_long_it_lasts(
    certified_home: Path, tmp_path: Path, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = _from_scratch(certified_home, tmp_path / "home")
    with faulty([None] * 430 + [ServerError()] * 19 + [None] + [ServerError()] * 19 + [None] * 550) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert graph.run(*BEFORE_GATE).success
        assert "got no reply" in failure_of(graph.run("gate_verdict"))
    with faulty([None, *[ServerError()] * 19] * 9) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        for _ in range(3):
            graph.run("gate_verdict")
    assert "unanswerable" not in set(graph.project.store("gate").read("judgements")["outcome"])


def test_a_text_the_endpoint_rejects_is_answered_and_stops_neither_calibration_nor_gate(
    certified_home: Path, tmp_path: Path, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Overlong for this model's context, today and tomorrow: waiting helps nobody, and it is no outage."""
    graph = _from_scratch(certified_home, tmp_path / "home")
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    longest = _request_sizes(graph)
    limit = longest[len(longest) // 150]  # a few texts are too long
    with running_provider(make_app(simulated_models(world), api_key=KEY, max_input_chars=limit)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        done = graph.run(*projects.TO_GATE[4:])
        assert done.success, failure_of(done)
        judged = graph.project.store("gate").read("judgements")
        refused = judged.filter(pl.col("outcome") == "rejected")
        assert 2 < refused.height < 12
        assert set(refused["purpose"]) == {"calibrate", "gate"}
        assert refused["cost_usd"].sum() == 0
        verdict = graph.project.store("gate").read("verdicts").row(0, named=True)
        assert f"unreadable replies {refused.height / (600 + 420):.3f}" in verdict["criteria"], "of all it was asked"
        board = graph.project.store("calibrate").read("leaderboard")
        assert board["unreadable_share"][0] == refused.filter(pl.col("purpose") == "calibrate").height / 420
        before = Provider(url).requests()
        assert graph.run("gate_verdict").success
        rejected = refused.filter(pl.col("purpose") == "gate").height
        assert Provider(url).requests() - before == rejected, "asked once more, which is free; nothing else is sent"
    assert graph.project.store("gate").read("holdout_looks").height == 1


def test_on_many_rejected_texts_nothing_is_decided(
    certified_home: Path, tmp_path: Path, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A prompt that shows too much, or an account in arrears, says nothing about how well the judge grades."""
    graph = _from_scratch(certified_home, tmp_path / "home")
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    longest = _request_sizes(graph)
    with running_provider(
        make_app(simulated_models(world), api_key=KEY, max_input_chars=longest[len(longest) // 8])
    ) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        told = failure_of(graph.run("judge_leaderboard"))
    assert "rejected, more than 5%, so nothing was decided" in told
    assert "document_max_chars" in told
    assert graph.project.store("calibrate").read("leaderboard").is_empty()


def _request_sizes(graph: Small) -> list[int]:
    """Characters of the messages a judge is sent about every graded pair, longest first; loads the seed."""
    assert graph.run(*projects.TO_GATE[:4]).success
    [member] = graph.project.members
    texts = pair_texts(graph.project.store("gate").query("seed/graded_pairs", {"splits": ["train", "dev", "holdout"]}))
    bodies = [json.loads(json.dumps(member.body(text, 0, 0))) for text in texts]
    return sorted((sum(len(said["content"]) for said in body["messages"]) for body in bodies), reverse=True)


def test_a_calibration_interrupted_by_an_outage_ends_as_if_there_had_been_none(
    certified_home: Path, tmp_path: Path, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = _from_scratch(certified_home, tmp_path / "home")
    assert graph.run("seed_inputs", "gold_labels", "seed_splits").success
    with faulty([None] * 100 + [ServerError()] * 6) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert "got no reply" in failure_of(graph.run("judge_leaderboard"))
        assert graph.project.store("calibrate").read("leaderboard").is_empty()
        assert graph.run("judge_leaderboard", "calibrated_judge").success
    store = graph.project.store("calibrate")
    judged = store.read("judgements")
    graded = judged.filter(pl.col("outcome") == "graded")
    assert graded.height == 420, "each pair once, the late ones too"
    assert store.read("leaderboard")["n_pairs"].to_list() == [420]
    assert '"n": 420' in store.read("judge_versions")["calibrators"][0]


def test_a_candidate_the_endpoint_does_not_know_stays_on_the_board_and_the_other_wins(
    certified_home: Path, tmp_path: Path, provider: Provider
) -> None:
    home = tmp_path / "home"
    content = projects.data(home)
    group = content["candidates"][0]
    group["models"] = ["no-such-model", "rehearsal-large"]
    group["prices"]["no-such-model"] = {"input_usd": 0, "output_usd": 0}
    graph = _from_scratch(certified_home, home, candidates=content["candidates"])
    assert graph.run(*BEFORE_GATE).success
    board = graph.project.store("calibrate").read("leaderboard")
    lines = {row["candidate"]: row for row in board.iter_rows(named=True)}
    assert lines["rehearsal-large/plain"]["chosen"]
    assert "could not be asked" in lines["no-such-model/plain"]["reason"]
