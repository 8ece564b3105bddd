"""The small project with a complete baseline, a later clock, and providers whose model is not what it was.

Keep out: expectations.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.rehearsal.faults import ScriptedFaults
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import SAMPLE_MODELS, simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.conftest import KEY
from label_pipeline_tests.defs.projects import START, Graph, Provider

ANCHOR = ("anchor_run", "drift_verdict")
PAIRS = 180
"""The small project's human-graded anchor pairs: 18 queries of 10."""
RUNS = 5
WATCHED = {"cap_usd": 1, "baseline_runs": RUNS, "canary_pairs": 0}


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


@contextmanager
def serving(
    world: SampleWorld, monkeypatch: pytest.MonkeyPatch, faults: ScriptedFaults | None = None, **changes: Any
) -> Iterator[Provider]:
    """A provider whose good model is changed like this, named by the environment while the block runs."""
    specs = [replace(spec, **changes) if spec.name == "rehearsal-large" else spec for spec in SAMPLE_MODELS]
    with running_provider(make_app(simulated_models(world, specs), api_key=KEY, faults=faults)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        yield Provider(url)


@contextmanager
def dying_before(table: str, write: int = 1) -> Iterator[None]:
    """``Store.append`` as a process sees it that is killed right before its ``write``-th append to ``table``."""
    append, count = Store.append, 0

    def dying(self: Store, name: str, frame: Any, commit_id: str) -> bool:
        nonlocal count
        count += name == table
        if name == table and count == write:
            raise SystemError("killed here")
        return append(self, name, frame, commit_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "append", dying)
        yield


def check_of(result: Any, name: str = "no_drift") -> dg.AssetCheckEvaluation:
    """The evaluation of one check."""
    found: dg.AssetCheckEvaluation
    [found] = [check for check in result.get_asset_check_evaluations() if check.check_name == name]
    return found


def day_after(moment: datetime) -> str:
    """A moment as the recall command takes it."""
    return moment.isoformat()
