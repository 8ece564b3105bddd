"""How often a schedule fires: what a yearly share of false warnings is divided by.

Keep out: when a schedule is turned on (the page), what it launches (defs/schedules.py), whether Dagster can read it: it
says so itself, and reads more than is counted here.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise

from cronsim import CronSim, CronSimError

MOST = 366 * 24
"""Counting stops at once an hour: no judge is asked more often about its anchor."""

DAILY = 366
"""What a schedule that cannot be counted is taken for."""

_YEAR, _LOOKED_AT = 2028, 60_000
"""Any leap year; ticks looked at, a year of every ten minutes."""


def times_a_year(cron: str) -> int:
    """How often ``cron`` fires in a leap year, up to ``MOST``; ``DAILY`` where it cannot be counted."""
    ticks = _ticks(cron)
    return min(sum(tick.year == _YEAR for tick in ticks), MOST) if ticks else DAILY


def longest_pause_days(cron: str) -> float | None:
    """Longest time between two ticks of ``cron``; None where it cannot be counted."""
    pauses = [later - before for before, later in pairwise(_ticks(cron))]
    return max(pauses) / timedelta(days=1) if pauses else None


@lru_cache
def _ticks(cron: str) -> tuple[datetime, ...]:
    """The ticks of a leap year and the first after it; none of a schedule that cronsim cannot read."""
    found: list[datetime] = []
    try:
        for tick in islice(CronSim(cron, datetime(_YEAR - 1, 12, 31, 23, 59, tzinfo=UTC)), _LOOKED_AT):
            found.append(tick)
            if tick.year > _YEAR:
                break
    except CronSimError:
        return ()
    return tuple(found)
