"""No label without an open, current verdict: whatever closed it, however the asset is launched."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import dagster as dg
import polars as pl
import pytest

from label_pipeline.core.catalogue import VERDICTS
from label_pipeline.stages import gate
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import ALL_DAYS, DAYS, START, Graph, Provider


def _missing(home: Path, graph: Graph) -> Graph:
    rmtree(home / "tables" / "verdicts")
    return graph


def _closed(home: Path, graph: Graph) -> Graph:
    store = graph.project.store("gate")
    row = store.read("verdicts").row(0, named=True) | {
        "verdict_id": "closed",
        "state": "closed",
        "open": False,
        "failures": '["skill R2 0.050, lower bound 0.010, needs above 0.100"]',
        "decided_at": START + timedelta(minutes=1),
    }
    store.append("verdicts", pl.DataFrame([row], schema_overrides=VERDICTS.schema), "planted")
    return graph


def _suspended(home: Path, graph: Graph) -> Graph:
    store = graph.project.store("gate")
    decision = store.read("verdicts").row(0, named=True)
    row = gate.suspension(decision, "the provider serves rehearsal-large-2026-09", decision["epoch"], START)
    store.append("verdicts", row, "planted")
    return graph


def _stale(home: Path, graph: Graph) -> Graph:
    return projects.graph(graph.settings, graph.instance, START + timedelta(days=91))


def _edited_policy(home: Path, graph: Graph) -> Graph:
    edited = {"policy": "single-standard", "cap_usd": 1, "thresholds": {"r2_low": 0.2}}
    return projects.graph(projects.settings(home, gate=edited), graph.instance)


CLOSERS: dict[str, tuple[Callable[[Path, Graph], Graph], str]] = {
    "missing": (_missing, "has no verdict; materialise gate_verdict"),
    "closed": (_closed, "needs above 0.100"),
    "suspended": (_suspended, "is suspended"),
    "stale": (_stale, "expired on 2026-12-19"),
    "edited policy": (_edited_policy, "not the current one"),
}

LAUNCHES: dict[str, Callable[[Graph], Any]] = {
    "job": lambda graph: graph.job("nightly_amplification", day=DAYS[0]),
    "single asset": lambda graph: graph.run("amplified_labels", day=DAYS[0]),
    "subset": lambda graph: graph.run("candidate_pairs", "amplified_labels", day=DAYS[1]),
    "range of a backfill": lambda graph: graph.run("amplified_labels", tags=ALL_DAYS),
}


@pytest.mark.parametrize("launch", LAUNCHES)
@pytest.mark.parametrize("closer", CLOSERS)
def test_nothing_is_sent_and_nothing_labelled(
    closer: str, launch: str, certified: Callable[[], Graph], provider: Provider, tmp_path: Path
) -> None:
    close, sentence = CLOSERS[closer]
    graph = close(tmp_path / "home", certified())
    before = provider.requests()

    result = LAUNCHES[launch](graph)

    assert not result.success
    assert provider.requests() == before
    assert sentence in projects.failure_of(result)
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    store = graph.project.store("amplify")
    assert store.read("labels").is_empty()
    runs = store.read("label_runs")
    assert runs["refused"].sum() == runs["pairs_in"].sum() > 0
    assert set(runs["refused_by"]) == {"gate"}


def test_the_same_launch_labels_when_the_verdict_stands(certified: Callable[[], Graph], provider: Provider) -> None:
    """The control: without a closer every launch mode above does label."""
    graph = certified()
    before = provider.requests()
    result = graph.job("nightly_amplification", day=DAYS[0])
    assert result.success
    assert provider.requests() > before
    assert graph.project.store("amplify").read("labels").height == projects.PAIRS_A_DAY


def test_a_failed_gate_stops_amplification_in_the_same_run(
    provider: Provider, instance: dg.DagsterInstance, certified_home: Path, tmp_path: Path
) -> None:
    """Wall 2: the blocking check fails, so the run never reaches amplified_labels."""
    home = projects.copied(certified_home, tmp_path / "home")
    impossible = {"policy": "single-standard", "cap_usd": 1, "thresholds": {"r2_low": 0.99}}
    graph = projects.graph(projects.settings(home, gate=impossible), instance)
    before = provider.requests()
    result = graph.run("gate_verdict", "amplified_labels", day=DAYS[0])
    assert not result.success
    assert provider.requests() == before, "the holdout was judged before, so even the gate sends nothing"
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["judge_gate"].passed
    assert checks["judge_gate"].blocking
    started = {event.step_key for event in result.all_events if event.event_type_value == "STEP_START"}
    assert "amplified_labels" not in started
