"""Whether a batch found at the provider is the one that was reserved here. Pure.

Creating a batch is not idempotent: whoever died, or got no answer, between asking for it and writing its id down may
have paid for one. It is looked for by the hash of its request set, and taken for ours on an exact match only.
"""

from collections.abc import Collection, Sequence
from typing import Final, Literal, NamedTuple

from label_pipeline.core.judging.batches.record import CHAT, COUNT, HASH, WINDOW, BatchRecord, RemoteBatch

ADOPTED: Final = "adopted"
CREATE: Final = "create"
QUARANTINE: Final = "quarantine"

OTHER_ACCOUNT: Final = "other_account"
SEVERAL: Final = "several"
MISMATCH: Final = "mismatch"


class Adoption(NamedTuple):
    """What is to be done about a reservation.

    Attributes:
        verdict: ``adopted``: it is this batch. ``create``: there is none. ``quarantine``: nobody can tell.
        batch: the adopted one.
        code: why it is in quarantine: ``other_account``, ``several`` or ``mismatch``.
        reason: the same as a sentence.
    """

    verdict: Literal["adopted", "create", "quarantine"]
    batch: RemoteBatch | None = None
    code: str | None = None
    reason: str = ""


def adopt(found: Sequence[RemoteBatch], reserved: BatchRecord, *, account: str, known: Collection[str]) -> Adoption:
    """Decides about one reservation.

    Args:
        found: batches of this account with its hash in their metadata.
        reserved: what was written down.
        account: whose key looked for them.
        known: ids of batches the book holds already: an earlier batch of the same requests is no match.
    """
    if account != reserved.terms.account:
        return Adoption(
            QUARANTINE, None, OTHER_ACCOUNT,
            f"it was reserved for account {reserved.terms.account}, and this key is of {account}: look there, with "
            "that key, or release it",
        )  # fmt: skip
    new = [batch for batch in found if batch.batch_id not in known]
    if not new:
        return Adoption(CREATE)
    if len(new) > 1:
        ids = ", ".join(sorted(batch.batch_id for batch in new))
        return Adoption(QUARANTINE, None, SEVERAL, f"{len(new)} batches hold its hash ({ids}): cancel all but one")
    differs = _differs(new[0], reserved)
    if differs:
        return Adoption(QUARANTINE, None, MISMATCH, f"batch {new[0].batch_id} holds its hash, but {differs}")
    return Adoption(ADOPTED, new[0])


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
