"""Chat requests straight on aiohttp, for an endpoint you run yourself: `transport: lean`.

The ``openai`` library costs a request several times what a server on the same machine needs to answer it. What is sent
is the same, byte for byte, but for the headers that name a client; no proxy of the environment is used and no redirect
is followed. Keep out: retries, pace and what an answer means (openai_client.py).
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

import aiohttp
import httpx2
import openai

from label_pipeline.adapters.openai_access import Access


class LeanAnswer(NamedTuple):
    """A success of a lean connection: the body, whole, and headers whose names may be in any case."""

    content: bytes
    headers: Mapping[str, str]


class LeanConnection:
    """The two calls of ``openai.AsyncOpenAI`` that this project makes. Make it inside the loop that uses it.

    Args:
        access: address and its parameters.
        connections: the most at once.

    Attributes:
        headers: what is sent from now on beside its own, the key among them.
    """

    def __init__(self, access: Access, connections: int) -> None:
        self._access = access
        self.headers: Mapping[str, str] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=30.0),
            timeout=aiohttp.ClientTimeout(total=None),  # whoever calls has its own
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "User-Agent": "label-pipeline",
            },
            auto_decompress=True,
        )

    async def post(self, path: str, *, cast_to: object, body: Mapping[str, object]) -> LeanAnswer:
        """One request.

        Raises:
            openai.APIStatusError: the endpoint says no, as the library would raise it.
            aiohttp.ClientError: there is no connection, or it broke.
        """
        sent = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return await self._exchange("POST", path, sent)

    async def get(self, path: str, *, cast_to: object) -> LeanAnswer:
        """As ``post``, without a body."""
        return await self._exchange("GET", path, None)

    async def close(self) -> None:
        """Releases connections."""
        await self._session.close()

    async def _exchange(self, method: str, path: str, sent: bytes | None) -> LeanAnswer:
        async with self._session.request(
            method,
            f"{self._access.base_url}{path}",
            params=self._access.query or None,
            headers=self.headers,
            data=sent,
            allow_redirects=False,
        ) as response:
            content = await response.read()
            if response.status >= 400:
                raise _no(response.status, content, response.headers, method, str(response.url))
            return LeanAnswer(content, response.headers)


def _no(status: int, content: bytes, headers: Mapping[str, str], method: str, url: str) -> openai.APIStatusError:
    """The library's error for an answer with an error status."""
    given = {name: value for name, value in headers.items() if name.lower() != "content-encoding"}  # decoded already
    response = httpx2.Response(status, headers=given, content=content, request=httpx2.Request(method, url))
    try:
        body: object = json.loads(content)
    except ValueError:
        body = content.decode("utf-8", "replace").strip()
    said = body.get("error", body) if isinstance(body, dict) else body
    return openai.APIStatusError(f"Error code: {status}", response=response, body=said)
