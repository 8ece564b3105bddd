"""A certified home to copy, a provider with a dial, and the watched project over both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from label_pipeline.rehearsal.simulated import SimulatedModel, simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.sensors import ticking
from label_pipeline_tests.defs.sensors.ticking import KEY, Dial, Watch
from label_pipeline_tests.templates import once


@pytest.fixture(scope="session")
def models(world: SampleWorld) -> list[SimulatedModel]:
    return simulated_models(world)


@pytest.fixture(scope="session")
def watched_home(world: SampleWorld, models: list[SimulatedModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose judge has an open verdict under the loose gate. Copy it, do not use it."""

    def make(folder: Path) -> None:
        with ticking.dialled(models, Dial()) as url:
            ticking.certify(world, folder / "home", url)

    return once(tmp_path_factory, "watched", make) / "home"


@pytest.fixture
def dial(models: list[SimulatedModel], monkeypatch: pytest.MonkeyPatch) -> Iterator[Dial]:
    """A provider of this test's own, named by the environment."""
    found = Dial()
    with ticking.dialled(models, found) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        yield found


@pytest.fixture
def watch(watched_home: Path, dial: Dial, instance: dg.DagsterInstance, tmp_path: Path) -> Callable[..., Watch]:
    """Builds the watched project over a copy of its own; keywords are changes of its settings."""
    home = projects.copied(watched_home, tmp_path / "home")
    return lambda **changes: Watch(ticking.watched_settings(home, **changes), instance)
