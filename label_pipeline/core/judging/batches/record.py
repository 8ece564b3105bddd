"""One batch as it is written down before anything is sent, and as the provider tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from label_pipeline.core.codes.purposes import Purpose
from label_pipeline.core.judging.member import accepts
from label_pipeline.core.ports import Price

CHAT: Final = "/v1/chat/completions"
WINDOW: Final = "24h"
"""The only completion window there is."""

State = Literal["reserved", "uploaded", "created", "reading", "collected", "closed", "dissolved", "quarantined"]

RESERVED: Final = "reserved"
"""Its requests are written down; nothing of it is needed at the provider."""
UPLOADED: Final = "uploaded"
"""Its file is at the provider; with ``asked_at`` set, the provider was asked to create it and may have."""
CREATED: Final = "created"
"""Its id is known."""
READING: Final = "reading"
"""It has ended; its files are being read."""
COLLECTED: Final = "collected"
"""Every request of it has ended; its files are still there."""
CLOSED: Final = "closed"
DISSOLVED: Final = "dissolved"
"""It was never created; its requests are free to be sent by another."""
QUARANTINED: Final = "quarantined"
"""Nobody knows what was paid: its requests are not sent again until a person has decided (``release``)."""

OVER: Final = (CLOSED, DISSOLVED)

HASH, COUNT, NAME = "label_pipeline_requests", "label_pipeline_count", "label_pipeline_reservation"
"""Names in the batch's metadata."""

VALIDATING, FAILED = "validating", "failed"
ENDED: Final = (FAILED, "completed", "expired", "cancelled")
"""What the provider calls a batch that goes on no more."""


@dataclass(frozen=True)
class BatchTerms:
    """What a batch was submitted under. It keeps them whatever settings say when it is collected.

    Attributes:
        account: whose key sent it.
        endpoint: name of the endpoint in settings.
        model: model id asked for.
        served_as: further model ids the provider may report.
        served: the only model id whose replies count; None accepts what the judge serves.
        price: US dollars per million tokens, of a batch.
        effort: the requests' ``reasoning_effort``.
        fields: names of the requests' fields.
        run_id: the run that submitted it.
        purpose: what for.
        epoch: calibration epoch, part of every request key.
        member: name of the judge member.
        member_hash: its hash.
        day: the day that is labelled.
    """

    account: str
    endpoint: str
    model: str
    served_as: tuple[str, ...]
    served: str | None
    price: Price
    effort: str
    fields: tuple[str, ...]
    run_id: str
    purpose: Purpose
    epoch: int
    member: str
    member_hash: str
    day: date | None

    def accepts(self, reported: str) -> bool:
        """Whether a reply that reports model ``reported`` counts."""
        return accepts(self.model, self.served_as, reported, self.served)


@dataclass(frozen=True)
class BatchRecord:
    """One batch in the book.

    Attributes:
        reservation: its name here, in no other batch.
        request_hash: of its request set.
        terms: what it was submitted under.
        requests: how many.
        tokens: input tokens of all, on the high side.
        state: how far it is.
        reserved_at: when it was written down.
        file_id: its input file at the provider.
        asked_at: when the provider was asked to create it; None where it surely was not.
        batch_id: its name at the provider.
        created_at: when its id was written down.
        cancel_asked_at: when the provider was asked to cancel it.
        status: what the provider last called it.
        output_file_id: what succeeded.
        error_file_id: what did not.
        completed: requests the provider says succeeded; None where it does not say.
        code: why it failed, or was put into quarantine.
        told: odd lines of its output, by what they are; set when it is collected.
        found: ids of batches at the provider that put it into quarantine.
    """

    reservation: str
    request_hash: str
    terms: BatchTerms
    requests: int
    tokens: int
    state: State
    reserved_at: datetime
    file_id: str | None = None
    asked_at: datetime | None = None
    batch_id: str | None = None
    created_at: datetime | None = None
    cancel_asked_at: datetime | None = None
    status: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    completed: int | None = None
    code: str | None = None
    told: Mapping[str, int] | None = None
    found: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of its input file: one that nobody needs any more is found by it."""
        return f"label-pipeline-{self.reservation}.jsonl"

    @property
    def metadata(self) -> dict[str, str]:
        """What is told of it to the provider: nothing of a request can be read from it."""
        return {HASH: self.request_hash, COUNT: str(self.requests), NAME: self.reservation}

    @property
    def files(self) -> tuple[str, ...]:
        """Its files at the provider."""
        return tuple(filter(None, (self.file_id, self.output_file_id, self.error_file_id)))


@dataclass(frozen=True)
class RemoteBatch:
    """One batch as the provider tells of it.

    Attributes:
        batch_id: its name there.
        status: ``validating``, ``failed``, ``in_progress``, ``finalizing``, ``completed``, ``expired``,
            ``cancelling`` or ``cancelled``.
        endpoint: address its requests go to.
        window: time it has.
        input_file_id: what was uploaded.
        output_file_id: what succeeded.
        error_file_id: what did not.
        total: requests; 0 or None while it is validated.
        completed: of these, those that succeeded.
        metadata: what we told of it.
        code: first error code of a failed validation.
    """

    batch_id: str
    status: str
    endpoint: str
    window: str
    input_file_id: str
    output_file_id: str | None
    error_file_id: str | None
    total: int | None
    completed: int | None
    metadata: Mapping[str, str]
    code: str | None = None
