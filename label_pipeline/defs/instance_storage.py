"""Dagster's own files in folders that count from DAGSTER_HOME, wherever a process starts: the classes of dagster.yaml.

Dagster's classes take a relative folder from the working folder: the page started here and the command line started
there would each have a history of their own. Keep out: everything else, for Dagster loads this first.
"""

import os
from pathlib import Path
from typing import Any

from label_pipeline.defs.dagster_private import (
    ConfigurableClassData,
    DagsterSqliteStorage,
    LocalArtifactStorage,
    LocalComputeLogManager,
)


def _in_home(config: dict[str, Any]) -> dict[str, Any]:
    """``config`` with its ``base_dir`` counted from DAGSTER_HOME."""
    return {**config, "base_dir": str(Path(os.environ.get("DAGSTER_HOME") or Path.cwd()) / config["base_dir"])}


class HomeStorage(DagsterSqliteStorage):
    """Runs, events, schedules and sensors."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "HomeStorage":
        """From dagster.yaml."""
        return cls.from_local(inst_data=inst_data, **_in_home(config_value))


class HomeComputeLogs(LocalComputeLogManager):
    """What steps print."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "HomeComputeLogs":
        """From dagster.yaml."""
        return cls(inst_data=inst_data, **_in_home(config_value))


class HomeArtifacts(LocalArtifactStorage):
    """What steps hand on in files: nothing here, but Dagster wants a place for it."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "HomeArtifacts":
        """From dagster.yaml."""
        return cls(inst_data=inst_data, **_in_home(config_value))
