"""Whether a batch found at the provider is the one that was reserved here. Pure.

Creating a batch is not idempotent: whoever died, or got no answer, between asking for it and writing its id down may
have paid for one. It is looked for by the hash of its request set, and taken for ours on an exact match only. One of
the same requests that another journal reserved may be a lost disk's, or of a machine that will collect it: a person
decides.
"""

from collections.abc import Collection, Sequence
from typing import Final, Literal, NamedTuple

from label_pipeline.core.judging.batches.record import CHAT, COUNT, ENDED, HASH, NAME, WINDOW, BatchRecord, RemoteBatch

ADOPTED: Final = "adopted"
CREATE: Final = "create"
QUARANTINE: Final = "quarantine"

OTHER_ACCOUNT: Final = "other_account"
OTHER_MACHINE: Final = "other_machine"
SEVERAL: Final = "several"
MISMATCH: Final = "mismatch"


class Adoption(NamedTuple):
    """What is to be done about a reservation.

    Attributes:
        verdict: ``adopted``: it is this batch. ``create``: there is none. ``quarantine``: nobody can tell.
        batch: the adopted one.
        code: why it is in quarantine: ``other_account``, ``other_machine``, ``several`` or ``mismatch``.
        reason: the same as a sentence.
        found: ids of the batches that put it there.
    """

    verdict: Literal["adopted", "create", "quarantine"]
    batch: RemoteBatch | None = None
    code: str | None = None
    reason: str = ""
    found: tuple[str, ...] = ()


def adopt(found: Sequence[RemoteBatch], reserved: BatchRecord, *, account: str, known: Collection[str]) -> Adoption:
    """Decides about one reservation.

    Args:
        found: batches of this account with its hash in their metadata.
        reserved: what was written down.
        account: whose key looked for them.
        known: ids of batches the book holds already, or a person has released: they are no match.
    """
    if account != reserved.terms.account:
        return Adoption(
            QUARANTINE, None, OTHER_ACCOUNT,
            f"it was reserved for account {reserved.terms.account}, and this key is of {account}: look there, with "
            "that key, or release it",
        )  # fmt: skip
    new = [batch for batch in found if batch.batch_id not in known]
    mine = [batch for batch in new if batch.metadata.get(NAME) == reserved.reservation]
    others = [batch for batch in new if batch not in mine and not _worthless(batch)]
    ids = tuple(sorted(batch.batch_id for batch in mine or others))
    if len(mine) > 1:
        reason = f"{len(mine)} batches hold its name ({', '.join(ids)}): cancel all but one, and take that one over"
        return Adoption(QUARANTINE, None, SEVERAL, reason, ids)
    if mine:
        differs = _differs(mine[0], reserved)
        if differs is None:
            return Adoption(ADOPTED, mine[0])
        return Adoption(QUARANTINE, None, MISMATCH, f"batch {ids[0]} holds its name, but {differs}", ids)
    if others:
        reason = (
            f"another journal has sent the same requests ({', '.join(ids)}): collect them there; where that disk is "
            "lost, take the batch over, or release this one and pay again"
        )
        return Adoption(QUARANTINE, None, OTHER_MACHINE, reason, ids)
    return Adoption(CREATE)


def _worthless(batch: RemoteBatch) -> bool:
    """Whether a batch has ended with nothing: nothing was paid for it, and nothing can be had of it."""
    return batch.status in ENDED and batch.completed == 0


def _differs(batch: RemoteBatch, reserved: BatchRecord) -> str | None:
    """What of a batch does not match. While it is validated the provider has not counted its requests yet."""
    wanted = {
        "its hash": (batch.metadata.get(HASH), reserved.request_hash),
        "its endpoint": (batch.endpoint, CHAT),
        "its window": (batch.window, WINDOW),
        "the number of requests in its metadata": (batch.metadata.get(COUNT), str(reserved.requests)),
        "its number of requests": (batch.total or reserved.requests, reserved.requests),
    }
    for name, (found, expected) in wanted.items():
        if found != expected:
            return f"{name} is {found}, expected {expected}"
    return None
