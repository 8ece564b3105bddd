"""The ``openai`` library's client with what settings say of an endpoint, and nothing that the shell says of another.

The library reads an organisation, a project, an administrator's key and headers from the environment
(``OPENAI_ORG_ID``, ``OPENAI_PROJECT_ID``, ``OPENAI_ADMIN_KEY``, ``OPENAI_CUSTOM_HEADERS``) and sends them to whatever
address it is given. Keep out: what is sent (openai_client.py, openai_batches.py).
"""

import httpx2
import openai


def connection(
    base_url: str, api_key: str, *, timeout_s: float, limits: httpx2.Limits = openai.DEFAULT_CONNECTION_LIMITS
) -> openai.AsyncOpenAI:
    """A client for one event loop.

    Args:
        base_url: up to and including the version.
        api_key: sent as a bearer token; empty for endpoints without keys.
        timeout_s: seconds one call may take.
        limits: connections.
    """
    client = openai.AsyncOpenAI(
        base_url=base_url,
        api_key=api_key or "none",
        timeout=timeout_s,
        max_retries=0,  # ours share one pace, and know which calls may be repeated
        http_client=openai.DefaultAioHttpClient(timeout=timeout_s, limits=limits),
    )
    client.organization = client.project = None
    client.admin_api_key = None
    client._custom_headers = {}
    return client
