"""From an endpoint of the settings to a client: its address, its key, its headers, its limits."""

import os
import resource
from functools import cache
from urllib.parse import urlsplit

from label_pipeline.adapters.aws import secrets_client
from label_pipeline.adapters.key_command import KeyCommand
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_access import Extras
from label_pipeline.adapters.openai_batches import OpenAIBatchClient
from label_pipeline.adapters.openai_client import OpenAIChatClient, host_of
from label_pipeline.adapters.secrets import read_secret
from label_pipeline.core.errors import SettingsError
from label_pipeline.core.url_credentials import without_credentials
from label_pipeline.settings import EndpointSettings
from label_pipeline.settings.outside import KeptValue

SPARE_FILES = 512
"""Open files beside the connections of one endpoint: tables, journal, logs and what Dagster opens."""

_OPENAI = "openai.com"


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
        SettingsError: an environment variable with the key, the address or a header is not set, or there is no such
            secret, or nobody said which key this host gets.
        StorageError: Secrets Manager cannot be reached.
    """
    return OpenAIChatClient(
        base_url(found, name),
        _key(found, name),
        extras=_extras(found, name),
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
        base_url(found, name),
        _key(found, name),
        extras=_extras(found, name),
        timeout_s=found.timeout_s,
        max_retries=found.max_retries,
    )


@cache
def _command(command: tuple[str, ...], age_s: float) -> KeyCommand:
    """One a process: what a program printed serves every client until it is too old or refused."""
    return KeyCommand(command, age_s)


def _key(found: EndpointSettings, name: str) -> str | KeyCommand:
    if found.key_command is not None:
        return _command(tuple(found.key_command), found.key_age_s)
    if found.api_key_secret is not None:
        return read_secret(secrets_client(), found.api_key_secret, f"endpoints.{name}.api_key_secret")
    variable = found.api_key_env or _unstated(found, name)
    return "" if found.keyless or variable is None else _from_environment(variable, name, "its key")


def _unstated(found: EndpointSettings, name: str) -> str | None:
    """The variable with the key where settings name none: OpenAI's key goes to OpenAI, and to nobody else.

    Raises:
        SettingsError: the host is neither OpenAI's nor this machine.
    """
    host = host_of(base_url(found, name))
    if found.keyless or host == "localhost" or host.startswith("127.") or host == "::1":
        return None
    if host == _OPENAI or host.endswith(f".{_OPENAI}"):
        return "OPENAI_API_KEY"
    if {header.lower() for header in found.headers} & {"authorization", found.api_key_header.lower()}:
        return None
    raise SettingsError(
        f"endpoint {name!r} is at {host}, and nobody said which key it gets: state endpoints.{name}.api_key_env, "
        "api_key_secret or key_command, or keyless: true"
    )


def _extras(found: EndpointSettings, name: str) -> Extras:
    headers = {key: _value(value, name, f"headers.{key}") for key, value in found.headers.items()}
    query = {key: _value(value, name, f"query.{key}") for key, value in found.query.items()}
    kept = [headers[key] for key, value in found.headers.items() if isinstance(value, KeptValue)]
    kept += [query[key] for key, value in found.query.items() if isinstance(value, KeptValue)]
    return Extras(headers, query, found.api_key_header, tuple(kept))


def _value(stated: str | KeptValue, name: str, setting: str) -> str:
    if isinstance(stated, str):
        return stated
    if stated.secret is not None:
        return read_secret(secrets_client(), stated.secret, f"endpoints.{name}.{setting}")
    assert stated.env is not None  # settings saw to it
    return _from_environment(stated.env, name, setting)


def _from_environment(variable: str, name: str, what: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise SettingsError(f"endpoint {name!r} takes {what} from {variable}, which is not set: export it")
    if not (value.isascii() and value.isprintable()):
        raise SettingsError(
            f"endpoint {name!r}: {what} in {variable} holds a character that no request can carry; copy it once more"
        )
    return value


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
