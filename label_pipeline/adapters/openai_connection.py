"""The ``openai`` library's client with what settings say of an endpoint, and nothing that the shell says of another.

The library reads an organisation, a project, an administrator's key and headers from the environment
(``OPENAI_ORG_ID``, ``OPENAI_PROJECT_ID``, ``OPENAI_ADMIN_KEY``, ``OPENAI_CUSTOM_HEADERS``) and sends them to whatever
address it is given. Keep out: what is sent (openai_client.py, openai_batches.py).
"""

from collections.abc import Mapping

import httpx2
import openai

from label_pipeline.adapters.openai_access import AUTHORIZATION, Access


class Library(openai.AsyncOpenAI):
    """The library's client, which sends no key where there is none to send; its own insists on one."""

    def _validate_headers(self, headers: openai._types.Headers, custom_headers: openai._types.Headers) -> None:
        return


def connection(
    access: Access, *, timeout_s: float, limits: httpx2.Limits = openai.DEFAULT_CONNECTION_LIMITS
) -> Library:
    """A client for one event loop; ``dress`` it before each request.

    Args:
        access: address and its parameters.
        timeout_s: seconds one call may take.
        limits: connections.
    """
    client = Library(
        base_url=access.base_url,
        api_key="none",  # `dress` says what is sent
        timeout=timeout_s,
        max_retries=0,  # ours share one pace, and know which calls may be repeated
        default_query=access.query,
        http_client=openai.DefaultAioHttpClient(timeout=timeout_s, limits=limits),
    )
    client.organization = client.project = None
    client.admin_api_key = None
    dress(client, {})
    return client


def dress(client: Library, headers: Mapping[str, str]) -> None:
    """What ``client`` sends from now on beside the library's own headers; without a key, no Authorization at all."""
    dressed: dict[str, str | openai.Omit] = {**headers}
    if AUTHORIZATION.lower() not in map(str.lower, headers):
        dressed[AUTHORIZATION] = openai.Omit()
    client._custom_headers = dressed  # type: ignore[assignment]  # the library merges them where it omits, too
