"""On a fresh instance of the sample project every watcher skips with its reason: no state, no provider, no error."""

from pathlib import Path

import dagster as dg
import pytest

from label_pipeline.core.errors import TableError
from label_pipeline.settings import HOME_VARIABLE, SAMPLE, load
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.sensors.ticking import Watch

SENSORS = {
    "judge_model_changed": "no judge with an open verdict yet: nothing to watch",
    "anchor_drifted": "no judge with an open verdict yet: nothing to watch",
    "new_human_labels": "no seed was loaded yet: run job recalibrate, or label-pipeline run",
}


@pytest.fixture
def fresh(instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    for name in ("LABEL_PIPELINE_PROVIDER", "LABEL_PIPELINE_PROVIDER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Watch(load(SAMPLE), instance)


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_fresh_instance_is_quiet(sensor: str, fresh: Watch, tmp_path: Path) -> None:
    for _ in range(2):
        tick = fresh.tick(sensor)
        assert (tick.asked, tick.told) == ((), SENSORS[sensor])
    assert not list(tmp_path.rglob("*")), "looking leaves nothing behind"


@pytest.mark.parametrize("sensor", SENSORS)
def test_watching_is_on_by_default_and_sends_no_chat_request(sensor: str, fresh: Watch) -> None:
    found = fresh.repository.get_sensor_def(fresh.names.of(sensor))
    assert found.default_status is dg.DefaultSensorStatus.RUNNING
    assert "Sends no chat request itself." in str(found.description)


def test_a_broken_table_is_a_failed_tick(fresh: Watch) -> None:
    log = fresh.settings.home_path / "tables" / "verdicts" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("{}")
    with pytest.raises(TableError, match="table verdicts"):
        fresh.tick("judge_model_changed")


def test_a_mistake_in_the_settings_is_a_sentence(fresh: Watch, instance: dg.DagsterInstance) -> None:
    lost = Watch(fresh.settings.model_copy(update={"rubric": "lost.yaml"}), instance)
    assert lost.tick("judge_model_changed").told.startswith("could not look: no file")


def test_the_sample_may_recalibrate_for_a_dollar_and_a_new_project_for_nothing() -> None:
    assert load(SAMPLE).watch.recalibration_cap_usd == 1
    assert projects.settings(Path()).watch.recalibration_cap_usd == 0
