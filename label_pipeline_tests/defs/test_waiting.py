"""A label day sent by batch in Dagster: the run ends well, its partition stays empty, and a later one fills it."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from label_pipeline.defs.alerts.heartbeat import standing_facts
from label_pipeline.operations.project import Project
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import DAYS, PAIRS_A_DAY, Graph, graph
from label_pipeline_tests.small_project import serving


@pytest.fixture
def by_batch(
    certified_home: Path, world: SampleWorld, instance: dg.DagsterInstance, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Graph]:  # fmt: skip
    """The certified project, which sends by batch to a provider of its own, which answers at the second look."""
    home = projects.copied(certified_home, tmp_path / "home")
    endpoints = projects.data(home)["endpoints"]
    endpoints["rehearsal"]["batch"] = {"canary_pairs": 0}
    found = projects.settings(home, endpoints=endpoints, amplify={"cap_usd": 1, "send": "batch"})
    with serving(world, monkeypatch):  # another test's batch of the same requests would be another machine's
        yield graph(found, instance, projects.LATER)


def filled(project: Graph) -> set[str]:
    return set(project.instance.get_materialized_partitions(dg.AssetKey("amplified_labels")))


def test_a_day_that_waits_is_no_failure_and_no_materialisation(by_batch: Graph) -> None:
    for _ in range(2):
        result = by_batch.job("nightly_amplification", DAYS[0])
        assert result.success, projects.failure_of(result)
        assert filled(by_batch) == set()
        [event] = [one for one in result.all_events if one.event_type == dg.DagsterEventType.ASSET_OBSERVATION]
        told = event.asset_observation_data.asset_observation
        assert told.partition == DAYS[0]
        assert f"waiting, 0 of {PAIRS_A_DAY}" in str(told.metadata["waiting"].value)
        checked = [one.check_name for one in result.get_asset_check_evaluations()]
        assert "labels_missing_from_run" not in checked, "what is not there yet is not checked"
    assert by_batch.job("nightly_amplification", DAYS[0]).success
    assert filled(by_batch) == {DAYS[0]}
    assert by_batch.project.store("rank").read("labels").height == PAIRS_A_DAY
    assert by_batch.job("nightly_amplification", DAYS[1]).success
    amplify = by_batch.project.settings.amplify.model_copy(update={"catch_up_nights": 60})
    project = Project(by_batch.project.settings.model_copy(update={"amplify": amplify}), by_batch.project.clock)
    beat = standing_facts(project)
    assert (beat["waiting_days"], beat["missed_nights"]) == ([DAYS[1]], [DAYS[2]]), "a day that waits is not missed"


def test_the_sensor_asks_for_days_that_wait_and_for_no_others(by_batch: Graph) -> None:
    sensor = by_batch.definitions.resolve_sensor_def("waiting_batches")
    cursor: str | None = None
    asked: list[list[str | None]] = []
    keys: list[str | None] = []
    for _ in range(4):
        context = dg.build_sensor_context(
            instance=by_batch.instance, cursor=cursor, definitions=by_batch.definitions,
            resources={"project": by_batch.project},
        )  # fmt: skip
        tick = sensor.evaluate_tick(context)
        cursor = tick.cursor
        asked.append([request.partition_key for request in tick.run_requests or []])
        keys += [request.run_key for request in tick.run_requests or []]
        assert asked[-1] or "no label day waits" in str(tick.skip_message)
        result = by_batch.job("nightly_amplification", DAYS[0])
        assert result.success, projects.failure_of(result)
    assert asked == [[], [DAYS[0]], [DAYS[0]], []]
    assert len(set(keys)) == len(keys), "a run key that was there before makes no run"
