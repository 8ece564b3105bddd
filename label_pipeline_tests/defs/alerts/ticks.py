"""Sensor `alerts` ticked by hand over a real instance, and what arrived at the webhook."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import AssetCheckEvaluation

from label_pipeline.operations.project import Project
from label_pipeline_tests.adapters.receiver import Receiver
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import Graph

VARIABLE = "ALERTS_WEBHOOK"


@dataclass
class Daemon:
    """Ticks as the daemon does: the cursor of one tick is that of the next."""

    graph: Graph
    cursor: str | None = None
    held: Project | None = None

    def tick(self) -> str:
        """One tick; gives what the tick history says."""
        # a code server builds its resources once
        self.held = self.held or self.graph.project
        context = dg.build_sensor_context(
            instance=self.graph.instance, cursor=self.cursor, resources={"project": self.held}
        )
        done = self.graph.definitions.resolve_sensor_def("alerts").evaluate_tick(context)
        self.cursor = done.cursor
        assert done.run_requests == []
        return str(done.skip_message)

    @property
    def beat(self) -> dict[str, Any]:
        return dict(json.loads(self.path.read_text()))

    @property
    def path(self) -> Path:
        return self.graph.settings.home_path / "heartbeat.json"

    def fails(self, check: str, asset: str, said: str | None = "no good", passed: bool = False) -> None:
        """What a check of this name does to the log, for checks that are hard to make fail."""
        key = dg.AssetKey(asset)
        evaluation = AssetCheckEvaluation(asset_key=key, check_name=check, passed=passed, description=said)
        self.graph.instance.report_runless_asset_event(evaluation)


def daemon(home: Path, instance: dg.DagsterInstance, now: datetime = projects.START, **alerts: object) -> Daemon:
    found = projects.settings(
        home,
        alerts={"webhook_env": VARIABLE, **alerts},
        agreement_floor=0.99,
        agreement_waiver="a floor nobody reaches",
    )
    return Daemon(projects.graph(found, instance, now))


def told(receiver: Receiver) -> list[tuple[str | None, ...]]:
    return [(body["check"], body["asset"], body["sentence"]) for body in receiver.taken]
