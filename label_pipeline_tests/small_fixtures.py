"""The generated world, a provider that simulates its judges, and the small project with an open verdict.

Fixtures of every test (conftest.py imports them). Keep out: Dagster (defs/conftest.py).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project
from label_pipeline_tests.small_project import ANCHOR, KEY, TO_GATE, Provider, Small, copied, failure_of, watched
from label_pipeline_tests.templates import once, sample_world


@pytest.fixture(scope="session")
def world() -> SampleWorld:
    return sample_world()


@pytest.fixture(scope="session")
def provider_url(world: SampleWorld) -> Iterator[str]:
    with running_provider(make_app(simulated_models(world), api_key=KEY)) as url:
        yield url


@pytest.fixture
def provider(provider_url: str, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """The provider the small project's endpoint names."""
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", provider_url)
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    return Provider(provider_url)


@pytest.fixture(scope="session")
def certified_home(world: SampleWorld, provider_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose good judge has an open verdict, candidates loaded, nothing labelled. Copy it, do not use it."""

    def make(folder: Path) -> None:
        home = folder / "home"
        small_project.write_small_inputs(world, home)
        with _asking(provider_url):
            done = Small(small_project.settings(home)).run(*TO_GATE, "candidate_pairs")
        assert done.success, failure_of(done)

    return once(tmp_path_factory, "certified", make) / "home"


@pytest.fixture(scope="session")
def baselined_home(certified_home: Path, provider_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certified home whose judge has a complete anchor baseline of ``RUNS`` runs. Copy it, do not use it."""

    def make(folder: Path) -> None:
        home = copied(certified_home, folder / "home")
        with _asking(provider_url):
            done = watched(home).run(*ANCHOR)
        assert done.success, failure_of(done)

    return once(tmp_path_factory, "baselined", make) / "home"


@contextmanager
def _asking(url: str) -> Iterator[None]:
    """The environment names this provider while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABEL_PIPELINE_PROVIDER", url)
        patch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        yield


@pytest.fixture
def certified_small(certified_home: Path, provider: Provider, tmp_path: Path) -> Callable[[], Small]:
    """The small project over a copy of the certified home of its own."""
    home = copied(certified_home, tmp_path / "home")
    return lambda: Small(small_project.settings(home))
