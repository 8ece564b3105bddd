"""From Dagster's event log to alerts: every failed check evaluation and every failed run of this graph, in order.

What an alert quotes is chosen here: the description of a check, or the sentence of an error that quotes no text. Never
metadata, which shows offending rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, urlencode

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterEventType, DagsterInstance, EventLogEntry

from label_pipeline.adapters.webhook import Alert
from label_pipeline.core.errors import (
    BudgetError,
    BusyError,
    GateClosedError,
    NotApplicableError,
    PromptError,
    SettingsError,
)
from label_pipeline.defs.dagster_private import JobFailureData, SqlRunStorage
from label_pipeline.defs.names import Names

PAGE = 1000
"""Events of one kind read per tick; what is past them waits for the next tick."""

RUN_FAILED = "run_failed"
"""Section of the runbook for runs that failed."""

SUMMED_UP = "more_alerts"
"""Section of the runbook for the sum of what was not told one by one."""

QUOTABLE = {
    error.__name__
    for error in (BudgetError, BusyError, GateClosedError, NotApplicableError, PromptError, SettingsError)
}
"""Errors whose sentences are our own words, names and figures. Others may quote a provider, which may quote a request,
or a library, which may quote a row."""


@dataclass(frozen=True)
class Graph:
    """What belongs to this project on an instance that others may share.

    Attributes:
        names: what the project is called.
        checks: check key: what the check is about.
        assets: keys of its assets.
        jobs: names of its jobs in Dagster.
        instance_id: tells instances apart, whose event ids would collide.
        location: code location; None where the graph was not loaded from one.
        page_url: the Dagster page.
        runbook_url: the runbook.
    """

    names: Names
    checks: Mapping[dg.AssetCheckKey, str]
    assets: frozenset[dg.AssetKey]
    jobs: frozenset[str]
    instance_id: str
    location: str | None
    page_url: str
    runbook_url: str

    def link(self, path: str) -> str:
        """An address of the Dagster page."""
        return f"{self.page_url.rstrip('/')}/{path}"

    def runbook(self, section: str) -> str:
        """The section of the runbook."""
        return f"{self.runbook_url}#{section}"


def instance_id(instance: DagsterInstance) -> str:
    """A name that another instance does not have."""
    storage = instance.run_storage
    return storage.get_run_storage_id() if isinstance(storage, SqlRunStorage) else type(storage).__name__


class Notice(NamedTuple):
    """An alert and the event it stems from."""

    event_id: int
    alert: Alert


class Notices(NamedTuple):
    """What was found, oldest first, and the id of the last event that was looked at."""

    found: list[Notice]
    through: int


def notices(instance: DagsterInstance, graph: Graph, after: int, since: datetime) -> Notices:
    """Every failure of ``graph`` in events newer than ``after``.

    Args:
        instance: whose event log is read.
        graph: what belongs to the project.
        after: event id (storage id in the event log) up to which everything was handled; -1 reads from the beginning.
        since: older events are looked at and not told.
    """
    entries: dict[int, EventLogEntry] = {}
    horizons = []
    for kind in (DagsterEventType.ASSET_CHECK_EVALUATION, DagsterEventType.RUN_FAILURE):
        read = instance.event_log_storage.get_logs_for_all_runs_by_log_id(after, kind, limit=PAGE)
        entries |= read
        if len(read) == PAGE:
            horizons.append(max(read))
    through = min(horizons) if horizons else max(entries, default=after)
    ordered = [(at, entries[at]) for at in sorted(entries) if at <= through]
    told = [(at, _alert(at, entry, instance, graph)) for at, entry in ordered if entry.timestamp >= since.timestamp()]
    return Notices([Notice(at, alert) for at, alert in told if alert is not None], through)


def summed_up(left: Sequence[Notice], graph: Graph) -> Alert:
    """One alert for all of ``left``, with their number by title."""
    counts: dict[str, int] = {}
    for notice in left:
        counts[notice.alert.title] = counts.get(notice.alert.title, 0) + 1
    listed = "; ".join(f"{title} ({count} times)" if count > 1 else title for title, count in counts.items())
    severity = "ERROR" if any(notice.alert.severity == "ERROR" for notice in left) else "WARN"
    return Alert(
        alert_id=f"{left[0].alert.alert_id}+{len(left) - 1}",
        title=f"{len(left)} more alerts",
        sentence=listed,
        severity=severity,
        link=graph.link("runs"),
        runbook=graph.runbook(SUMMED_UP),
    )


def _alert(event_id: int, entry: EventLogEntry, instance: DagsterInstance, graph: Graph) -> Alert | None:
    event = entry.get_dagster_event()
    name = f"{graph.instance_id}:{event_id}"
    if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
        return _of_check(name, event.asset_check_evaluation_data, entry.run_id, graph)
    return _of_run(name, event, entry.run_id, instance, graph)


def _of_check(name: str, evaluation: AssetCheckEvaluation, run_id: str, graph: Graph) -> Alert | None:
    key = evaluation.asset_check_key
    if evaluation.passed or key not in graph.checks:
        return None
    asset = "/".join(key.asset_key.path)
    path = "/".join(quote(part, safe="") for part in key.asset_key.path)
    place = urlencode({"view": "checks", "checkDetail": key.name})
    return Alert(
        alert_id=name,
        title=f"check {key.name} of {asset} failed",
        sentence=evaluation.description or f"expected: {graph.checks[key]}",
        severity=evaluation.severity.value,
        link=graph.link(f"assets/{path}?{place}"),
        runbook=graph.runbook(key.name),
        asset=asset,
        check=key.name,
        run_id=run_id or None,
    )


def _of_run(name: str, event: dg.DagsterEvent, run_id: str, instance: DagsterInstance, graph: Graph) -> Alert | None:
    run = instance.get_run_by_id(run_id)
    if run is None or not graph.names.ours(run, graph.jobs, graph.assets):
        return None
    data = event.event_specific_data  # None where the run was failed from outside: killed, or past its longest time
    failure = data.first_step_failure_event if isinstance(data, JobFailureData) else None
    sentence = "it ended before its first step, or its process was killed; its page has the log"
    if failure is not None:
        step = failure.step_failure_data
        if step.error is not None and step.error.cls_name == "DagsterAssetCheckFailedError":
            return None  # the check has its own alert
        error = step.user_failure_data
        label = error.metadata.get("error") if error is not None else None
        kind = str(label.value) if label is not None else "an unexpected error"
        sentence = (
            str(error.description)
            if error is not None and kind in QUOTABLE
            else f"step {failure.step_key}: {kind}; its words are in the page of the run only, they may quote a text"
        )
    job = "assets" if run.job_name.startswith("__") else f"job {run.job_name}"
    return Alert(
        alert_id=name,
        title=f"run {run_id[:8]} of {job} failed",
        sentence=sentence,
        severity="ERROR",
        link=graph.link(f"runs/{quote(run_id, safe='')}"),
        runbook=graph.runbook(RUN_FAILED),
        run_id=run_id,
    )
