"""The small project (small_project.py) as a Dagster graph on an instance.

Keep out: what needs no Dagster.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from label_pipeline.defs.build import build
from label_pipeline.defs.names import names_of
from label_pipeline.operations.project import Project
from label_pipeline.settings import Settings
from label_pipeline_tests.small_project import (
    DAYS,
    LATER,
    PAIRS_A_DAY,
    START,
    TO_GATE,
    Provider,
    copied,
    data,
    settings,
    write_small_inputs,
)

__all__ = [
    "ALL_DAYS", "DAYS", "LATER", "PAIRS_A_DAY", "QUIET", "START", "TO_GATE", "Graph", "Provider", "copied", "data",
    "failure_of", "graph", "settings", "write_small_inputs",
]  # fmt: skip


@dataclass(frozen=True)
class Graph:
    """A built project and the instance its runs go to."""

    settings: Settings
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    clock_now: datetime

    @property
    def project(self) -> Project:
        """The same project outside the graph."""
        return Project(self.settings, lambda: self.clock_now)

    def run(self, *assets: str, tags: Mapping[str, str] | None = None, day: str | None = None) -> Any:
        """Materialises the assets in this process, failures returned."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance, partition_key=day,
            asset_selection=[names_of(self.settings)(name) for name in assets],
            tags=dict(tags or {}), raise_on_error=False, run_config=QUIET,
        )  # fmt: skip

    def job(self, name: str, day: str | None = None) -> Any:
        """Runs a job in this process, failures returned."""
        job = self.definitions.resolve_job_def(names_of(self.settings).of(name))
        return job.execute_in_process(instance=self.instance, partition_key=day, raise_on_error=False, run_config=QUIET)


QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
ALL_DAYS = {
    "dagster/asset_partition_range_start": DAYS[0],
    "dagster/asset_partition_range_end": DAYS[-1],
}


def graph(found: Settings, instance: dg.DagsterInstance, now: datetime = START) -> Graph:
    """The graph of ``found`` at the time ``now``."""
    return Graph(found, build(found, clock=lambda: now), instance, now)


def failure_of(result: Any) -> str:
    """The sentence a failed run gives."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            return str(data.user_failure_data.description if data.user_failure_data else data.error_display_string)
    raise AssertionError("the run did not fail in a step")
