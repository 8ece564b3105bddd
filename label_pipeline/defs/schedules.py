"""When jobs run by themselves. What spends is off until someone turns it on in the page.

Keep out: what a job does (jobs.py).
"""

from collections.abc import Sequence
from datetime import UTC, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from label_pipeline.settings import Settings


def schedules(settings: Settings, jobs: Sequence[UnresolvedAssetJobDefinition]) -> list[dg.ScheduleDefinition]:
    """``nightly``: yesterday's candidates, at the cron of the settings (UTC)."""
    nightly = next(job for job in jobs if job.name == "nightly_amplification")

    @dg.schedule(
        name="nightly",
        job=nightly,
        cron_schedule=settings.amplify.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Labels the day that ended. Off until turned on: it spends.",
    )
    def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
        if day < settings.days.start or (settings.days.end is not None and day > settings.days.end):
            return dg.SkipReason(f"{day} is not among the project's days {settings.days.start} .. {settings.days.end}")
        return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())

    return [nightly_schedule]
