"""When jobs run by themselves. What spends is off until someone turns it on in the page.

When to add here: a job that a clock should launch.
"""

from collections.abc import Mapping
from datetime import UTC, timedelta

import dagster as dg

from label_pipeline.defs.dagster_private import UnresolvedAssetJobDefinition
from label_pipeline.defs.names import Names
from label_pipeline.settings import Settings


def schedules(
    settings: Settings, key: Names, jobs: Mapping[str, UnresolvedAssetJobDefinition]
) -> list[dg.ScheduleDefinition]:
    """``nightly``: yesterday's candidates; ``anchor``: the judge on its anchor. At the crons of the settings (UTC)."""

    @dg.schedule(
        name=key.of("nightly"),
        job=jobs["nightly_amplification"],
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

    anchor = dg.ScheduleDefinition(
        name=key.of("anchor"),
        job=jobs["anchor_watch"],
        cron_schedule=settings.anchor.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Asks the certified judge about its anchor. Off until turned on: it spends.",
    )
    return [nightly_schedule, anchor]
