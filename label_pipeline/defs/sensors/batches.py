"""Sensor `waiting_batches`: asks for the label days whose batches were sent and not collected yet.

It looks on this machine's disk only; the run it asks for asks the provider. Keep out: what collecting does
(operations/batches.py).
"""

import dagster as dg

from label_pipeline.defs.dagster_private import UnresolvedAssetJobDefinition
from label_pipeline.defs.names import Names
from label_pipeline.defs.sensors.tick import REASON, Tick
from label_pipeline.operations.batches import days_waiting
from label_pipeline.operations.project import Project
from label_pipeline.settings import Settings

NIGHTLY = "nightly_amplification"
"""The job that collects: it labels a day."""


def batch_sensor(settings: Settings, key: Names, nightly: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """The sensor, at the pace of `amplify.collect_every_s`. Off until turned on: a run may send what is left."""

    @dg.sensor(
        name=key.of("waiting_batches"),
        job=nightly,
        minimum_interval_seconds=settings.amplify.collect_every_s,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Asks for the days that wait for a batch, so that replies are labelled before the next night. Off "
        "until turned on: a run may send by batch, within amplify.cap_usd, what a batch left without a reply.",
    )
    def sensor(context: dg.SensorEvaluationContext, project: dg.ResourceParam[Project]) -> dg.SensorResult:
        if busy := Tick(project, context.instance, key).under_way(NIGHTLY):
            return dg.SensorResult(
                skip_reason=f"run {busy} of job {NIGHTLY} is under way: looks again when it has ended"
            )
        days = days_waiting(project)
        if not days:
            return dg.SensorResult(skip_reason="no label day waits for a batch on this machine")
        looked = int(context.cursor or 0) + 1  # names the look: a day is asked for again until it is collected
        requests = [
            dg.RunRequest(
                run_key=f"batch:{day}:{looked}", partition_key=day.isoformat(),
                tags={**key.tags, REASON: f"{day} waits for a batch"},
            )
            for day in days
        ]  # fmt: skip
        return dg.SensorResult(run_requests=requests, cursor=str(looked))

    return sensor
