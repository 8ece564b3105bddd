"""Whether a wanted run was asked for before, and whether it may be asked for again.

One occasion is asked for once, and not at all where a verdict has answered it. A run that failed without reaching one
(an outage) is tried once more after a pause; after that it takes a person, or something new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from label_pipeline.stages.watch.requests import WantedRun

Outcome = Literal["under way", "succeeded", "failed", "cancelled"]

RETRY = ":again"
"""Ends the run key of the one further try."""


@dataclass(frozen=True)
class Attempt:
    """A run that was asked for.

    Attributes:
        run_id: the run.
        run_key: the occasion it was asked for.
        outcome: what became of it.
        ended_at: when (UTC); None while it is under way.
    """

    run_id: str
    run_key: str
    outcome: Outcome
    ended_at: datetime | None


@dataclass(frozen=True)
class Due:
    """Whether a wanted run is to be asked for now.

    Attributes:
        run_key: key of the run to ask for now; None = do not ask.
        sentence: why not, or why again; empty for a first time.
    """

    run_key: str | None
    sentence: str = ""


def due(
    wanted: WantedRun, attempts: Sequence[Attempt], *, answered: bool, now: datetime, retry_after: timedelta
) -> Due:
    """Whether ``wanted`` is to be asked for now.

    Args:
        wanted: the run.
        attempts: every run ever asked for on this occasion, oldest first.
        answered: a verdict was reached since, whoever asked: another one would spend a look on the same question.
        now: current time (UTC).
        retry_after: pause before the one further try.
    """
    last = attempts[-1] if attempts else None
    if last is not None and last.outcome == "under way":
        return Due(None, f"run {last.run_id} of job {wanted.job} is under way")
    if answered:
        return Due(None, "the gate has decided since and nothing opened: see gate_verdict; it is not asked again")
    if last is None:
        return Due(wanted.run_key)
    named = f"run {last.run_id} of job {wanted.job}"
    person = f"run job {wanted.job} yourself; it is asked for again when something new happens"
    if last.outcome != "failed" or last.ended_at is None:
        return Due(None, f"{named} {last.outcome} and did not settle it: {person}")
    if len(attempts) > 1:
        return Due(None, f"{named} failed, a second time: see why, then {person}")
    left = last.ended_at + retry_after - now
    if left > timedelta(0):
        return Due(None, f"{named} failed; it is tried once more in {left.total_seconds() / 60:.0f} minutes")
    return Due(wanted.run_key + RETRY, f"{named} failed without a verdict; tried once more")
