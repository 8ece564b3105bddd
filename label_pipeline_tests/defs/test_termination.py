"""Stopping a run from the page keeps every reply that was paid for."""

from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from label_pipeline.rehearsal.faults import ScriptedFaults, SlowReply
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.stages.amplify.label import ORPHAN
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import PAIRS_A_DAY, Provider
from label_pipeline_tests.defs.shared import WAIT_S, launch_nightly, shared_instance, wait_until
from label_pipeline_tests.small_project import KEY

CONCURRENCY = 4


def statuses(instance: dg.DagsterInstance) -> dict[str, int]:
    """How many runs there are of each status."""
    return dict(Counter(run.status.value for run in instance.get_runs()))


@pytest.mark.slow
def test_terminated_half_way_then_run_again(
    world: SampleWorld, certified_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = make_app(simulated_models(world), api_key=KEY, faults=ScriptedFaults([], then=SlowReply(0.7)))
    home = projects.copied(certified_home, tmp_path / "home")
    with (
        running_provider(slow) as url,
        shared_instance(home, tmp_path, monkeypatch, concurrency=CONCURRENCY) as instance,
    ):
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        provider = Provider(url)
        launched = launch_nightly(instance)
        wait_until(lambda: provider.requests() >= CONCURRENCY + 1, "requests to arrive")
        run = next(iter(instance.get_runs()))
        assert instance.run_launcher.terminate(run.run_id)
        wait_until(lambda: statuses(instance) == {"CANCELED": 1}, "the run to be cancelled")
        assert launched.wait(WAIT_S) == 0
        first = provider.requests()
        assert first < PAIRS_A_DAY, "it was stopped half-way"

        again = launch_nightly(instance)
        wait_until(lambda: statuses(instance).get("SUCCESS") == 1, "the second run to succeed")
        assert again.wait(WAIT_S) == 0
        assert provider.requests() <= PAIRS_A_DAY + CONCURRENCY
        store = projects.graph(projects.settings(home), instance).project.store("amplify")
        assert store.read("labels").height == PAIRS_A_DAY
        booked = store.read("label_runs")
        [own] = booked.filter(booked["chunk"] != ORPHAN).iter_rows(named=True)
        [left] = booked.filter(booked["chunk"] == ORPHAN).iter_rows(named=True)
        assert own["reused"] > 0
        assert own["requests"] == PAIRS_A_DAY - own["reused"], "what the stopped run had sent is in its own books"
        assert left["labelled"] == 0
        assert own["reused"] <= left["requests"] <= first
        spent = store.query("amplify/spend")
        assert int(spent.filter(spent["purpose"] == "amplify")["replies"][0]) == PAIRS_A_DAY
