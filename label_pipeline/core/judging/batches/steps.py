"""What is to be done next with one batch, from what is written down and what the provider says. Pure.

reserved -> uploaded -> created -> reading -> collected -> closed, and two ways out: dissolved, where it was never
created, and quarantined. Each state is on disk before the step that follows it, and each step may be repeated, so a
process that dies anywhere leaves a batch that the next one takes up where it stood.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, assert_never

from label_pipeline.core.judging.batches import record as states
from label_pipeline.core.judging.batches.record import BatchRecord, RemoteBatch

Step = Literal["dissolve", "find", "poll", "read", "delete", "wait", "cancel", "quarantine"]

DISSOLVE: Final = "dissolve"
FIND: Final = "find"
POLL: Final = "poll"
READ: Final = "read"
DELETE: Final = "delete"
WAIT: Final = "wait"
CANCEL: Final = "cancel"
QUARANTINE_IT: Final = "quarantine"

GONE, STUCK = "gone", "stuck"
"""Why a batch is put into quarantine: the provider knows none of its id; it does not end though it was cancelled."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for what.

    Attributes:
        validating: for a batch to leave validation; it is cancelled then, and so long again for it to end.
        listing: for a batch that may have been created to be listed; what is not listed by then was not created.
    """

    validating: timedelta = timedelta(hours=6)
    listing: timedelta = timedelta(minutes=15)


USUAL_PATIENCE = Patience()


def next_step(batch: BatchRecord) -> Step:
    """What is to be done with a batch that another call, or another process, has left in this state."""
    match batch.state:
        case states.RESERVED:
            return DISSOLVE  # it was cut off before anything was created: its requests are simply sent anew
        case states.UPLOADED:
            return DISSOLVE if batch.asked_at is None else FIND
        case states.CREATED:
            return POLL
        case states.READING:
            return READ
        case states.COLLECTED:
            return DELETE
        case states.CLOSED | states.DISSOLVED | states.QUARANTINED:
            return WAIT
        case _:
            assert_never(batch.state)


def after_no_find(batch: BatchRecord, now: datetime, patience: Patience) -> Step:
    """What is to be done where a batch that may have been created is not listed."""
    young = batch.asked_at is not None and now - batch.asked_at < patience.listing
    return WAIT if young else DISSOLVE


def after_poll(batch: BatchRecord, told: RemoteBatch | None, now: datetime, patience: Patience) -> tuple[Step, str]:
    """What is to be done with a batch the provider was asked for, and the code of a quarantine.

    Args:
        batch: what is written down.
        told: what the provider says; None where it knows no such batch.
        now: current time.
        patience: how long to wait.
    """
    if told is None:
        return QUARANTINE_IT, GONE
    if told.status in states.ENDED:
        return READ, ""
    if batch.cancel_asked_at is not None:
        return (QUARANTINE_IT, STUCK) if now - batch.cancel_asked_at > patience.validating else (WAIT, "")
    since = batch.created_at or batch.reserved_at
    late = told.status == states.VALIDATING and now - since > patience.validating
    return (CANCEL, "") if late else (WAIT, "")
