"""The clock a run is about to spend by, compared with what the tables have seen.

An expired verdict is current again by a clock that was set back, and what it labels is booked into the past. Keep out:
what expires (stages/gate/standing.py).
"""

from datetime import datetime, timedelta

from label_pipeline.core.errors import ClockError
from label_pipeline.defs.project import Project

TOLERANCE = timedelta(minutes=5)
"""How far the clocks of two machines that write to the same tables may be apart."""


def refuse_clock_set_back(project: Project) -> None:
    """Raises where the project's clock is earlier than its newest decision or book.

    Raises:
        ClockError: by more than TOLERANCE.
    """
    now = project.clock()
    events = project.store("anchor").query("anchor/newest_events")
    for table, newest in events.iter_rows():
        if newest > now + TOLERANCE:
            raise ClockError(
                f"the clock says {_minute(now)} UTC, but table {table} has rows of {_minute(newest)} UTC, "
                f"{_apart(newest - now)} later: nothing was sent, because what has expired would look current. Set the "
                "clock right, then run again; if it was ahead when those rows were written, wait until it has passed "
                "them or start the project in another home"
            )


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def _apart(gap: timedelta) -> str:
    hours = gap / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
