"""A search endpoint asked over HTTP: the documents it finds for each query, as one retrieval order.

The contract, to be met by a few lines in front of any search engine: ``GET`` the URL, answer 200 with ``{"hits":
[{"doc_id": "...", "score": 1.2}, ...]}``, best first; ``score`` and other fields may be there and are not read. The URL
is a template: ``{query}``, ``{depth}``, ``{language}`` and ``{collection}`` are filled in, URL-encoded. A key is sent
as ``Authorization: Bearer``.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

import aiohttp
from yarl import URL

from label_pipeline.core.errors import InputError, ProviderRejectedError, ProviderUnavailableError

_BUSY = (429, 500, 502, 503, 504)
_LONGEST_WAIT_S = 60.0


class Asked(NamedTuple):
    """One query to search for."""

    query: str
    language: str
    collection: str


@dataclass(frozen=True)
class SearchEndpoint:
    """One retrieval order of a search.

    Attributes:
        name: of the order.
        url: template; must hold ``{query}``.
        key: sent as a bearer token; None sends none.
        concurrency: requests under way at once: a production search must not feel this.
        timeout_s: seconds per request.
        retries: after a 429, a 5xx or a broken connection, waiting 1, 2, 4, ... seconds or what Retry-After says.

    Raises:
        InputError: the URL is no http(s) address or lacks ``{query}``, or the key cannot be sent.
    """

    name: str
    url: str
    key: str | None = field(default=None, repr=False)
    concurrency: int = 4
    timeout_s: float = 30
    retries: int = 4

    def __post_init__(self) -> None:
        if not _has_host(self.address(Asked("x", "x", "x"), 1)) or "{query}" not in self.url:
            raise InputError(
                f"search endpoint {self.name}: the address must begin with http:// or https:// and hold {{query}}, "
                "e.g. https://search.example.org/find?q={query}&size={depth}"
            )
        if not (self.key or "").isprintable():
            raise InputError(
                f"search endpoint {self.name}: its key holds a line break or another character that no header can "
                "carry; export it without"
            )

    def address(self, asked: Asked, depth: int) -> str:
        """The URL of one query."""
        url = self.url  # a filled-in value has no braces left: nothing in it can be taken for a place
        for place, value in {**asked._asdict(), "depth": str(depth)}.items():
            url = url.replace(f"{{{place}}}", quote(value, safe=""))
        return url


async def search(
    endpoint: SearchEndpoint,
    queries: Sequence[Asked],
    depth: int,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[list[str]]:
    """The document ids of every query, best first, at most ``depth``; a repeated id stays where it is first.

    Raises:
        InputError: an answer that does not keep the contract.
        ProviderRejectedError: a 4xx.
        ProviderUnavailableError: no answer after the last retry. Nothing is kept: asking again is free.
    """
    gate = asyncio.Semaphore(endpoint.concurrency)
    timeout = aiohttp.ClientTimeout(total=endpoint.timeout_s)
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}

    async def one(session: aiohttp.ClientSession, number: int, asked: Asked) -> list[str]:
        async with gate:
            where = f"search endpoint {endpoint.name}, query {number} of {len(queries)}"
            body = await _get(session, endpoint, endpoint.address(asked, depth), where, sleep)
            return list(dict.fromkeys(_hits(body, where)))[:depth]

    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(session, n, asked)) for n, asked in enumerate(queries, start=1)]
    return [task.result() for task in tasks]


def ask(endpoint: SearchEndpoint, queries: Sequence[Asked], depth: int) -> list[list[str]]:
    """`search` for callers that wait; the first query's failure is raised as itself."""
    try:
        return asyncio.run(search(endpoint, queries, depth))
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


async def _get(
    session: aiohttp.ClientSession,
    endpoint: SearchEndpoint,
    url: str,
    where: str,
    sleep: Callable[[float], Awaitable[None]],
) -> str:
    trouble = ""
    for attempt in range(endpoint.retries + 1):
        wait = min(2.0**attempt, _LONGEST_WAIT_S)
        try:
            async with session.get(URL(url, encoded=True), allow_redirects=False) as reply:
                if reply.status == 200:
                    return _decoded(await reply.read(), where)
                trouble = f"answered {reply.status}"
                if reply.status not in _BUSY:
                    raise ProviderRejectedError(f"{where}: {trouble}, expected 200; check its address and its key")
                after = reply.headers.get("Retry-After", "")
                wait = min(float(after), _LONGEST_WAIT_S) if after.isdigit() else wait
        except (aiohttp.ClientError, TimeoutError) as error:
            trouble = f"no answer ({type(error).__name__})"
        if attempt < endpoint.retries:
            await sleep(wait)
    raise ProviderUnavailableError(
        f"{where}: {trouble} after {endpoint.retries + 1} attempts; see that it is up, then draw again"
    )


def _has_host(url: str) -> bool:
    try:
        return URL(url, encoded=True).host is not None and url.startswith(("http://", "https://"))
    except ValueError:
        return False


def _decoded(body: bytes, where: str) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: the answer is not UTF-8, as JSON is; check what answers there") from error


def _hits(body: str, where: str) -> list[str]:
    expected = 'expected {"hits": [{"doc_id": "..."}, ...]}, best first'
    try:
        found = json.loads(body)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: the answer is not JSON; {expected}") from error
    hits = found.get("hits") if isinstance(found, dict) else None
    if not isinstance(hits, list):
        raise InputError(f"{where}: the answer has no list `hits`; {expected}")
    ids = [hit.get("doc_id") if isinstance(hit, dict) else None for hit in hits]
    if any(not isinstance(doc_id, str | int) or isinstance(doc_id, bool) for doc_id in ids):
        raise InputError(f"{where}: a hit has no `doc_id`; {expected}")
    return [str(doc_id) for doc_id in ids]
