"""Clients of AWS; endpoint, region and credentials come from the environment, as for the AWS command line.

boto3 is imported where a project is on S3 and nowhere else.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from label_pipeline.adapters.s3 import Objects
from label_pipeline.adapters.secrets import SecretsClient
from label_pipeline.core.errors import StorageError

ATTEMPTS = 5
"""Tries of one request, with growing pauses: some seconds in all, as a lost packet or a restarting gateway takes."""

AMAZON = (".amazonaws.com", ".amazonaws.com.cn")

CHECKSUMS = "AWS_REQUEST_CHECKSUM_CALCULATION"
"""The environment's word on checksums wins. boto3 adds one to every upload, in a form that many other servers of S3's
protocol refuse (boto/botocore issue 3352, amd/gaia pull request 3029: R2 answers Unauthorized); off Amazon they are
sent only where an operation requires them. What is written here is read back by its own hash or ETag."""


class S3(NamedTuple):
    """S3 as a project uses it.

    Attributes:
        objects: single objects.
        delta_options: storage options of delta-rs, whose client is its own: the same place as boto3's, and commits that
            never overwrite. Credentials it finds as boto3 does: environment, profile, the machine's role.
    """

    objects: Objects
    delta_options: Mapping[str, str]


def s3() -> S3:
    """S3 as the environment says.

    Raises:
        StorageError: the environment names a profile or region that cannot be used.
    """
    client = _client("s3")
    place = client.meta
    options = {"aws_conditional_put": "etag"}
    if place.region_name:
        options["aws_region"] = place.region_name
    if not _is_amazon(place.endpoint_url):
        options["aws_endpoint"] = place.endpoint_url
        if "AWS_ACCESS_KEY_ID" not in os.environ:
            options["aws_force_credential_load"] = "true"  # else delta-rs asks profiles and roles for Amazon's only
        options["aws_allow_http"] = "true"  # of a server beside us; Amazon's own addresses are https
    return S3(Objects(client), options)


def secrets_client() -> SecretsClient:
    """Secrets Manager as the environment says.

    Raises:
        StorageError: the environment names no region, or a profile that cannot be used.
    """
    client: SecretsClient = _client("secretsmanager")
    return client


def _client(service: str) -> Any:
    """A client of one service; boto3's are made at run time, so no type says which."""
    import boto3
    from botocore.config import Config

    # a session of its own: boto3's default one may not be used by several threads at once
    with _explaining():
        config = Config(retries={"max_attempts": ATTEMPTS, "mode": "standard"})
        session = boto3.session.Session(region_name=_region())
        client = session.client(service, config=config)
        if service != "s3" or _is_amazon(client.meta.endpoint_url) or CHECKSUMS in os.environ:
            return client
        # Where it is, only the client knows: environment or profile. The second one costs little.
        plain = Config(request_checksum_calculation="when_required", response_checksum_validation="when_required")
        return session.client(service, config=config.merge(plain))


def _is_amazon(address: str) -> bool:
    return (urlsplit(address).hostname or "").endswith(AMAZON)


@contextmanager
def _explaining() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except BotoCoreError as error:
        raise StorageError(
            f"no client of AWS can be made: {error}; expected AWS_REGION, and AWS_PROFILE if set, as for the AWS "
            "command line: correct the environment, then run again"
        ) from error


def _region() -> str | None:
    """boto3 reads only the second name; delta-rs and most tools read both."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
