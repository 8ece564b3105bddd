"""Tables kept open on S3: what happens to the objects behind a process is noticed as on a folder."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from label_pipeline.adapters.aws import s3
from label_pipeline.adapters.store import Store
from label_pipeline_tests.adapters.changed_behind import CHANGES, Change, check
from label_pipeline_tests.s3 import servers


@dataclass
class Objects:
    """The objects of one table in a bucket of its own."""

    endpoint: str
    bucket: str

    def files(self) -> Mapping[str, bytes]:
        return servers.contents(self.endpoint, self.bucket)

    def replace(self, files: Mapping[str, bytes]) -> None:
        client = servers.client("s3", self.endpoint)
        for key in servers.contents(self.endpoint, self.bucket):
            client.delete_object(Bucket=self.bucket, Key=key)
        for key, content in files.items():
            client.put_object(Bucket=self.bucket, Key=key, Body=content)


def store(bucket: str) -> Store:
    return Store(f"s3://{bucket}/tables", "review", s3().delta_options)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_behind_it_is_noticed(bucket: str, s3_url: str, change: Change) -> None:
    check(store(bucket), Objects(s3_url, bucket), change)
