"""One cap for all judge candidates of a calibration, whatever becomes of each; and no judge is frozen from nothing."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.judging.first_replies import MOST
from label_pipeline.operations import calibrate
from label_pipeline.rehearsal.faults import ScriptedFaults, ServedAs
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import KEY, Provider, Small, failure_of

FIRST, SECOND = "rehearsal-large", "rehearsal-medium"
PAIRS, SENT = 420, 612
CAP = 3.16


def test_what_a_candidate_cost_before_another_model_answered_is_gone_for_the_next(
    certified_home: Path,
    world: SampleWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first one's replies are cut and asked again, so it spends most of the cap: $0.005 a reply, $2.10 planned.

    The second one, planned at $1.05, costs $0.16 and finds $0.10 left at most.
    """
    home = tmp_path / "home"
    projects.copied(certified_home / "inputs", home / "inputs")
    content = projects.data(home)
    [group] = content["candidates"]
    group |= {"prices": {FIRST: {"input_usd": 0, "output_usd": 1000}}, "parameters": [{"max_tokens": 5}]}
    other = group | {
        "models": [SECOND], "served_as": [f"{SECOND}-2026-08"], "prices": {SECOND: {"input_usd": 0, "output_usd": 8.3}},
        "parameters": [{"max_tokens": 300}],
    }  # fmt: skip
    found = projects.settings(home, candidates=[group, other], calibrate={"cap_usd": CAP})
    graph = Small(found)
    assert graph.run("seed_inputs", "gold_labels", "seed_splits").success
    monkeypatch.setattr(calibrate, "MOST", None)  # else it is asked no more after twenty
    faults = ScriptedFaults([None] * SENT + [ServedAs("another-model")])
    with running_provider(make_app(simulated_models(world), api_key=KEY, faults=faults)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        failed = graph.run("judge_leaderboard")
        asked = {name: counted["requests"] for name, counted in Provider(url).stats()["models"].items()}
    assert "stopped at the cap" in failure_of(failed)
    assert asked[FIRST] > SENT
    assert 0 < asked[SECOND] < PAIRS
    spent = graph.project.store("calibrate").read("judgements")["cost_usd"].sum()
    assert spent == pytest.approx(CAP, abs=0.1)
    assert graph.project.store("calibrate").read("leaderboard").is_empty()


def test_a_judge_is_not_frozen_from_nothing(certified_small: Callable[[], Small]) -> None:
    """A fresh calibration that died half-way leaves an epoch without the winner's grades."""
    graph = certified_small()
    store = graph.project.store("calibrate")
    board = store.read("leaderboard").with_columns(
        epoch=pl.lit(7, dtype=pl.Int64), calibrated_at=pl.lit(projects.LATER)
    )
    store.append("leaderboard", board, "planted")
    assert "no grade of it is stored in epoch 7" in failure_of(graph.run("calibrated_judge"))


def test_a_candidate_whose_first_replies_hold_no_grade_is_asked_no_more_and_the_other_wins(
    certified_home: Path, provider: Provider, tmp_path: Path
) -> None:
    """420 pairs were paid for twice each, and then "won, but no grade of it is stored"."""
    home = tmp_path / "home"
    projects.copied(certified_home / "inputs", home / "inputs")
    [group] = projects.data(home)["candidates"]
    free = {"prices": {FIRST: {"input_usd": 0, "output_usd": 0}}, "parameters": [{"max_tokens": 5}]}
    price = {"input_usd": 0.2, "output_usd": 0.8}
    other = group | {"models": [SECOND], "served_as": [f"{SECOND}-2026-08"], "prices": {SECOND: price}}
    found = projects.settings(home, candidates=[group | free, other])
    graph = Small(found)
    before = provider.requests()
    done = graph.run("seed_inputs", "gold_labels", "seed_splits", "judge_leaderboard", "calibrated_judge")
    assert done.success, failure_of(done)
    store = graph.project.store("calibrate")
    concurrency = found.endpoints["rehearsal"].concurrency
    asked = provider.requests() - before
    assert PAIRS + MOST <= asked <= PAIRS + MOST + 2 * concurrency
    board = {row["reason"]: row["chosen"] for row in store.read("leaderboard").iter_rows(named=True)}
    [why] = [reason for reason, chosen in board.items() if not chosen]
    assert "could not be asked: the first 20 replies of" in why
    assert "hold no grade, most of them cut" in why
    assert "max_tokens" in why
    assert store.query("checks/books_differ_in_money").is_empty()
    assert store.read("payments")["replies"].sum() == asked
