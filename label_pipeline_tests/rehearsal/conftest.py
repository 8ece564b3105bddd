"""One sample world and its judges for all tests of the rehearsal.

Keep out: servers, which every test starts for itself.
"""

import pytest

from label_pipeline.rehearsal import SampleWorld, simulated_models
from label_pipeline.rehearsal.simulated import SimulatedModel
from label_pipeline_tests.templates import sample_world


@pytest.fixture(scope="session")
def world() -> SampleWorld:
    return sample_world()


@pytest.fixture(scope="session")
def judges(world: SampleWorld) -> dict[str, SimulatedModel]:
    return {model.name: model for model in simulated_models(world)}
