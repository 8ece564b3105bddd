"""One endpoint that speaks the OpenAI protocol, behind ``core.ports.ChatClient``.

Lives here: sending through the ``openai`` library on its aiohttp transport, or a lean one (adapters/lean.py), retries,
and the translation of replies and errors. Keep out: pacing (adapters/limiter.py), bodies and grades (core/judging),
where keys come from (settings).
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
import httpx2
import numpy as np
import openai

from label_pipeline.adapters.lean import LeanConnection
from label_pipeline.adapters.limiter import Limiter, Turn
from label_pipeline.adapters.openai_access import Access, Extras, KeySource
from label_pipeline.adapters.openai_connection import Library, connection, dress
from label_pipeline.adapters.openai_refusals import bare_code, quote, rejection, wait_s
from label_pipeline.adapters.openai_replies import UnusableAnswerError, json_answer, parse_reply
from label_pipeline.adapters.pace.troubles import Blame, Trouble
from label_pipeline.core.errors import ProviderUnavailableError
from label_pipeline.core.judging.plan import RATIONALE_TOKENS, estimate_tokens
from label_pipeline.core.judging.sending import SENDING, Sending
from label_pipeline.core.ports import Reply

BACKOFF_S = 0.5
BACKOFF_MAX_S = 30.0
"""Wait before retry i: uniform between half and all of min(BACKOFF_MAX_S, BACKOFF_S * 2^i) seconds."""

RETRY_AFTER_MAX_S = 120.0
"""A provider that asks for a longer pause is unavailable, not slow."""

TROUBLES = (openai.APIConnectionError, aiohttp.ClientError, TimeoutError, UnusableAnswerError)
"""What else is worth another try: no connection, a broken one, silence, an answer that is none."""

OVERLOADED = frozenset({503, 529})
"""Statuses of an endpoint that cannot answer now; 529 is Anthropic's."""

_GEMINI = "models/"
"""What Gemini's list puts before every name; it is asked for, and answers, without."""

MOST_SPARED = 20
"""Tries of one request that may count for nothing: what is refused so often is refused for its own sake."""

Connection = Library | LeanConnection
"""What requests are sent through."""

T = TypeVar("T")


def host_of(base_url: str) -> str:
    """The host name of an address, without port, user or path."""
    return urlsplit(base_url).hostname or ""


