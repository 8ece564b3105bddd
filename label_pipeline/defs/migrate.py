"""Move a project's history to keys of its own: the newest materialisation and check of every asset and partition again.

Nothing is run and nothing is spent: what Dagster knows is told once more under the new key. Runs, older events, ticks
and switches stay where they are. When to add here: another kind of event the page shows of an asset.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterEventType, DagsterInstance

from label_pipeline.defs.dagster_private import (
    AssetCheckEvaluationTargetMaterializationData,
    AssetCheckExecutionRecordStatus,
    EventLogRecord,
)
from label_pipeline.defs.names import PROJECT, Names

MOVED_FROM, HAPPENED = "moved from", "materialised"
"""Metadata of an event told again: its old key, and when it really was."""

ENDED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


@dataclass(frozen=True)
class Moved:
    """What was told again, and what stays behind.

    Attributes:
        materialisations: told again, partitions counted one by one.
        checks: check results told again.
        behind: assets, old keys: why their newest event was not told again.
    """

    materialisations: int
    checks: int
    behind: dict[str, str]


def unknown(
    instance: DagsterInstance, old: Names, new: Names, definitions: dg.Definitions, runs: Collection[str]
) -> list[str]:
    """The assets, by their old keys, with a newest event of a run that nobody knows as this or another project's."""
    graph = definitions.resolve_asset_graph()
    return [
        old(key.path[-1]).to_user_string()
        for key in graph.toposorted_asset_keys
        for event in _newest(instance, old(key.path[-1]), partitioned=graph.get(key).is_partitioned)
        if _owner(instance, event.run_id) is None and event.run_id not in runs
    ]


def move(
    instance: DagsterInstance,
    old: Names,
    new: Names,
    definitions: dg.Definitions,
    runs: Collection[str],
    *,
    everything: bool,
) -> Moved:
    """Tells what is known of every asset under ``old`` again under ``new``; what is there already stays.

    Args:
        instance: whose history it is.
        old: the names so far.
        new: the names from now on.
        definitions: of the project, under ``new``.
        runs: ids of runs that are known to be this project's: other projects may have used the same keys.
        everything: take events also where nothing says whose run they are of.
    """
    graph = definitions.resolve_asset_graph()
    materialisations, checks, behind = 0, 0, {}
    for key in graph.toposorted_asset_keys:
        name = key.path[-1]
        events = list(_newest(instance, old(name), partitioned=graph.get(key).is_partitioned))
        ours = [event for event in events if _is_ours(instance, event.run_id, new, runs, everything)]
        if len(ours) < len(events):
            behind[old(name).to_user_string()] = (
                f"{len(events) - len(ours)} events of runs nobody knows as this project's"
            )
        told = {event.partition_key for event in _newest(instance, key, partitioned=graph.get(key).is_partitioned)}
        for event in ours:
            if event.partition_key not in told:
                instance.report_runless_asset_event(_again(event, key, old(name), new.project))
                materialisations += 1
        for check in graph.get_check_keys_for_assets({key}):
            if _check_again(instance, dg.AssetCheckKey(old(name), check.name), check, new, runs, everything):
                checks += 1
    return Moved(materialisations, checks, behind)


def _newest(instance: DagsterInstance, key: dg.AssetKey, *, partitioned: bool) -> Iterator[EventLogRecord]:
    """The newest materialisation of an asset, or of each of its partitions, oldest first."""
    if not partitioned:
        yield from instance.fetch_materializations(key, limit=1).records
        return
    ids = instance.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION).values()
    if ids:
        wanted = dg.AssetRecordsFilter(key, storage_ids=list(ids))
        yield from instance.fetch_materializations(wanted, limit=len(ids), ascending=True).records


def _is_ours(instance: DagsterInstance, run_id: str, names: Names, runs: Collection[str], everything: bool) -> bool:
    owner = _owner(instance, run_id)
    return owner == names.project if owner is not None else everything or run_id in runs


def _owner(instance: DagsterInstance, run_id: str) -> str | None:
    """The project a run says it is of; None where it says none."""
    run = instance.get_run_by_id(run_id)
    return run.tags.get(PROJECT) if run is not None else None


def _again(event: EventLogRecord, key: dg.AssetKey, old: dg.AssetKey, project: str) -> dg.AssetMaterialization:
    found = event.asset_materialization
    assert found is not None  # a materialisation was asked for
    about: dict[str, dg.MetadataValue] = {
        MOVED_FROM: dg.MetadataValue.text(old.to_user_string()), HAPPENED: dg.MetadataValue.timestamp(event.timestamp),
        PROJECT: dg.MetadataValue.text(project),
    }  # fmt: skip
    # how it was made of its inputs is told in their old keys: without it Dagster calls nothing stale that was not
    tags = {name: value for name, value in (found.tags or {}).items() if name == "dagster/data_version"}
    return dg.AssetMaterialization(
        key, description=found.description, metadata={**found.metadata, **about}, partition=found.partition, tags=tags
    )


def _check_again(
    instance: DagsterInstance, old: dg.AssetCheckKey, new: dg.AssetCheckKey, names: Names, runs: Collection[str],
    everything: bool,
) -> bool:  # fmt: skip
    """Tells the newest result of one check again, on the materialisation told again."""
    history = instance.event_log_storage.get_asset_check_execution_history
    if history(new, limit=1, status=ENDED):
        return False
    newest = instance.fetch_materializations(new.asset_key, limit=1).records
    for record in history(old, limit=1, status=ENDED):
        found = record.evaluation
        ours = not record.run_id or _is_ours(instance, record.run_id, names, runs, everything)
        if found is None or not newest or not ours:
            return False
        on = AssetCheckEvaluationTargetMaterializationData(
            storage_id=newest[0].storage_id, run_id=newest[0].run_id, timestamp=newest[0].timestamp
        )
        instance.report_runless_asset_event(
            AssetCheckEvaluation(
                asset_key=new.asset_key, check_name=new.name, passed=found.passed, severity=found.severity,
                description=found.description, metadata=found.metadata, target_materialization_data=on,
                blocking=found.blocking,
            )
        )  # fmt: skip
        return True
    return False
