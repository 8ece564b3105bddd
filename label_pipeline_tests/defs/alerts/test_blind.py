"""A sensor or schedule that cannot look is told once, and again after it had looked."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.selector import InstigatorSelector
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster_shared.error import SerializableErrorInfo

from label_pipeline.defs.alerts.blind import TICKING, blind
from label_pipeline.defs.alerts.notices import Graph
from label_pipeline.defs.alerts.sensor import AlertsTick
from label_pipeline.defs.build import build
from label_pipeline.defs.names import Names
from label_pipeline_tests.adapters.receiver import Receiver
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.alerts.ticks import daemon

NAMES = Names(("shop",), (), "p")
OUTAGE = ("SKIPPED", "could not look: no answer from the provider")
FINE, RED = ("SKIPPED", "nothing to watch"), ("FAILURE", None)


@dataclass
class Sensor:
    """A sensor of project `shop` in code location `here`, and its ticks."""

    instance: dg.DagsterInstance
    name: str = "shop_judge_model_changed"
    ticks: int = 0

    def __post_init__(self) -> None:
        self.selector = InstigatorSelector(location_name="here", repository_name="r", name=self.name)
        place = RegisteredCodeLocationOrigin("here")
        self.origin = RemoteRepositoryOrigin(place, "r").get_instigator_origin(self.name)
        self.state = InstigatorState(self.origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE)
        self.instance.add_instigator_state(self.state)

    def ticked(self, *history: tuple[str, str | None]) -> None:
        for status, reason in history:
            self.ticks += 1
            error = SerializableErrorInfo("no table", [], "TableError") if status == "FAILURE" else None
            tick = TickData(
                self.origin.get_id(), self.name, InstigatorType.SENSOR, TickStatus(status), float(self.ticks),
                selector_id=self.selector.get_id(), error=error, skip_reason=reason,
            )  # fmt: skip
            self.instance.create_tick(tick)


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Sensor]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield Sensor(instance)


def graph(location: str = "here", names: Names = NAMES) -> Graph:
    return Graph(names, {}, frozenset(), frozenset(), "i", location, "http://page", "docs/runbook.md")


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ([FINE, RED, ("STARTED", None)], "its last look failed"),
        ([RED, FINE], None),
        ([OUTAGE, OUTAGE], None),
        ([OUTAGE, FINE, OUTAGE, OUTAGE], None),
        ([FINE, OUTAGE, OUTAGE, OUTAGE, ("STARTED", None)], "it could not look 3 times running"),
        ([], None),
    ],
)
def test_who_cannot_look(history: Sequence[tuple[str, str | None]], said: str | None, sensor: Sensor) -> None:
    sensor.ticked(*history)
    found = blind(sensor.instance, graph())
    assert list(found) == ([] if said is None else ["judge_model_changed"])
    assert said is None or found["judge_model_changed"].why.startswith(said)
    assert "provider" not in str(found), "an error may quote a request"
    assert blind(sensor.instance, graph("elsewhere")) == {}
    assert blind(sensor.instance, graph(names=Names((), (), "q"))) == {}, "another project of the location"
    sensor.instance.update_instigator_state(sensor.state.with_status(InstigatorStatus.STOPPED))
    assert blind(sensor.instance, graph()) == {}


def test_every_sensor_and_schedule_is_looked_at(tmp_path: Path) -> None:
    found = build(projects.settings(tmp_path))
    assert {one.name for one in [*(found.sensors or ()), *(found.schedules or ())]} == set(TICKING)


def test_it_is_told_once_and_again_after_it_had_looked(sensor: Sensor, tmp_path: Path, hook: Receiver) -> None:
    project = daemon(tmp_path / "home", sensor.instance).graph.project
    cursor: str | None = None

    def tick() -> str:
        nonlocal cursor
        done = AlertsTick(project, sensor.instance, graph()).run(cursor)
        cursor = done.cursor
        return str(done.skip_reason)

    def beat() -> dict[str, Any]:
        return dict(json.loads((tmp_path / "home" / "heartbeat.json").read_text()))

    sensor.ticked(OUTAGE, OUTAGE)
    tick()
    assert hook.taken == []
    sensor.ticked(OUTAGE)
    hook.answers += [500]
    assert "answered 500" in tick(), "and is tried again"
    assert beat()["alerts_waiting"] == 1
    for _ in range(3):
        tick()
        sensor.ticked(OUTAGE)
    [body] = hook.taken
    assert body["sentence"].startswith("it could not look 3 times running")
    assert "shop_judge_model_changed cannot look: " in body["text"]
    assert body["runbook"] == "docs/runbook.md#judge_model_changed"
    sensor.ticked(FINE)
    tick()
    sensor.ticked(RED)
    tick()
    assert len(hook.taken) == 2
    assert hook.taken[0]["id"] != hook.taken[1]["id"], "a receiver may drop what it has seen"


def test_both_kinds_of_alerts_together_keep_to_the_posts_of_a_tick(
    sensor: Sensor, tmp_path: Path, hook: Receiver
) -> None:
    watch = daemon(tmp_path / "home", sensor.instance, most_posts=2)
    sensor.ticked(RED)
    for _ in range(5):
        watch.fails("judge_gate", "gate_verdict")
    checks = {dg.AssetCheckKey(dg.AssetKey("gate_verdict"), "judge_gate"): "it is open"}
    told = replace(graph(), checks=checks)
    done = AlertsTick(watch.graph.project, sensor.instance, told).run(None)
    assert "told 6 of 6 alerts" in str(done.skip_reason)
    assert [body["text"].partition(": ")[2].partition(":")[0] for body in hook.taken] == [
        "shop_judge_model_changed cannot look", "5 more alerts",
    ]  # fmt: skip