class OpenAIChatClient:
    """Sends chat requests to one endpoint.

    Args:
        base_url: up to and including the version, e.g. ``http://127.0.0.1:8000/v1``; a query may follow.
        api_key: the key, or where one comes from; in no message and no repr. Empty for endpoints without keys.
        extras: headers, parameters of the address, and which header carries the key.
        timeout_s: seconds one try may take.
        max_retries: tries after the first.
        limiter: shared pace of the endpoint.
        sleep: waits seconds.
        rng: jitter of the waits.
        clock: monotonic seconds, for latencies.
        lean: straight on aiohttp, without the library.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | KeySource,
        *,
        extras: Extras | None = None,
        timeout_s: float,
        max_retries: int,
        limiter: Limiter,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: np.random.Generator | None = None,
        clock: Callable[[], float] = time.monotonic,
        lean: bool = False,
    ) -> None:
        self._access = Access(base_url, api_key, extras)
        self._base_url, self._host = self._access.base_url, self._access.host
        self._timeout_s, self._max_retries, self._limiter = timeout_s, max_retries, limiter
        self._sleep, self._clock, self._lean = sleep, clock, lean
        # Jitter only keeps clients apart in time; it must differ between processes and decides nothing.
        self._rng = rng if rng is not None else np.random.default_rng()
        self._client: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"OpenAIChatClient({self._base_url!r})"

    async def complete(self, body: Mapping[str, object]) -> Reply:
        """Sends one chat request, retries included.

        Raises:
            ProviderUnavailableError: no usable answer after every retry.
            ProviderRejectedError: saying it again will not help; ``request_only`` where another request may pass.
        """
        tokens = _estimated_tokens(body) if self._limiter.counts_tokens else 0

        async def post(client: Connection, turn: Turn) -> Reply:
            started = self._clock()
            # The raw response: validating it into the library's classes costs as much again as the whole request.
            response = await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
            latency_s = self._clock() - started
            data = json_answer(response.content, "choices")
            reply = parse_reply(data, body, response.headers.get("x-request-id"), latency_s, self._host)
            turn.answered(response.headers, reply.input_tokens + reply.output_tokens)
            return reply

        return await self._with_retries(post, tokens, str(body.get("model")), tuple(body))

    async def models(self) -> tuple[str, ...]:
        """The model ids the endpoint lists.

        Raises:
            ProviderUnavailableError: no usable answer after every retry.
            ProviderRejectedError: bad key, or an endpoint that lists no models.
        """

        async def get(client: Connection, turn: Turn) -> tuple[str, ...]:
            response = await client.get("/models", cast_to=httpx2.Response)
            data = json_answer(response.content, "data")["data"]
            turn.answered(response.headers, timed=False)
            assert isinstance(data, list)  # json_answer saw to it
            return tuple(str(entry.get("id")).removeprefix(_GEMINI) for entry in data)

        return await self._with_retries(get, 0, None)

    async def close(self) -> None:
        """Releases connections. A later request opens new ones."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _with_retries(
        self,
        send: Callable[[Connection, Turn], Awaitable[T]],
        tokens: int,
        model: str | None,
        fields: Collection[str] = (),
    ) -> T:
        trouble = bare = ""
        sending = SENDING.get() or Sending()
        number, tries, spared, pause_s, renewed = self._limiter.new_number(), 0, 0, 0.0, False
        while tries <= self._max_retries:
            sending.queued = True
            if pause_s:
                await self._sleep(pause_s)
            async with self._limiter.slot(tokens) as turn:
                key = await self._access.key()
                await sending.go()  # a stop, or a lease that ended, while this one was waiting
                turn.begin()
                try:
                    async with asyncio.timeout(self._timeout_s):
                        return await send(self._connected(key), turn)
                # `from None`: the library's own message may repeat the key, and a traceback would print it.
                except openai.APIStatusError as error:
                    rejected = rejection(error, self._base_url, model, self._access.secrets, fields)
                    if rejected is not None:
                        turn.answered(error.response.headers, timed=False)
                        if error.status_code == 401 and not renewed and await self._access.renewed(key):
                            renewed = True  # a key that lives an hour; a fresh one that is refused is no key
                            continue
                        raise rejected from None
                    trouble, bare = quote(error, self._access.secrets), bare_code(error)
                    blame = turn.failed(_kind(error), number, self._asked_s(error))
                except TROUBLES as error:
                    sending.lost += not _uncharged(error)
                    trouble = self._access.hidden(named(error))
                    # A broken answer may be quoted in the library's message, and may itself quote the request.
                    bare = trouble if isinstance(error, UnusableAnswerError) else trouble.partition(":")[0]
                    blame = turn.failed(_kind(error), number)
            if blame is Blame.PATIENCE:
                break
            # Whether a try counts is about the request itself, not about everybody's pace or an outage.
            spared += blame is Blame.ENDPOINT
            own = blame is Blame.REQUEST or spared > MOST_SPARED
            pause_s = self._backoff_s(tries if own else 0)
            tries += own
        said = f"{self._base_url} gave no usable answer in {sending.tries or tries} tries, the last one: "
        advice = "; check that it is running and reachable, then run again"
        raise ProviderUnavailableError(said + trouble + advice, bare=said + bare + advice)

    def _asked_s(self, error: openai.APIStatusError) -> float | None:
        """Seconds the endpoint asks everybody to wait; None where it says nothing."""
        asked_s = wait_s(error)
        if asked_s is not None and asked_s > RETRY_AFTER_MAX_S:
            said = f"{self._base_url} asks to wait {asked_s:.0f} s"
            advice = f", more than the {RETRY_AFTER_MAX_S:.0f} s this client waits; run again later"
            raise ProviderUnavailableError(
                f"{said} ({quote(error, self._access.secrets)}){advice}", bare=f"{said} ({bare_code(error)}){advice}"
            ) from None
        return asked_s

    def _backoff_s(self, retry: int) -> float:
        return float(self._rng.uniform(0.5, 1.0)) * min(BACKOFF_MAX_S, BACKOFF_S * 2.0**retry)

    def _connected(self, key: str) -> Connection:
        # Connections belong to one loop; a client outlives several (one per run_judging).
        loop = asyncio.get_running_loop()
        if self._client is None or loop is not self._loop:
            self._loop = loop
            # A connection a request under way: neither a queue in the transport nor idle sockets.
            limits = httpx2.Limits(max_connections=self._limiter.concurrency, keepalive_expiry=30.0)
            self._client = (
                LeanConnection(self._access, self._limiter.concurrency)
                if self._lean
                else connection(self._access, timeout_s=self._timeout_s, limits=limits)
            )
        if isinstance(self._client, LeanConnection):
            self._client.headers = self._access.headers(key)
        else:
            dress(self._client, self._access.headers(key))
        return self._client


def _kind(error: BaseException) -> Trouble:
    """Which kind of trouble it is to the pace of the endpoint."""
    if isinstance(error, openai.APIStatusError):
        overloaded = Trouble.OVERLOADED if error.status_code in OVERLOADED else Trouble.BROKEN
        return Trouble.BUSY if error.status_code == 429 else overloaded
    if unconnected(error):
        return Trouble.GONE
    silent = isinstance(error, (TimeoutError, openai.APITimeoutError)) and not isinstance(_below(error), OSError)
    return Trouble.SILENT if silent else Trouble.BROKEN


def named(error: BaseException) -> str:
    """What went wrong on the wire. The library calls a refused connection a time-out; below it stands what it was."""
    named = _below(error) or error
    return f"{type(named).__name__}: {named}".removesuffix(": ")


def _uncharged(error: BaseException) -> bool:
    """Whether nothing can have been charged: there was no connection to send on, or the answer counts no tokens.

    Of any other trouble nobody knows.
    """
    return unconnected(error) or (isinstance(error, UnusableAnswerError) and error.free)


def unconnected(error: BaseException) -> bool:
    """Whether there was no connection to send anything on."""
    return isinstance(_below(error), aiohttp.ClientConnectorError)


def _below(error: BaseException) -> BaseException | None:
    found: BaseException | None = error
    while found is not None and not isinstance(found, aiohttp.ClientError):
        found = found.__cause__
    return found


def _estimated_tokens(body: Mapping[str, object]) -> int:
    limits = [body.get(name) for name in ("max_tokens", "max_completion_tokens")]
    output = next((limit for limit in limits if isinstance(limit, int)), RATIONALE_TOKENS)
    return estimate_tokens(json.dumps(body)) + output
