"""Every name of Dagster's own that is not public, each with the reason why there is no other way.

Private names move without notice: pyproject.toml pins dagster below 1.14, and whoever raises that looks here. When to
add here: only where no public name does it.
"""

# the target of a check evaluation given outside a run: without it the page shows it beside no materialisation
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

# define_asset_job's return type: sensors and schedules take it, the public name JobDefinition is another class
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# the type of an instance's materialisation records, in signatures
from dagster._core.event_api import EventLogRecord

# what a failed run's event carries: which step failed first, and with what
from dagster._core.events import JobFailureData

# states of ticks and of sensors and schedules: failing ones are red in the page and told nowhere
from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorTick, TickStatus

# a check planned by a run under way is told from one that was evaluated only by this state
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

# what dagster.yaml names: public by name in its docs, not importable from the public module
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage

# the identity of an instance, so that event ids of two are not mixed up
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

__all__ = [
    "AssetCheckEvaluationTargetMaterializationData", "AssetCheckExecutionRecordStatus", "ConfigurableClassData",
    "DagsterSqliteStorage", "EventLogRecord", "InstigatorStatus", "InstigatorTick", "JobFailureData",
    "LocalArtifactStorage", "LocalComputeLogManager", "SqlRunStorage", "TickStatus", "UnresolvedAssetJobDefinition",
]  # fmt: skip
