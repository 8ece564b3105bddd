"""The generated world, a provider that simulates its judges, and the small project with an open verdict."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.templates import once, sample_world

KEY = "a key of this test run"


@pytest.fixture(scope="session")
def world() -> SampleWorld:
    return sample_world()


@pytest.fixture(scope="session")
def provider_url(world: SampleWorld) -> Iterator[str]:
    with running_provider(make_app(simulated_models(world), api_key=KEY)) as url:
        yield url


@pytest.fixture
def provider(provider_url: str, monkeypatch: pytest.MonkeyPatch) -> projects.Provider:
    """The provider the small project's endpoint names."""
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", provider_url)
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    return projects.Provider(provider_url)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture(scope="session")
def certified_home(world: SampleWorld, provider_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose good judge has an open verdict, candidates loaded, nothing labelled. Copy it, do not use it."""

    def make(folder: Path) -> None:
        home = folder / "home"
        projects.write_small_inputs(world, home)
        with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
            patch.setenv("LABEL_PIPELINE_PROVIDER", provider_url)
            patch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
            graph = projects.graph(projects.settings(home), instance)
            done = graph.run(*projects.TO_GATE)
            assert done.success, projects.failure_of(done)
            assert graph.run("candidate_pairs", tags=projects.ALL_DAYS).success

    return once(tmp_path_factory, "certified", make) / "home"


@pytest.fixture
def certified(
    certified_home: Path, provider: projects.Provider, instance: dg.DagsterInstance, tmp_path: Path
) -> Callable[[], projects.Graph]:
    """Builds the graph over a copy of the certified home of its own."""
    home = projects.copied(certified_home, tmp_path / "home")
    return lambda: projects.graph(projects.settings(home), instance)


@pytest.fixture(scope="session")
def baselined_home(certified_home: Path, provider_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certified home whose judge has a complete anchor baseline of ``anchored.RUNS`` runs. Copy it, do not use it."""
    from label_pipeline_tests.defs import anchored

    def make(folder: Path) -> None:
        home = projects.copied(certified_home, folder / "home")
        with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
            patch.setenv("LABEL_PIPELINE_PROVIDER", provider_url)
            patch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
            done = anchored.graph_at(home, instance).run(*anchored.ANCHOR)
            assert done.success, projects.failure_of(done)

    return once(tmp_path_factory, "baselined", make) / "home"
