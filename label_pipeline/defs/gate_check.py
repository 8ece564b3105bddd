"""Check `judge_gate` between two materialisations: it follows what may be labelled now, which changes without a run.

A suspension, a verdict that expired, an edited policy and its way back are no runs: without these evaluations the page
would show an open gate that is shut, or the other way round.
"""

from collections.abc import Mapping

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterInstance

from label_pipeline.defs.dagster_private import (
    AssetCheckEvaluationTargetMaterializationData,
    AssetCheckExecutionRecordStatus,
    EventLogRecord,
)
from label_pipeline.defs.names import Names
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.project import Project

CHECK = "judge_gate"

# a run's row of this check is PLANNED from its launch on, and for ever where it failed before it got there
PLANNED, SUCCEEDED, FAILED = (
    AssetCheckExecutionRecordStatus.PLANNED,
    AssetCheckExecutionRecordStatus.SUCCEEDED,
    AssetCheckExecutionRecordStatus.FAILED,
)


def gate_events(project: Project, instance: DagsterInstance, key: Names) -> list[AssetCheckEvaluation]:
    """What the check must say now, where that is not what it said last; nothing before the gate ever ran.

    Nothing either while a run is under way that will give the check: its answer would stand below one given meanwhile.

    Shut altogether: one failed evaluation, ERROR. Some collections shut since, others open: one failed evaluation each,
    WARN, so that an alert goes out, and a passed one after them, for a failed one would stop the open ones' labels too.
    Open again: a passed one.
    """
    asset = key("gate_verdict")
    last = _said_last(instance, dg.AssetCheckKey(asset, CHECK))
    looked_at = instance.fetch_materializations(asset, limit=1).records
    if last is None or not looked_at:
        return []
    standings = current_standings(project, "gate", project.collections())
    opened = sorted(name for name, standing in standings.items() if standing.open)
    reasons = {name: " ".join(standing.reasons) for name, standing in standings.items() if not standing.open}
    newly = sorted(_open_in(last) & set(reasons))
    events: list[AssetCheckEvaluation] = []
    if not opened and last.passed:
        told = f"open: no collection; {'; '.join(f'[{name}] {why}' for name, why in reasons.items())}"
        return [_evaluation(asset, looked_at[0], dg.AssetCheckSeverity.ERROR, told, opened, reasons)]
    if opened:
        warn = dg.AssetCheckSeverity.WARN
        events = [
            _evaluation(asset, looked_at[0], warn, f"[{name}] {reasons[name]}", opened, reasons) for name in newly
        ]
        if events or not last.passed or set(opened) != _open_in(last):
            told = f"open: {', '.join(opened)}"
            events.append(_evaluation(asset, looked_at[0], None, told, opened, reasons))
    return events


def _said_last(instance: DagsterInstance, check: dg.AssetCheckKey) -> AssetCheckEvaluation | None:
    """The newest evaluation; None without one, and while a run is under way that planned one."""
    executions = instance.event_log_storage
    for record in executions.get_asset_check_execution_history(check, limit=1, status={PLANNED}):
        run = instance.get_run_by_id(record.run_id)
        if run is not None and not run.is_finished:
            return None
    for record in executions.get_asset_check_execution_history(check, limit=1, status={SUCCEEDED, FAILED}):
        return record.evaluation
    return None


def _open_in(evaluation: AssetCheckEvaluation) -> set[str]:
    """Collections that were open when ``evaluation`` was given."""
    held = evaluation.metadata.get("open")
    value = held.value if held is not None else None
    return set(map(str, value)) if isinstance(value, list) else set()


def _evaluation(
    asset: dg.AssetKey, newest: EventLogRecord, severity: dg.AssetCheckSeverity | None, told: str, opened: list[str],
    reasons: Mapping[str, str],
) -> AssetCheckEvaluation:  # fmt: skip
    """Passed where there is no severity."""
    return AssetCheckEvaluation(
        asset_key=asset, check_name=CHECK, passed=severity is None, severity=severity or dg.AssetCheckSeverity.ERROR,
        description=told,
        metadata={
            "open": dg.MetadataValue.json(opened),
            "closed": dg.MetadataValue.json({name: [why] for name, why in reasons.items()}),
        },
        target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
            storage_id=newest.storage_id, run_id=newest.run_id, timestamp=newest.timestamp
        ),
        blocking=True,
    )  # fmt: skip
