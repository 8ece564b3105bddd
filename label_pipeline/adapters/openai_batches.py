"""Files and batches of one endpoint that speaks the OpenAI protocol, behind ``core.judging.batches.ports.BatchClient``.

Every call is tried again after a passing trouble, but for creating a batch, which is not idempotent. Keep out: what a
line of output means (openai_batch_lines.py), and what is to be done with a batch (core/judging/batches).
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from urllib.parse import urlsplit

import numpy as np
import openai

from label_pipeline.adapters.openai_access import Access, Extras, KeySource
from label_pipeline.adapters.openai_batch_calls import BROKEN, BatchCalls
from label_pipeline.adapters.openai_batch_lines import output_line
from label_pipeline.adapters.openai_batch_objects import id_of, json_object, metadata_of, remote_of
from label_pipeline.adapters.openai_client import named, unconnected
from label_pipeline.core.errors import FileGoneError, ProviderUnavailableError, UnsureCreationError
from label_pipeline.core.judging.batches.matching import OutputLine
from label_pipeline.core.judging.batches.record import CHAT, HASH, WINDOW, BatchTerms, RemoteBatch

FILE_TIMEOUT_S = 900.0
"""Seconds an input file of 200 MB may take on the way: 2 Mbit/s."""

CHUNK_BYTES = 1 << 16


class OpenAIBatchClient:
    """Batches of one endpoint.

    Args:
        base_url: up to and including the version, e.g. ``http://127.0.0.1:8000/v1``; a query may follow.
        api_key: the key, or where one comes from; in no message and no repr. Empty for endpoints without keys.
        extras: headers, parameters of the address, and which header carries the key.
        timeout_s: seconds one try may take; a file has ``file_timeout_s``.
        max_retries: tries after the first, of calls that may be repeated.
        file_timeout_s: seconds.
        sleep: waits seconds.
        rng: jitter of the waits.
    """

    def __init__(
        self, base_url: str, api_key: str | KeySource, *, timeout_s: float, max_retries: int,
        extras: Extras | None = None,
        file_timeout_s: float = FILE_TIMEOUT_S, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: np.random.Generator | None = None,
    ) -> None:  # fmt: skip
        self._access = Access(base_url, api_key, extras)
        self._base_url, self._host = self._access.base_url, self._access.host
        self._timeout_s, self._file_timeout_s = timeout_s, file_timeout_s
        jitter = rng if rng is not None else np.random.default_rng()  # it decides nothing
        self._calls = BatchCalls(self._access, timeout_s, max_retries, sleep, jitter)
        self._account: str | None = None

    def __repr__(self) -> str:
        return f"OpenAIBatchClient({self._base_url!r})"

    async def account(self) -> str:
        """Whose key this is: the address, and the organisation and project the provider names.

        Where it names none, eight digits of a hash of the key stand for them: nobody gets from them to the key.
        """
        if self._account is None:
            raw = await self._calls.tried(lambda client: client.batches.with_raw_response.list(limit=1))
            named_by = [raw.headers.get(f"openai-{what}") for what in ("organization", "project")]
            owner = " ".join(filter(None, named_by))
            if not owner and (account := self._access.account):
                owner = f"key {account}"
            address = urlsplit(self._base_url)
            port = f":{address.port}" if address.port else ""
            self._account = f"{self._host}{port}{address.path.rstrip('/')} {owner or 'without a key'}"
        return self._account

    async def upload(self, name: str, lines: Iterable[bytes]) -> str:
        """Uploads one input file and returns its id. A try that got no answer may have left a file of the same name."""
        with tempfile.TemporaryFile() as file:  # it has no name, and is gone with the process
            file.writelines(lines)

            async def send(client: openai.AsyncOpenAI) -> str:
                file.seek(0)
                content = (name, file, "application/jsonl")
                sent = await client.files.create(file=content, purpose="batch", timeout=self._file_timeout_s)
                return id_of(sent.id)

            return await self._calls.tried(send, self._file_timeout_s)

    async def named(self, name: str) -> list[str]:
        """Ids of the input files of this name.

        Raises:
            ProviderUnavailableError: no answer after every retry.
            ProviderRejectedError: saying it again will not help.
        """
        found = self._calls.pages(
            lambda client, after: client.files.with_raw_response.list(purpose="batch", after=after)
        )
        return [id_of(file.get("id")) async for file in found if file.get("filename") == name]

    async def create(self, file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        """Creates one batch, in one try.

        Raises:
            UnsureCreationError: no answer came, or none that says it was not created: it may have been.
            ProviderUnavailableError: it was surely not created; later it may be.
            ProviderRejectedError: saying it again will not help.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                raw = await (await self._calls.connected()).batches.with_raw_response.create(
                    input_file_id=file_id, endpoint=CHAT, completion_window=WINDOW, metadata=dict(metadata)
                )
                return remote_of(json_object(raw.content))
        except openai.APIStatusError as error:
            trouble = self._calls.translated(error)
            if error.status_code >= 500:
                raise UnsureCreationError(f"{trouble}; the batch may have been created") from None
            raise trouble from None
        except BROKEN as error:
            if unconnected(error):
                raise ProviderUnavailableError(
                    f"{self._base_url} cannot be reached: {self._access.hidden(named(error))}"
                ) from None
            raise UnsureCreationError(
                f"{self._base_url} was asked to create a batch and did not answer "
                f"({self._access.hidden(named(error))}): it is looked for when batches are collected next"
            ) from None

    async def retrieve(self, batch_id: str) -> RemoteBatch | None:
        """One batch; None where the provider knows none of this id.

        Raises:
            ProviderUnavailableError: no answer after every retry.
            ProviderRejectedError: saying it again will not help.
        """

        async def get(client: openai.AsyncOpenAI) -> RemoteBatch | None:
            try:
                raw = await client.batches.with_raw_response.retrieve(batch_id)
            except openai.NotFoundError:
                return None
            return remote_of(json_object(raw.content))

        return await self._calls.tried(get)

    async def find(self, request_hash: str) -> list[RemoteBatch]:
        """Every batch of this account with this hash in its metadata.

        Raises:
            ProviderUnavailableError: no answer after every retry.
            ProviderRejectedError: saying it again will not help.
        """
        found = self._calls.pages(lambda client, after: client.batches.with_raw_response.list(limit=100, after=after))
        return [remote_of(one) async for one in found if metadata_of(one).get(HASH) == request_hash]

    async def cancel(self, batch_id: str) -> None:
        """Asks for an end; one that has ended already stays as it is.

        Raises:
            ProviderUnavailableError: no answer after every retry.
        """

        async def post(client: openai.AsyncOpenAI) -> None:
            try:
                await client.batches.with_raw_response.cancel(batch_id)
            except (openai.BadRequestError, openai.ConflictError, openai.NotFoundError):  # the next poll tells
                return

        await self._calls.tried(post)

    async def results(self, file_id: str, sent: Mapping[str, int], terms: BatchTerms) -> AsyncIterator[OutputLine]:
        """The lines of an output or error file, one after the other, in chunks as they come.

        Raises:
            FileGoneError: there is no such file any more.
            ProviderUnavailableError: no connection, or it broke; what was read before may be read again.
            ProviderRejectedError: saying it again will not help.
        """
        try:
            streamed = (await self._calls.connected()).files.with_streaming_response.content(
                file_id, timeout=self._file_timeout_s
            )
            async with streamed as response:
                rest = b""
                async for chunk in response.iter_bytes(CHUNK_BYTES):
                    # at line feeds only: what else ends a line for Python may stand in a text
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in filter(bytes.strip, lines):
                        yield output_line(line, sent, terms, self._base_url, self._host)
                if rest.strip():
                    yield output_line(rest, sent, terms, self._base_url, self._host)
        except openai.NotFoundError:
            raise FileGoneError(f"{self._base_url} has no file {file_id} any more") from None
        except openai.APIStatusError as error:
            raise self._calls.translated(error) from None
        except BROKEN as error:
            raise ProviderUnavailableError(
                f"{self._base_url}: file {file_id} broke off: {self._access.hidden(named(error))}"
            ) from None

    async def delete(self, file_id: str) -> None:
        """Deletes a file; one that is gone already is no error.

        Raises:
            ProviderUnavailableError: no answer after every retry.
            ProviderRejectedError: saying it again will not help.
        """

        async def post(client: openai.AsyncOpenAI) -> None:
            try:
                await client.files.delete(file_id)
            except openai.NotFoundError:
                return

        await self._calls.tried(post)

    async def close(self) -> None:
        """Releases connections. A later call opens new ones."""
        await self._calls.close()
