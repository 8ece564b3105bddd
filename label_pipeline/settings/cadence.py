"""How often a schedule fires: what a yearly share of false warnings is divided by.

Keep out: when a schedule is turned on (the page), what it launches (defs/schedules.py).
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

MOST = 366 * 24
"""Counting stops at once an hour: no judge is asked more often about its anchor."""

_YEAR = 2028
"""Any leap year."""


def _readable(cron: str) -> str:
    times_a_year(cron)
    return cron


def times_a_year(cron: str) -> int:
    """How often ``cron`` fires in a year of 366 days, counted up to ``MOST``.

    Raises:
        ValueError: no such schedule, or one that does not fire every year.
    """
    return sum(tick.year == _YEAR for tick in _ticks(cron))


def longest_pause_days(cron: str) -> float:
    """Longest time between two ticks of ``cron``."""
    return max(later - before for before, later in pairwise(_ticks(cron))) / timedelta(days=1)


@lru_cache
def _ticks(cron: str) -> tuple[datetime, ...]:
    """The ticks of a year and the first after it, ``MOST`` of them at most."""
    found: list[datetime] = []
    try:
        for tick in islice(CronSim(cron, datetime(_YEAR - 1, 12, 31, 23, 59, tzinfo=UTC)), MOST):
            found.append(tick)
            if tick.year > _YEAR:
                break
    except CronSimError as error:
        raise ValueError(f"{cron!r} is no schedule of five fields (minute hour day month weekday): {error}") from None
    if len(found) < 2 or found[0].year > _YEAR:
        raise ValueError(f"{cron!r} does not fire every year; minute hour day month weekday, such as '0 4 * * 1'")
    return tuple(found)


Cron = Annotated[str, Field(pattern=r"^\S+( +\S+){4}$"), AfterValidator(_readable)]
