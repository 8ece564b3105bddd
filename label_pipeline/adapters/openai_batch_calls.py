"""Calls of files and batches through the ``openai`` library: tried again after a passing trouble, errors translated.

Keep out: which calls there are (openai_batches.py). A call that must not be repeated does not come here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx2
import numpy as np
import openai

from label_pipeline.adapters.openai_access import Access
from label_pipeline.adapters.openai_batch_objects import id_of, json_object
from label_pipeline.adapters.openai_client import (
    BACKOFF_MAX_S,
    BACKOFF_S,
    RETRY_AFTER_MAX_S,
    TROUBLES,
    named,
)  # fmt: skip
from label_pipeline.adapters.openai_connection import Library, connection, dress
from label_pipeline.adapters.openai_refusals import bare_code, quote, rejection, wait_s
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError

BROKEN = (*TROUBLES, httpx2.HTTPError)
"""No connection, a broken one, silence, or an answer that is none; also in the middle of a file."""

T = TypeVar("T")


class BatchCalls:
    """One endpoint's calls.

    Args:
        access: the endpoint's address and key.
        timeout_s: seconds one try may take.
        max_retries: tries after the first.
        sleep: waits seconds.
        rng: jitter of the waits.
    """

    def __init__(
        self, access: Access, timeout_s: float, max_retries: int,
        sleep: Callable[[float], Awaitable[None]], rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._access, self.base_url, self.timeout_s = access, access.base_url, timeout_s
        self._max_retries, self._sleep, self._rng = max_retries, sleep, rng
        self._client: Library | None = None
        self._key = ""
        self._loop: asyncio.AbstractEventLoop | None = None

    async def tried(self, send: Callable[[openai.AsyncOpenAI], Awaitable[T]], timeout_s: float | None = None) -> T:
        """What ``send`` returns, tried again after a passing trouble.

        Raises:
            ProviderUnavailableError: no usable answer after every retry.
            ProviderRejectedError: saying it again will not help.
        """
        trouble = bare = ""
        for retry in range(self._max_retries + 1):
            try:
                async with asyncio.timeout(timeout_s or self.timeout_s):
                    return await send(await self.connected())
            # `from None`: the library's own message may repeat the key, and a traceback would print it
            except openai.APIStatusError as error:
                rejected = self.rejected(error)
                if rejected is not None and not (retry == 0 and await self.renewed(error)):
                    raise rejected from None
                trouble, bare, asked_s = quote(error, self._access.secrets), bare_code(error), wait_s(error)
            except BROKEN as error:
                trouble, asked_s = self._access.hidden(named(error)), None
                bare = trouble.partition(":")[0]
            if retry < self._max_retries:
                backoff = float(self._rng.uniform(0.5, 1.0)) * min(BACKOFF_MAX_S, BACKOFF_S * 2.0**retry)
                await self._sleep(backoff if asked_s is None else min(asked_s, RETRY_AFTER_MAX_S))
        said = f"{self.base_url} gave no usable answer about a batch in {self._max_retries + 1} tries, the last one: "
        advice = "; it is asked again when batches are collected next"
        raise ProviderUnavailableError(said + trouble + advice, bare=said + bare + advice)

    async def pages(
        self, listing: Callable[[openai.AsyncOpenAI, str | openai.Omit], Awaitable[Any]]
    ) -> AsyncIterator[dict[str, object]]:
        """The objects of a list, page by page, newest first.

        Args:
            listing: asks for the page behind the object of an id.

        Raises:
            ProviderUnavailableError: no usable answer after every retry.
            ProviderRejectedError: saying it again will not help.
        """
        after: str | openai.Omit = openai.omit

        async def page(client: openai.AsyncOpenAI) -> dict[str, object]:
            return json_object((await listing(client, after)).content, "data")

        while True:
            found = await self.tried(page)
            data = found["data"]
            assert isinstance(data, list)  # json_object saw to it
            for one in data:
                yield one
            if not data or not found.get("has_more"):
                return
            after = id_of(data[-1].get("id"))

    def rejected(self, error: openai.APIStatusError) -> ProviderRejectedError | None:
        """The refusal for good that an answer is; None where another try may help."""
        if error.status_code == 404:
            said = f"{self.base_url} takes no batches, or has no such file"
            return ProviderRejectedError(
                f"{said} ({quote(error, self._access.secrets)})", bare=f"{said} ({bare_code(error)})"
            )
        return rejection(error, self.base_url, None, self._access.secrets)

    def translated(self, error: openai.APIStatusError) -> ProviderRejectedError | ProviderUnavailableError:
        """The error of this package for an answer that is not tried again."""
        said = f"{self.base_url} gave no usable answer about a batch: "
        unavailable = ProviderUnavailableError(said + quote(error, self._access.secrets), bare=said + bare_code(error))
        return self.rejected(error) or unavailable

    async def connected(self) -> Library:
        """The library's client, with the key of now. Connections belong to one loop; calls outlive several.

        Raises:
            ProviderRejectedError: there is no key.
        """
        loop = asyncio.get_running_loop()
        if self._client is None or loop is not self._loop:
            self._client = connection(self._access, timeout_s=self.timeout_s)
            self._loop = loop
        self._key = await self._access.key()
        dress(self._client, self._access.headers(self._key))
        return self._client

    async def renewed(self, error: openai.APIStatusError) -> bool:
        """Whether the key was refused and there is another one now."""
        return error.status_code == 401 and await self._access.renewed(self._key)

    async def close(self) -> None:
        """Releases connections. A later call opens new ones."""
        if self._client is not None:
            await self._client.close()
            self._client = None
