"""Takes every batch as far as it goes: asks once, keeps what succeeded, deletes its files. Nobody waits here.

Call it from a sensor or at the start of the next run. What it leaves is on disk, so no process need live meanwhile.
"""

from dataclasses import dataclass, field

from label_pipeline.core.errors import FileGoneError, ProviderUnavailableError
from label_pipeline.core.judging.batches import steps
from label_pipeline.core.judging.batches.adopting import ADOPTED, QUARANTINE, adopt
from label_pipeline.core.judging.batches.matching import KeptReply, Matching, NoAnswer
from label_pipeline.core.judging.batches.news import BatchNews, news_of
from label_pipeline.core.judging.batches.ports import BatchBook, BatchClient
from label_pipeline.core.judging.batches.record import HASH, OVER, BatchRecord
from label_pipeline.core.judging.batches.steps import USUAL_PATIENCE, Patience
from label_pipeline.core.ports import Clock, Paid

ROWS = 500
"""Replies kept in one transaction: one flush to disk costs more than many rows."""

OUTPUT_GONE = "output_gone"
"""Why a batch is put into quarantine: it has ended, and its output file is not there."""


@dataclass(frozen=True)
class Collected:
    """How every batch that was not over stands.

    Attributes:
        news: one for each, oldest first.
        troubles: those that could not be asked for, and why; they are asked for again next time.
    """

    news: tuple[BatchNews, ...]
    troubles: tuple[tuple[str, str], ...] = field(default=())

    @property
    def waiting(self) -> int:
        """Requests that have not ended."""
        return sum(one.waiting for one in self.news)

    @property
    def sentence(self) -> str:
        """How far all of them are, for people."""
        total = sum(one.total for one in self.news)
        return f"waiting, {total - self.waiting} of {total}" if self.waiting else f"collected, {total} of {total}"


async def collect(
    endpoint: str, *, client: BatchClient, book: BatchBook, clock: Clock,
    patience: Patience = USUAL_PATIENCE, rows: int = ROWS,
) -> Collected:  # fmt: skip
    """Looks at every batch of an endpoint that is not over.

    Call it while holding the spending lock, as ``submit``: a batch that is not created yet is taken for one that a dead
    process left. It takes seconds, and nobody holds the lock while batches wait.

    Args:
        endpoint: its name in settings.
        client: the same endpoint.
        book: batches on this machine's disk.
        clock: current time.
        patience: how long to wait for what.
        rows: replies kept in one transaction.

    Raises:
        ProviderUnavailableError: the endpoint does not even say whose key this is.
        ProviderRejectedError: the key is refused.
        TableError: the book cannot be written.
    """
    account = await client.account()
    news: list[BatchNews] = []
    troubles: list[tuple[str, str]] = []
    for batch in book.open(endpoint):
        look = _Look(client, book, clock, patience, account, rows)
        try:
            await look.advance(batch)
        except ProviderUnavailableError as error:  # a lost poll: the others are looked at all the same
            troubles.append((batch.reservation, str(error)))
        news.append(look.news or news_of(book.get(batch.reservation), book))
    return Collected(tuple(news), tuple(troubles))


async def resolve(
    batch: BatchRecord, *, client: BatchClient, book: BatchBook, clock: Clock, patience: Patience, account: str
) -> None:
    """Finds out what became of a batch that was cut off before its id was written down; of others, does nothing."""
    if steps.next_step(batch) in (steps.DISSOLVE, steps.FIND):
        await _Look(client, book, clock, patience, account, ROWS).take(batch, steps.next_step(batch))


async def dissolve(batch: BatchRecord, client: BatchClient, book: BatchBook) -> None:
    """Frees the requests of a batch that was never created, once its files are deleted."""
    await _delete_files(batch, client)
    book.dissolve(batch.reservation)


async def _delete_files(batch: BatchRecord, client: BatchClient) -> None:
    """Deletes its files, also one that a try without an answer, or a dead process, has uploaded under its name."""
    for file_id in {*batch.files, *await client.named(batch.file_name)}:
        await client.delete(file_id)


async def take_over(batch: BatchRecord, batch_id: str, *, client: BatchClient, book: BatchBook) -> None:
    """A person's decision about a batch in quarantine: it is this one of the provider's, and nobody else collects it.

    Raises:
        ValueError: the provider has no such batch, or it is not of the same requests.
    """
    remote = await client.retrieve(batch_id)
    if remote is None or remote.metadata.get(HASH) != batch.request_hash:
        found = "none" if remote is None else f"one of other requests ({remote.metadata.get(HASH)})"
        raise ValueError(f"expected batch {batch_id} of the requests {batch.request_hash}, found {found}; check its id")
    book.created(batch.reservation, remote)


