"""When jobs run by themselves. What spends is off until someone turns it on in the page.

When to add here: a job that a clock should launch.
"""

from collections.abc import Mapping
from datetime import UTC, timedelta

import dagster as dg

from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.defs.dagster_private import UnresolvedAssetJobDefinition
from label_pipeline.defs.names import Names
from label_pipeline.operations.amplify_finished import nights_missed
from label_pipeline.operations.project import Project
from label_pipeline.settings import Settings


def schedules(
    settings: Settings, key: Names, jobs: Mapping[str, UnresolvedAssetJobDefinition], upkeep: dg.JobDefinition
) -> list[dg.ScheduleDefinition]:
    """``nightly``: yesterday's candidates; ``anchor``: the judge on its anchor; ``upkeep``. At the settings' crons."""

    @dg.schedule(
        name=key.of("nightly"),
        job=jobs["nightly_amplification"],
        cron_schedule=settings.amplify.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Labels the day that ended, and nights that were missed. Off until turned on: it spends.",
    )
    def nightly_schedule(
        context: dg.ScheduleEvaluationContext, project: dg.ResourceParam[Project]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        day = context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
        if day < settings.days.start or (settings.days.end is not None and day > settings.days.end):
            return dg.SkipReason(f"{day} is not among the project's days {settings.days.start} .. {settings.days.end}")
        tonight = dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())
        try:
            missed = nights_missed(project, day)
        except LabelPipelineError as error:  # tonight's run meets the same trouble, and says so where it is looked for
            context.log.warning(f"missed nights are not known: {error}")
            missed = []
        # the run key holds the night that asks: a gap is asked for again every night until it is closed
        again = [
            dg.RunRequest(run_key=f"{day}:{gap}", partition_key=gap.isoformat(), tags={"missed_night": "made up"})
            for gap in missed
        ]
        return [*again, tonight]

    anchor = dg.ScheduleDefinition(
        name=key.of("anchor"),
        job=jobs["anchor_watch"],
        cron_schedule=settings.anchor.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Asks the certified judge about its anchor. Off until turned on: it spends.",
    )
    tidying = dg.ScheduleDefinition(
        name=key.of("upkeep"),
        job=upkeep,
        cron_schedule=settings.maintain.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compacts and vacuums the tables. On: it is free, and nights grow dear without it.",
    )
    return [nightly_schedule, anchor, tidying]
