"""The records of a tick: a run that is wanted, a verdict that is suspended, and all of what one look found."""

from dataclasses import dataclass

from label_pipeline.core.codes.verdicts import FULL

RECALIBRATE, ANCHOR, LOAD_SEED = "recalibrate", "anchor_watch", "load_seed"
"""Jobs a sensor may ask for (defs/jobs.py)."""


@dataclass(frozen=True)
class WantedRun:
    """One run that should happen.

    Attributes:
        job: its name.
        run_key: names the occasion: the same occasion is asked for once, whatever became of it.
        about: the judge and epoch it concerns (``WatchedJudge.key``), empty where it concerns none.
        reason: a sentence: what happened and since when.
        fresh: recalibrate: ask every judge again in a new epoch.
        lane: recalibrate: the gate's lane, ``full``, or ``recertify`` where that can be taken.
        collections: collections whose verdict it is about.
        since: recalibrate: a verdict on replies of a later epoch answers it, whoever asked for that; None = none does.
    """

    job: str
    run_key: str
    about: str
    reason: str
    fresh: bool = False
    lane: str = FULL
    collections: tuple[str, ...] = ()
    since: int | None = None


@dataclass(frozen=True)
class Suspend:
    """A verdict that may no longer label.

    Attributes:
        verdict_id: the open decision.
        reason: a sentence.
        epoch: replies up to this epoch are no evidence any more: only a verdict on later ones ends the suspension.
    """

    verdict_id: str
    reason: str
    epoch: int


@dataclass(frozen=True)
class Finding:
    """Everything that one look of a sensor found.

    Attributes:
        wanted: runs that should happen, most urgent first.
        suspend: verdicts to suspend, before anything is asked for.
        cursor: what the next look must remember.
        notes: sentences for whoever reads the tick.
    """

    wanted: tuple[WantedRun, ...]
    suspend: tuple[Suspend, ...]
    cursor: str | None
    notes: tuple[str, ...]
