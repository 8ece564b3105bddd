"""Submits requests as batches: each written down, looked for, uploaded, created, and its id written down.

Between any two steps a process may die. What it leaves is resolved before anything else is sent (collecting.py): a
batch that was surely not created is dissolved, and its requests go out with the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from label_pipeline.core.errors import JudgeError, ProviderUnavailableError, UnsureCreationError
from label_pipeline.core.judging.batches.adopting import ADOPTED, QUARANTINE, adopt
from label_pipeline.core.judging.batches.collecting import dissolve, resolve
from label_pipeline.core.judging.batches.cutting import USUAL_LIMITS, FileLimits, cut
from label_pipeline.core.judging.batches.ports import BatchBook, BatchClient
from label_pipeline.core.judging.batches.record import QUARANTINED, BatchRecord, BatchTerms
from label_pipeline.core.judging.batches.requests import BatchRequest, request_set_hash
from label_pipeline.core.judging.batches.steps import USUAL_PATIENCE, Patience
from label_pipeline.core.ports import Clock


@dataclass(frozen=True)
class Submission:
    """What became of requests that were to be sent by batch.

    Attributes:
        batches: what is under way now because of this call, adopted ones included.
        waiting: request keys that wait in an earlier batch already, or in one nobody knows the fate of.
        left: request keys the queue has no room for until batches under way have ended, or behind an unsure batch.
        too_large: request keys no file or queue can take: send them online.
        unsure: a batch that may have been created, and may not; nothing was sent after it. Ask again later.
        quarantined: batches put into quarantine, and why.
    """

    batches: tuple[BatchRecord, ...]
    waiting: frozenset[str]
    left: tuple[str, ...]
    too_large: tuple[str, ...]
    unsure: str | None = None
    quarantined: tuple[tuple[str, str], ...] = ()


async def submit(
    requests: Sequence[BatchRequest], terms: BatchTerms, *, client: BatchClient, book: BatchBook, clock: Clock,
    limits: FileLimits = USUAL_LIMITS, patience: Patience = USUAL_PATIENCE,
) -> Submission:  # fmt: skip
    """Sends ``requests`` as one batch or several. Call it while holding the spending lock; keep the cap before it.

    A request that waits in a batch already is not sent again, so the same call after a kill -9 sends nothing twice.

    Args:
        requests: what is to be sent (``requests_of``), within whatever may be spent.
        terms: what they are sent under (``terms_of``).
        client: the endpoint.
        book: batches on this machine's disk.
        clock: current time.
        limits: what the provider takes.
        patience: how long to wait for a batch that may have been created.

    Raises:
        ProviderUnavailableError: no answer after every retry; what was created before is in the book.
        ProviderRejectedError: the provider takes no batch of this account or model.
        TableError: the book cannot be written.
    """
    account = await client.account()
    for batch in book.open(terms.endpoint):
        await resolve(batch, client=client, book=book, clock=clock, patience=patience, account=account)
    waiting = book.waiting([request.key for request in requests])
    under_way = [batch for batch in book.open(terms.endpoint) if batch.terms.model == terms.model]
    queued = sum(batch.tokens for batch in under_way if batch.state != QUARANTINED)
    parts = cut([request for request in requests if request.key not in waiting], limits, queued)
    sent: list[BatchRecord] = []
    quarantined: list[tuple[str, str]] = []
    unsure, unsent = None, list(parts.left)
    for number, part in enumerate(parts.files):
        batch = book.reserve(terms, request_set_hash([request.key for request in part], terms), part)
        try:
            reason = await _create(batch, part, client, book, account)
        except UnsureCreationError:
            unsure = batch.reservation
            unsent = [request for later in parts.files[number + 1 :] for request in later] + unsent
            break
        if reason:
            quarantined.append((batch.reservation, reason))
        else:
            sent.append(book.get(batch.reservation))
    return Submission(
        tuple(sent), frozenset(waiting), tuple(request.key for request in unsent),
        tuple(request.key for request in parts.too_large), unsure, tuple(quarantined),
    )  # fmt: skip


async def _create(
    batch: BatchRecord, part: Sequence[BatchRequest], client: BatchClient, book: BatchBook, account: str
) -> str:
    """Creates one batch, or adopts it; why it is in quarantine where nobody can tell."""
    found = adopt(await client.find(batch.request_hash), batch, account=account, known=book.known())
    if found.verdict == QUARANTINE:
        book.quarantine(batch.reservation, str(found.code), found.found)
        return found.reason
    if found.verdict == ADOPTED and found.batch is not None:
        book.created(batch.reservation, found.batch)
        return ""
    file_id = await client.upload(batch.file_name, (request.line() for request in part))
    book.uploaded(batch.reservation, file_id)
    book.asked(batch.reservation)
    try:
        remote = await client.create(file_id, batch.metadata)
    except UnsureCreationError:
        raise
    except JudgeError as error:  # it was surely not created
        try:
            await dissolve(book.get(batch.reservation), client, book)
        except ProviderUnavailableError:
            raise error from None  # dissolved, with its file, by whoever comes next
        raise
    book.created(batch.reservation, remote)
    return ""
