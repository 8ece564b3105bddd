"""What `new_human_labels` sees of a file on S3, without reading it."""

import pytest

from label_pipeline.adapters.files.stamps import content_hash, stamp
from label_pipeline.adapters.s3 import Objects
from label_pipeline.core.errors import StorageError
from label_pipeline_tests.s3 import servers


def test_a_file_on_s3_is_known_by_its_tag(bucket: str, s3_url: str) -> None:
    objects, url = Objects(servers.client("s3", s3_url)), f"s3://{bucket}/inputs/labels.csv"
    assert stamp(url, objects) is None
    objects.write(url, b"a,b\n")
    objects.write(f"{url}.bak", b"another of the same beginning")
    before = stamp(url, objects)
    assert before is not None
    objects.write(url, b"a,b\n")
    again = stamp(url, objects)
    assert again is not None
    assert again.mark == before.mark, "sent again, the same content is the same file"
    content = content_hash(url, objects)
    objects.write(url, b"a,c\n")
    changed = stamp(url, objects)
    assert changed is not None
    assert changed.mark != before.mark
    assert content_hash(url, objects) != content


def test_a_bucket_that_is_not_there_is_told(bucket: str, s3_url: str) -> None:
    with pytest.raises(StorageError, match="no-such-bucket"):
        stamp("s3://no-such-bucket/labels.csv", Objects(servers.client("s3", s3_url)))
