"""From an endpoint of the settings to a client: its address, its key, its limits."""

import os
import resource
from urllib.parse import urlsplit

from label_pipeline.adapters.aws import secrets_client
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_batches import OpenAIBatchClient
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.secrets import read_secret
from label_pipeline.core.errors import SettingsError
from label_pipeline.core.url_credentials import without_credentials
from label_pipeline.settings import EndpointSettings

SPARE_FILES = 512
"""Open files beside the connections of one endpoint: tables, journal, logs and what Dagster opens."""


def _allow_files(wanted: int) -> None:
    """Raises this process's own limit of open files, 1,024 on most systems, where the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SettingsError(
            f"so many requests in flight need {wanted} open files, and the system allows {hard}: "
            "lower `concurrency` or raise the limit (`ulimit -Hn`)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limiter(found: EndpointSettings) -> Limiter:
    """The pace of an endpoint, to be kept as long as the project: what it learned holds for every run.

    Raises:
        SettingsError: the system allows this process fewer open files than the endpoint may have connections.
    """
    _allow_files(found.concurrency + SPARE_FILES)
    return Limiter(found.concurrency, found.requests_per_minute, found.tokens_per_minute, patience_s=found.patience_s)


def client(found: EndpointSettings, name: str, pace: Limiter) -> OpenAIChatClient:
    """A client for the endpoint called ``name``, at its pace.

    Raises:
        SettingsError: the environment variable with the key or the address is not set, or there is no such secret.
        StorageError: Secrets Manager cannot be reached.
    """
    key = _key(found, name)
    return OpenAIChatClient(
        base_url(found, name),
        key,
        timeout_s=found.timeout_s,
        max_retries=found.max_retries,
        limiter=pace,
        lean=found.transport == "lean",
    )


def batch_client(found: EndpointSettings, name: str) -> OpenAIBatchClient:
    """A client for the files and batches of the endpoint called ``name``.

    Raises:
        SettingsError: as ``client``.
        StorageError: as ``client``.
    """
    return OpenAIBatchClient(
        base_url(found, name), _key(found, name), timeout_s=found.timeout_s, max_retries=found.max_retries
    )


def _key(found: EndpointSettings, name: str) -> str:
    if found.api_key_secret is not None:
        return read_secret(secrets_client(), found.api_key_secret, f"endpoints.{name}.api_key_secret")
    key = os.environ.get(found.api_key_env, "").strip()
    if not key:
        raise SettingsError(f"endpoint {name!r} takes its key from {found.api_key_env}, which is not set: export it")
    if not (key.isascii() and key.isprintable()):
        raise SettingsError(
            f"endpoint {name!r}: the key in {found.api_key_env} holds a character that no request can carry; "
            "copy it once more"
        )
    return key


def base_url(found: EndpointSettings, name: str) -> str:
    """The address, environment variables filled in.

    Raises:
        SettingsError: a variable is not set, or it is no address a key may be sent to.
    """
    filled = os.path.expandvars(found.base_url)
    if "${" in filled or not filled:
        raise SettingsError(
            f"endpoint {name!r} is at {found.base_url!r}, and that environment variable is not set; "
            "start the provider (`label-pipeline provide`, `make ui`) or export it"
        )
    if not _is_http(filled):
        raise SettingsError(
            f"endpoint {name!r} is at {without_credentials(filled)!r}; expected http:// or https://, a host "
            "and the path that ends in /v1, and no key in it: correct base_url"
        )
    return filled


def _is_http(url: str) -> bool:
    """Whether it is an address to send a key to: one with a host, and without a user in front of it."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:  # a port or an address of IPv6 that is none
        return False
