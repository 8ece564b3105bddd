"""Whether a file was written since: its size and time or its tag in S3, and the hash of its content."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from label_pipeline.adapters.files.opening import read_bytes
from label_pipeline.adapters.s3 import Objects, split
from label_pipeline.adapters.s3_errors import explained


class Stamp(NamedTuple):
    """A file at a glance.

    Attributes:
        mark: another one whenever the file is written; on a local disk also with the same content.
        written_at: when (UTC).
    """

    mark: str
    written_at: datetime


def stamp(path: str | Path, objects: Objects | None = None) -> Stamp | None:
    """The file's stamp; None where there is no such file.

    Args:
        path: a local path, or an ``s3://`` address.
        objects: S3, where the address is there.

    Raises:
        InputError: the address is none.
        StorageError: S3 cannot be reached or says no.
    """
    if "://" in str(path):
        return _remote(str(path), objects) if objects is not None else None
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return Stamp(f"{found.st_size}:{found.st_mtime_ns}", datetime.fromtimestamp(found.st_mtime, UTC))


def content_hash(path: str | Path, objects: Objects | None = None) -> str:
    """Sha256 of the whole file.

    Raises:
        InputError: it cannot be read.
        StorageError: S3 cannot be reached or says no.
    """
    return hashlib.sha256(read_bytes(path, objects)).hexdigest()


def _remote(url: str, objects: Objects) -> Stamp | None:
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, key = split(url)
    try:
        # the first key of this beginning is the key itself, where it exists: keys come in order of their bytes
        page = objects.client.list_objects_v2(Bucket=bucket, Prefix=key)
    except (BotoCoreError, ClientError) as error:
        raise explained(url, "listed", error) from error
    found = next((entry for entry in page.get("Contents", ()) if entry["Key"] == key), None)
    return None if found is None else Stamp(str(found["ETag"]), found["LastModified"])
