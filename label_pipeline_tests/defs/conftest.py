"""An ephemeral Dagster instance, and the certified small project as a graph on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from label_pipeline_tests.defs import projects


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def certified(
    certified_home: Path, provider: projects.Provider, instance: dg.DagsterInstance, tmp_path: Path
) -> Callable[[], projects.Graph]:
    """Builds the graph over a copy of the certified home of its own."""
    home = projects.copied(certified_home, tmp_path / "home")
    return lambda: projects.graph(projects.settings(home), instance)
