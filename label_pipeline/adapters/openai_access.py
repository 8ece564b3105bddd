"""How an endpoint is addressed and entered: address, parameters of it, headers and the key; and no secret in a message.

Keep out: where keys and values are kept (operations/endpoints.py), a key that a program prints (key_command.py), and
sending (openai_client.py, openai_batch_calls.py).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit, urlunsplit

AUTHORIZATION = "Authorization"
HIDDEN = "***"
_SHORTEST_SECRET = 4
"""A shorter text is in every message by chance."""


class KeySource(Protocol):
    """A key that may change while it is used."""

    @property
    def owner(self) -> str:
        """What stays the same while the key changes: it tells one account from another, and is no secret."""
        ...

    async def key(self) -> str:
        """The key of now; empty for endpoints without keys.

        Raises:
            ProviderRejectedError: there is none.
        """
        ...

    async def renewed(self, refused: str) -> bool:
        """Whether there is another key than ``refused``, which the endpoint does not take any more."""
        ...

    def seen(self) -> Iterable[str]:
        """Every key it gave: what no message may hold."""
        ...


@dataclass(frozen=True)
class FixedKey:
    """A key from the environment or from Secrets Manager, the same for a whole run."""

    text: str = field(repr=False)

    @property
    def owner(self) -> str:
        """The key itself; whoever writes it down hashes it."""
        return self.text

    async def key(self) -> str:
        """The key."""
        return self.text

    async def renewed(self, refused: str) -> bool:
        """There is no other."""
        return False

    def seen(self) -> Iterable[str]:
        """The key."""
        return (self.text,)


@dataclass(frozen=True)
class Extras:
    """What settings add to an address and a key.

    Attributes:
        headers: sent with every request; one of the key's name is sent in its place.
        query: parameters of every address.
        key_header: what carries the key: ``Bearer KEY`` in Authorization, the bare key in any other.
        secrets: values among them that no message may hold.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_header: str = AUTHORIZATION
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Access:
    """One endpoint's address and what lets us in.

    Args:
        address: up to and including the version, or what stands before ``/chat/completions``; a query may follow.
        key: a key, or where one comes from.
        extras: headers and parameters.
    """

    def __init__(self, address: str, key: str | KeySource = "", extras: Extras | None = None) -> None:
        parts = urlsplit(address)
        self.extras = extras or Extras()
        self.base_url = urlunsplit(parts._replace(query="", fragment="")).rstrip("/")
        self.host = parts.hostname or ""
        self.query: dict[str, str] = dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(self.extras.query)
        self._source: KeySource = FixedKey(key) if isinstance(key, str) else key

    @property
    def account(self) -> str:
        """Eight digits that tell one key's account from another's; empty without a key. Nobody gets to the key."""
        owner = self._source.owner or self.extras.headers.get(self.extras.key_header, "")
        return hashlib.sha256(f"account\0{self.host}\0{owner}".encode()).hexdigest()[:8] if owner else ""

    async def key(self) -> str:
        """The key of now.

        Raises:
            ProviderRejectedError: there is none.
        """
        return await self._source.key()

    async def renewed(self, refused: str) -> bool:
        """Whether there is another key than the one that was refused."""
        return await self._source.renewed(refused)

    def headers(self, key: str) -> dict[str, str]:
        """The headers of a request, its key among them; none where the endpoint takes none."""
        name = self.extras.key_header
        own = {other.lower() for other in self.extras.headers}
        if not key or name.lower() in own:
            return dict(self.extras.headers)
        bearer = name.lower() == AUTHORIZATION.lower()
        return {name: f"Bearer {key}" if bearer else key, **self.extras.headers}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        return (*self._source.seen(), *self.extras.secrets)

    def hidden(self, text: str) -> str:
        """``text`` without any secret."""
        return without(text, self.secrets)


def without(text: str, secrets: str | tuple[str, ...]) -> str:
    """``text`` without ``secrets``: some providers repeat the key."""
    for secret in (secrets,) if isinstance(secrets, str) else secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return text
