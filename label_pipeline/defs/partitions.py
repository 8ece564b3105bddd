"""The daily partitions of candidates, from the project's first (and last) day.

When to add here: another way to cut the candidates.
"""

from datetime import timedelta

import dagster as dg

from label_pipeline.settings import Settings


def daily(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Days (UTC) by ``candidates.arrived_on``; the end, when set, is the last day included."""
    end = settings.days.end
    return dg.DailyPartitionsDefinition(
        start_date=settings.days.start.isoformat(),
        end_date=None if end is None else (end + timedelta(days=1)).isoformat(),
    )
