"""What a launch may set reaches the operation behind the asset, and what comes back reaches checks and the page."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.anchored import check_of, configured, graph_at
from label_pipeline_tests.defs.projects import Graph, Provider
from label_pipeline_tests.small_project import ANCHOR, serving


@pytest.fixture
def graph(baselined_home: Path, instance: dg.DagsterInstance, provider: Provider, tmp_path: Path) -> Graph:
    return graph_at(projects.copied(baselined_home, tmp_path / "home"), instance, days=1)


def launch(graph: Graph, asset: str, config: dict[str, Any]) -> Any:
    """Materialises one asset with this configuration; failures returned."""
    return graph.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=graph.instance, asset_selection=[dg.AssetKey(asset)], raise_on_error=False,
        run_config=projects.QUIET | {"ops": {asset: {"config": config}}},
    )  # fmt: skip


def shown(result: Any, asset: str) -> Any:
    """The metadata of one materialisation."""
    [event] = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(asset)]
    return event.materialization.metadata


def test_the_gate_takes_the_cap_of_its_launch_and_a_new_baseline_is_begun_on_demand(
    graph: Graph, provider: Provider
) -> None:
    """What a sensor allows a run to spend reaches it this way only."""
    assert launch(graph, "judge_leaderboard", {"fresh": True}).success
    assert graph.run("calibrated_judge").success
    before = provider.requests()
    assert "the cap is 0.0001" in projects.failure_of(launch(graph, "gate_verdict", {"cap_usd": 0.0001}))
    assert provider.requests() == before
    assert launch(graph, "anchor_run", {"rebaseline": True}).success
    assert graph.project.store("anchor").read("anchor_runs")["baseline_epoch"].n_unique() == 2


@pytest.mark.parametrize(
    ("asset", "config", "sentence"),
    [
        ("judge_leaderboard", {"fresh": True, "cap_usd": 0.0001}, "the cap is 0.0001"),
        ("gate_verdict", {"lane": "half"}, "expected one of ['full', 'recertify']"),
        ("gate_verdict", {"lane": "recertify"}, "nothing was asked since, so no change from outside was measured"),
        ("anchor_run", {"cap_usd": 0.001}, "the cap is 0.0010; nothing was sent"),
    ],
)
def test_a_configuration_reaches_its_operation(
    graph: Graph, provider: Provider, asset: str, config: dict[str, Any], sentence: str
) -> None:
    before = provider.requests()
    assert sentence in projects.failure_of(launch(graph, asset, config))
    assert provider.requests() == before


def test_an_anchor_run_that_is_not_due_says_so_in_the_page(graph: Graph, provider: Provider) -> None:
    before = provider.requests()
    result = configured(graph, only_when_due=True)
    assert result.success, projects.failure_of(result)
    assert provider.requests() == before
    assert shown(result, "anchor_run")["why"].value == {"main": "not due: nothing was asked"}
    assert check_of(result).passed
    page = shown(result, "drift_verdict")
    assert "baseline" in page["verdicts"].value
    assert page["loss main"].value.startswith("![main: loss on 180 anchor pairs](data:image/svg")


def test_a_new_baseline_and_a_drift_reach_the_check(
    graph: Graph, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch, served_as="rehearsal-large-2026-09"):
        result = graph.run(*ANCHOR)
        assert result.success, projects.failure_of(result)
    check = check_of(result)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "[main] drifted: " in str(check.description)
    assert "served model" in shown(result, "drift_verdict")["signals"].value
    assert check.metadata["suspended"].value == ["main"]
