"""Which days `run` amplifies: those somebody asked for, else from the first to the last with candidates.

A day costs a quarter of a second even when nothing arrived on it, and a project without an end has many of them. Keep
out: the partitions themselves (defs/partitions.py).
"""

from datetime import date

from label_pipeline.adapters.files import read_rows
from label_pipeline.core.errors import SettingsError
from label_pipeline.defs.partitions import daily
from label_pipeline.operations.project import Project
from label_pipeline.stages import STAGES, seed


def refuse_unknown_days(project: Project, first_day: str | None, last_day: str | None) -> None:
    """Returns where these are days of the project, or None: a mistake is told before anything is spent.

    Raises:
        SettingsError: a day that is not among the project's, or the last before the first.
    """
    known = daily(project.settings).get_partition_keys()
    for name in (first_day, last_day):
        if name is not None and name not in known:
            days = f"{known[0]} .. {known[-1]} that have ended" if known else "of which none has ended yet"
            raise SettingsError(
                f"day {name!r} is not among the project's days {days} (settings: days); expected YYYY-MM-DD"
            )
    if first_day is not None and last_day is not None and first_day > last_day:
        raise SettingsError(f"--first-day {first_day} is after --last-day {last_day}; swap them")


def days_to_amplify(project: Project, first_day: str | None, last_day: str | None) -> tuple[str, str] | None:
    """First and last day to amplify; None when no day has ended yet.

    Raises:
        SettingsError: a day that is not among the project's, or the last before the first.
        InputError: the candidates cannot be read.
    """
    refuse_unknown_days(project, first_day, last_day)
    known = daily(project.settings).get_partition_keys()
    if not known:
        return None
    arrived = [day.isoformat() for day in _days_with_candidates(project)]
    held = [day for day in arrived if known[0] <= day <= known[-1]] or [known[-1]]
    first = first_day or min(*held, last_day or held[0])
    last = last_day or max(*held, first)
    if first > last:
        raise SettingsError(f"--first-day {first} is after --last-day {last}; swap them")
    return first, last


def _days_with_candidates(project: Project) -> set[date]:
    """Days the files or the table have candidates of: rows that left a file must leave the table too."""
    store, days = project.store(STAGES[-1]), project.settings.days
    found = seed.assemble_candidates(
        [read_rows(spec) for spec in project.input_specs("candidates")],
        store.read("queries"),
        store.read("documents"),
        pool_date=project.settings.inputs.pool_date,
        first_day=days.start,
        last_day=days.end,
    )
    return {*found.candidates["arrived_on"], *store.read("candidates")["arrived_on"]}
