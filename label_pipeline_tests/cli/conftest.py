"""A stranger's project on generated files, providers that know its grades, and the project with an open verdict."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from label_pipeline.rehearsal.faults import ScriptedFaults
from label_pipeline.rehearsal.protocol import Model
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.recorded import recorded_models
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Shell
from label_pipeline_tests.cli.own_data import GOOD, KEY, KEY_VARIABLE, MODELS, OwnData
from label_pipeline_tests.templates import once

Serve = Callable[..., str]
"""Starts a provider for the test and returns its base URL."""


@pytest.fixture(scope="session")
def data() -> OwnData:
    return own_data.generate()


@pytest.fixture(scope="session")
def recorded(data: OwnData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Parquet file of what every judge says."""
    path = tmp_path_factory.mktemp("recorded") / "recorded.parquet"
    data.recorded.write_parquet(path)
    return path


@pytest.fixture(scope="session")
def models(recorded: Path) -> dict[str, Model]:
    """The judges, by name."""
    return {model.name: model for model in recorded_models(recorded, "query", "passage", MODELS)}


@pytest.fixture
def serve(models: dict[str, Model]) -> Iterator[Serve]:
    """Starts a provider of the recorded judges, or of the ones given, with scripted faults."""
    with ExitStack() as stack:

        def start(*others: Model, faults: ScriptedFaults | None = None, port: int = 0) -> str:
            app = make_app(others or list(models.values()), api_key=KEY, faults=faults)
            return stack.enter_context(running_provider(app, port=port))

        yield start


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A terminal in an empty folder, the key exported."""
    return Shell(tmp_path, {KEY_VARIABLE: KEY})


@pytest.fixture(scope="session")
def certified_folder(data: OwnData, models: dict[str, Model], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose good judge has an open verdict and nothing is labelled. Copy it, do not use it."""

    def make(folder: Path) -> None:
        with running_provider(make_app(list(models.values()), api_key=KEY)) as url:
            config = own_data.fill(folder / "company", data, url, model=GOOD)
            done = Shell(folder, {KEY_VARIABLE: KEY}).here("run", "--config", config, "--until", "gate")
            assert done.code == 0, done.said

    return once(tmp_path_factory, "company", make) / "company"


@pytest.fixture
def certified(certified_folder: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copies that project to a folder of its own, pointed at a provider; returns its settings file."""

    def copy(base_url: str, **endpoint: object) -> Path:
        folder = tmp_path / "company"
        shutil.copytree(certified_folder, folder)
        own_data.point_at(folder / "settings.yaml", base_url, **endpoint)
        return folder / "settings.yaml"

    return copy