def release(batch: BatchRecord, book: BatchBook, *, possibly_paid: bool = True) -> BatchNews:
    """A person's decision about a batch in quarantine: its requests may be sent again.

    Args:
        batch: the batch.
        book: batches on this machine's disk.
        possibly_paid: what each may have cost at most is booked as possibly paid.
    """
    unanswered = NoAnswer(batch.code or "released", lost=possibly_paid)
    book.finish(batch.reservation, {}, unanswered, {})
    return news_of(book.get(batch.reservation), book)


class _Look:
    """One batch, taken as far as it goes without waiting."""

    def __init__(
        self, client: BatchClient, book: BatchBook, clock: Clock, patience: Patience, account: str, rows: int
    ) -> None:
        self._client, self._book, self._clock, self._patience = client, book, clock, patience
        self._account, self._rows = account, rows
        self.news: BatchNews | None = None

    async def advance(self, batch: BatchRecord) -> None:
        step = steps.next_step(batch)
        if batch.terms.account != self._account and step in (steps.POLL, steps.READ, steps.DELETE):
            raise ProviderUnavailableError(
                f"batch {batch.batch_id} was sent by account {batch.terms.account}, and this key is of "
                f"{self._account}; give that account's key to collect it"
            )
        while step != steps.WAIT:
            before = batch
            await self.take(batch, step)
            batch = self._book.get(batch.reservation)
            step = steps.WAIT if batch.state in (before.state, *OVER) else steps.next_step(batch)

    async def take(self, batch: BatchRecord, step: steps.Step) -> None:
        """Takes one step."""
        match step:
            case steps.DISSOLVE:
                await dissolve(batch, self._client, self._book)
            case steps.FIND:
                await self._find(batch)
            case steps.POLL:
                await self._poll(batch)
            case steps.READ:
                await self._read(batch)
            case steps.DELETE:
                self.news = news_of(batch, self._book)  # its requests are forgotten once its files are
                await _delete_files(batch, self._client)
                self._book.closed(batch.reservation)

    async def _find(self, batch: BatchRecord) -> None:
        found = await self._client.find(batch.request_hash)
        adoption = adopt(found, batch, account=self._account, known=self._book.known())
        if adoption.verdict == QUARANTINE:
            self._book.quarantine(batch.reservation, str(adoption.code), adoption.found)
        elif adoption.verdict == ADOPTED and adoption.batch is not None:
            self._book.created(batch.reservation, adoption.batch)
        elif steps.after_no_find(batch, self._clock(), self._patience) == steps.DISSOLVE:
            await dissolve(batch, self._client, self._book)

    async def _poll(self, batch: BatchRecord) -> None:
        told = await self._client.retrieve(str(batch.batch_id))
        step, code = steps.after_poll(batch, told, self._clock(), self._patience)
        if step == steps.QUARANTINE_IT:
            self._book.quarantine(batch.reservation, code)
        elif step == steps.READ and told is not None:
            self._book.ended(batch.reservation, told)
        elif step == steps.CANCEL:
            await self._client.cancel(str(batch.batch_id))
            self._book.cancel_asked(batch.reservation)

    async def _read(self, batch: BatchRecord) -> None:
        """Reads output, then errors. Read again after a kill -9, it keeps only what was not kept."""
        sent = self._book.sent(batch.reservation)
        matching = Matching(sent.keys())
        kept: list[KeptReply] = []
        try:
            for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
                async for line in self._client.results(file_id, sent, batch.terms):
                    reply = matching.take(line)
                    if reply is None or line.key is None:
                        continue
                    usd = batch.terms.price.cost_usd(reply.input_tokens, reply.cached_tokens, reply.output_tokens)
                    kept.append(KeptReply(line.key, reply, Paid(usd, batch.terms.accepts(reply.model))))
                    if len(kept) >= self._rows:
                        self._book.keep(batch.reservation, kept)
                        kept = []
        except FileGoneError:
            self._book.keep(batch.reservation, kept)
            self._book.quarantine(batch.reservation, OUTPUT_GONE)
            return
        self._book.keep(batch.reservation, kept)
        left = matching.left(batch.completed, batch.code)
        self._book.finish(batch.reservation, matching.unanswered, left, matching.told)
