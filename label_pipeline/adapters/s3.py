"""Objects of S3 as bytes, by address, over a boto3 client that is handed in; a write may depend on what is there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol

from label_pipeline.adapters.s3_errors import explained
from label_pipeline.core.errors import InputError
from label_pipeline.core.url_credentials import without_credentials

READS = 3
"""Attempts to read an object whose body breaks off; boto3 itself tries only the request again."""

CONFLICTS = 3
"""Attempts of a conditional write that meets another one under way: neither of them may have been done."""

ABSENT = "*"
"""As ``only_over``: write only where there is no such object yet."""


_ADDRESS = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(.*))?", re.DOTALL)
"""A bucket, old ones may hold capitals; the key is everything behind it, a question mark too."""


class S3Client(Protocol):
    """The methods of a boto3 S3 client that are used."""

    # boto3 ships no types: its answers are plain dictionaries
    def get_object(self, **arguments: str) -> dict[str, Any]:
        """Reads one object."""
        ...

    def put_object(self, **arguments: str | bytes) -> dict[str, Any]:
        """Writes one object."""
        ...

    def list_objects_v2(self, **arguments: str) -> dict[str, Any]:
        """Lists one page of keys."""
        ...


class Found(NamedTuple):
    """An object as read. ``age_s``: seconds since it was written, by S3's own clock, which is whole seconds."""

    data: bytes
    etag: str
    age_s: float


@dataclass(frozen=True)
class Objects:
    """Reads and writes objects.

    Every method raises StorageError when S3 cannot be reached or says no, InputError for an address that is none.
    """

    client: S3Client

    def read(self, url: str) -> Found | None:
        """The object at ``url``; None where there is none."""
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, key = _object(url)
        for left in reversed(range(READS)):
            try:
                answer = self.client.get_object(Bucket=bucket, Key=key)
                data: bytes = answer["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    return None
                raise explained(url, "read", error) from error
            except BotoCoreError as error:
                if not left:
                    raise explained(url, "read", error) from error
            else:
                return Found(data, answer["ETag"], _age_s(answer))
        raise AssertionError("unreachable")

    def write(self, url: str, data: bytes, *, only_over: str | None = None) -> str | None:
        """Writes ``data``; returns the new ETag.

        Args:
            url: where.
            data: what.
            only_over: ETag the object must have, or ABSENT; None writes in any case.

        Returns:
            None where the object is not as ``only_over`` wants it. It may be this very write that was there first: a
            request whose answer is lost is sent again.
        """
        from botocore.exceptions import ClientError

        bucket, key = _object(url)
        condition = {} if only_over is None else {"IfNoneMatch": "*"} if only_over == ABSENT else {"IfMatch": only_over}
        with _explaining(url, "written"):
            for left in reversed(range(CONFLICTS)):
                try:
                    answer = self.client.put_object(Bucket=bucket, Key=key, Body=data, **condition)
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                    # NoSuchKey: If-Match on an object that is gone
                    if condition and code in ("PreconditionFailed", "NoSuchKey"):
                        return None
                    if not left or code != "ConditionalRequestConflict":
                        raise
                else:
                    etag: str = answer["ETag"]
                    return etag
        raise AssertionError("unreachable")

    def names(self, prefix: str) -> list[str]:
        """The addresses of every object below ``prefix``, in order of their bytes."""
        bucket, key = split(prefix)
        found: list[str] = []
        more: dict[str, str] = {}
        with _explaining(prefix, "listed"):
            while True:
                page = self.client.list_objects_v2(Bucket=bucket, Prefix=key, **more)
                found += [f"s3://{bucket}/{entry['Key']}" for entry in page.get("Contents", ())]
                if not page.get("IsTruncated"):
                    return found
                more = {"ContinuationToken": page["NextContinuationToken"]}


def split(url: str) -> tuple[str, str]:
    """Bucket and key (or its beginning) of ``s3://bucket/key``.

    Raises:
        InputError: no such address.
    """
    found = _ADDRESS.fullmatch(url)
    if not found:
        raise InputError(
            f"{without_credentials(url)} is no address on S3; expected s3://bucket/key, credentials in the environment "
            "and not in it: correct the address"
        )
    return found[1], found[2] or ""


def _object(url: str) -> tuple[str, str]:
    bucket, key = split(url)
    if not key:
        raise InputError(f"{url} is a whole bucket; expected one object, s3://{bucket}/key: correct the address")
    return bucket, key


@contextmanager
def _explaining(url: str, doing: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise explained(url, doing, error) from error


def _age_s(answer: dict[str, Any]) -> float:
    """By the server's clock alone: those of two machines may differ by more than a lease lasts."""
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    written: datetime = answer["LastModified"]
    return (now - written).total_seconds()
