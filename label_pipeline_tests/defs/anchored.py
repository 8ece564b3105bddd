"""The small project with a complete baseline as a graph, and the check that says whether its judge drifted.

Keep out: expectations, what needs no Dagster (small_project.py).
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import START, Graph
from label_pipeline_tests.small_project import ANCHOR, WATCHED


def graph_at(home: Path, instance: dg.DagsterInstance, days: float = 0, **anchor: object) -> Graph:
    """The project at ``home``, so many days after its certification."""
    found = projects.settings(home, anchor={**WATCHED, **anchor})
    return projects.graph(found, instance, START + timedelta(days=days))


def configured(graph: Graph, **config: object) -> Any:
    """Materialises the anchor's assets with this config of ``anchor_run``; failures returned."""
    job = graph.definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=graph.instance, asset_selection=[dg.AssetKey(name) for name in ANCHOR], raise_on_error=False,
        run_config=projects.QUIET | {"ops": {"anchor_run": {"config": config}}},
    )  # fmt: skip


def check_of(result: Any, name: str = "no_drift") -> dg.AssetCheckEvaluation:
    """The evaluation of one check."""
    found: dg.AssetCheckEvaluation
    [found] = [check for check in result.get_asset_check_evaluations() if check.check_name == name]
    return found
