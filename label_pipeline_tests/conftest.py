"""What every test shares: no environment leaks in, no telemetry leaks out."""

import os

import pytest

# before any library reads them
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

LEAKS = ("LABEL_PIPELINE_CONFIG", "LABEL_PIPELINE_HOME", "DAGSTER_HOME", "OPENAI_API_KEY", "OPENAI_BASE_URL")

# A developer's own settings and keys must not change what a test sees. Here and not in a fixture: one of a session runs
# before those of a test, and two workers that make the databases of one DAGSTER_HOME at a time spoil them.
for leak in (*LEAKS, *(name for name in os.environ if name.lower().endswith("_proxy"))):
    os.environ.pop(leak, None)

# the environment above comes before whatever reads it
from label_pipeline_tests.small_fixtures import (  # noqa: E402
    baselined_home,
    certified_home,
    certified_small,
    provider,
    provider_url,
    world,
)

__all__ = ["baselined_home", "certified_home", "certified_small", "provider", "provider_url", "world"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests begin first, so that the workers, who take whole files, end at the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)  # stable: the order within a file stays
