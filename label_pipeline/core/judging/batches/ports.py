"""The two sides a batch is carried between: the provider, and the book of batches on this machine's disk."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from label_pipeline.core.judging.batches.matching import BatchProgress, KeptReply, NoAnswer, OutputLine
from label_pipeline.core.judging.batches.record import BatchRecord, BatchTerms, RemoteBatch
from label_pipeline.core.judging.batches.requests import BatchRequest


class BatchClient(Protocol):
    """One endpoint that takes batches.

    Every method raises ProviderUnavailableError where no answer comes after every retry, and ProviderRejectedError
    where saying it again will not help.
    """

    async def account(self) -> str:
        """Whose key this is: address and organisation; no part of the key can be read from it."""
        ...

    async def upload(self, name: str, lines: Iterable[bytes]) -> str:
        """Uploads one input file and returns its id."""
        ...

    async def named(self, name: str) -> list[str]:
        """Ids of the input files of this name."""
        ...

    async def create(self, file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        """Creates one batch, in one try: a second one would create, and pay for, a second batch.

        Raises:
            UnsureCreationError: no answer came: it may have been created.
        """
        ...

    async def retrieve(self, batch_id: str) -> RemoteBatch | None:
        """One batch; None where the provider knows none of this id."""
        ...

    async def find(self, request_hash: str) -> list[RemoteBatch]:
        """Every batch of this account with this hash in its metadata."""
        ...

    async def cancel(self, batch_id: str) -> None:
        """Asks for an end; one that has ended already stays as it is."""
        ...

    def results(self, file_id: str, sent: Mapping[str, int], terms: BatchTerms) -> AsyncIterator[OutputLine]:
        """The lines of an output or error file, one after the other, never the whole file in memory.

        Args:
            file_id: the file.
            sent: bytes that each request sent (``BatchRequest.sent_bytes``), by its key.
            terms: what the batch was submitted under.

        Raises:
            FileGoneError: there is no such file any more.
        """
        ...

    async def delete(self, file_id: str) -> None:
        """Deletes a file; one that is gone already is no error."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...


class BatchBook(Protocol):
    """Durable record of batches and their requests. Every method returns once it is on disk, and may be repeated.

    Raises TableError where the disk is full or the file cannot be used.
    """

    def reserve(self, terms: BatchTerms, request_hash: str, requests: Sequence[BatchRequest]) -> BatchRecord:
        """Writes down a batch and the intent of every request, before anything is sent."""
        ...

    def uploaded(self, reservation: str, file_id: str) -> None:
        """Its file is at the provider."""
        ...

    def asked(self, reservation: str) -> None:
        """From now on the provider may have created it."""
        ...

    def created(self, reservation: str, remote: RemoteBatch) -> None:
        """Its id is known: before it is asked for the first time."""
        ...

    def cancel_asked(self, reservation: str) -> None:
        """The provider is asked to cancel it."""
        ...

    def ended(self, reservation: str, remote: RemoteBatch) -> None:
        """It has ended, and these are its files."""
        ...

    def keep(self, reservation: str, replies: Sequence[KeptReply]) -> None:
        """Keeps replies: reply, receipt and end of the request in one transaction; of an ended request, nothing."""
        ...

    def finish(
        self, reservation: str, unanswered: Mapping[str, NoAnswer], left: NoAnswer, told: Mapping[str, int]
    ) -> None:
        """Ends what was not answered, each with a receipt: as ``unanswered`` says, and the others as ``left``."""
        ...

    def closed(self, reservation: str) -> None:
        """Its files are deleted: its requests are forgotten."""
        ...

    def dissolve(self, reservation: str) -> None:
        """It was never created: its requests are free."""
        ...

    def quarantine(self, reservation: str, code: str, found: Sequence[str] = ()) -> None:
        """Nobody knows what was paid; ``found`` are ids of batches that put it there."""
        ...

    def get(self, reservation: str) -> BatchRecord:
        """One batch."""
        ...

    def open(self, endpoint: str | None = None) -> list[BatchRecord]:
        """Batches that are not over, oldest first; of one endpoint, or of every one."""
        ...

    def known(self) -> set[str]:
        """Ids of every batch that was ever written down, those that put another into quarantine included."""
        ...

    def waiting(self, keys: Collection[str]) -> set[str]:
        """Those of ``keys`` that wait in some batch."""
        ...

    def sent(self, reservation: str) -> dict[str, int]:
        """Bytes sent by request key."""
        ...

    def progress(self, reservation: str) -> BatchProgress:
        """How far the requests of a batch are."""
        ...

    def held_usd(self) -> float:
        """US dollars that requests which wait may cost at most."""
        ...
