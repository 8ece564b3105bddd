"""The protocols behind which the outside world stands, and the plain records that cross them.

Keep out: implementations (adapters/, and small scripted ones in the tests).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol

from label_pipeline.core.codes.purposes import Purpose
from label_pipeline.core.judging.advance import Advance

Clock = Callable[[], datetime]
"""Returns the current UTC time (timezone-aware)."""


class TokenChoice(NamedTuple):
    """One token the model wrote, and its likeliest alternatives as (token, log-probability)."""

    token: str
    alternatives: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Reply:
    """One provider reply as received. Token counts are tokens, latency seconds.

    ``served_by`` is the host of the address that answered, without its port, and the provider behind it where the reply
    names one: ``openrouter.ai (DeepInfra)``; None in replies that an older version kept. It is in no request key and no
    judge version: the same model on another host is the same judge until its grades say otherwise.

    ``usage`` is what the provider said of the tokens, as JSON, and ``estimated`` that a count of it was absent or
    impossible, so that ours stands in its place; ``short_count`` that the count of the input is below what its text can
    have.

    ``found_in`` says where the text was read, where not alone in the message's content: ``parts``, ``after_think``,
    ``reasoning_content``.
    """

    content: str | None
    refusal: str | None
    finish_reason: str
    model: str
    fingerprint: str | None
    request_id: str | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    latency_s: float
    tokens: tuple[TokenChoice, ...] = ()
    served_by: str | None = None
    usage: str | None = None
    estimated: bool = False
    short_count: bool = False
    found_in: str | None = None


class ChatClient(Protocol):
    """One endpoint that speaks the OpenAI protocol."""

    async def complete(self, body: Mapping[str, object]) -> Reply:
        """Sends one chat request, retries included.

        Raises:
            ProviderUnavailableError: no answer after every retry.
            ProviderRejectedError: bad key, unknown model, overlong input: saying it again will not help.
        """
        ...

    async def models(self) -> tuple[str, ...]:
        """The model ids the endpoint lists. Sends no chat request."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """One request that is about to go out.

    Attributes:
        request_key: what is asked.
        run_id: the run that asks.
        purpose: what for.
        epoch: calibration epoch.
        member: name of the candidate or judge member.
        member_hash: its hash.
        sample_index: vote number, from 0.
        attempt: reading attempt, from 0.
        pair: pair key of the first pair it is about (core/tables.py).
        customer: whether that pair is customer text.
        day: the day that is labelled; None for other purposes.
        greatest_usd: US dollars one try may cost at most.
    """

    request_key: str
    run_id: str
    purpose: Purpose
    epoch: int
    member: str
    member_hash: str
    sample_index: int
    attempt: int
    pair: tuple[str, str, str, str, str, str | None]
    customer: bool
    day: date | None
    greatest_usd: float


@dataclass(frozen=True, slots=True)
class Paid:
    """What one reply cost.

    Attributes:
        cost_usd: US dollars.
        accepted: whether its model is one whose replies count.
        lost: tries before it whose answer never came: they may have been paid too.
    """

    cost_usd: float
    accepted: bool
    lost: int = 0


class Journal(Protocol):
    """Durable memory of every request that went out and every reply that was paid for."""

    def lookup(self, request_keys: Sequence[str]) -> dict[str, Reply]:
        """The stored replies among ``request_keys``."""
        ...

    async def intend(self, intent: Intent) -> int:
        """Returns the number of an open receipt once it is durable: before the request goes out."""
        ...

    async def remember(
        self, request_key: str, reply: Reply, receipt: int | None = None, paid: Paid | None = None
    ) -> None:
        """Returns once the reply is durable (survives kill -9), and with it what it cost, under its open receipt."""
        ...

    def settle(self, receipt: int, lost: int, *, ended: bool) -> None:
        """Notes, soon, that ``lost`` tries went out whose answer never came; ``ended``: and no other will go out."""
        ...

    def withdraw(self, receipt: int) -> None:
        """Forgets, soon, an open receipt under which nothing went out."""
        ...


class PairText(NamedTuple):
    """One pair with the texts a judge is shown. The first six fields are the pair key (core/tables.py).

    ``customer`` has no default: whoever makes a pair says whether its text may leave the boundary.
    """

    task: str
    collection: str
    query_id: str
    doc_id: str
    doc_version: str
    context_id: str | None
    query: str
    document: str
    customer: bool


class Price(NamedTuple):
    """US dollars per million tokens."""

    input_usd: float
    cached_usd: float
    output_usd: float

    def cost_usd(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> float:
        """Cost of one reply; cached tokens are part of the input tokens."""
        fresh = input_tokens - cached_tokens
        return (fresh * self.input_usd + cached_tokens * self.cached_usd + output_tokens * self.output_usd) / 1e6


class Progress(Protocol):
    """Told about work as it happens; prints, logs or draws a bar."""

    def __call__(self, advance: Advance, /) -> None:
        """``advance``: how far the work is."""
        ...
