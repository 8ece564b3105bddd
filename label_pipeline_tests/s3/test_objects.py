"""Single objects: more than a page of them, odd keys, addresses that are none, answers taken for what they are."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from label_pipeline.adapters.aws import s3
from label_pipeline.adapters.files import InputSpec, read_rows
from label_pipeline.adapters.s3 import ABSENT, Objects
from label_pipeline.adapters.store import Store
from label_pipeline.core.errors import InputError, StorageError
from label_pipeline_tests.adapters.writers import queries
from label_pipeline_tests.s3 import servers
from label_pipeline_tests.s3.servers import Troubled

SECRET = "wJalrXUtnFEMI/K7MDENG"
PAGE = 1000
"""Keys S3 lists at once."""


def test_more_objects_than_a_page_are_all_listed(bucket: str, s3_url: str) -> None:
    client = servers.client("s3", s3_url)
    wanted = [f"many/{number:05}" for number in range(PAGE + 5)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: client.put_object(Bucket=bucket, Key=key, Body=b"x"), wanted))
    found = Objects(client).names(f"s3://{bucket}/many/")
    assert found == [f"s3://{bucket}/{key}" for key in wanted]


@pytest.mark.parametrize("key", ["a?b=c.csv", "a#b.csv", "a b.csv ", "100%25.csv", "/twice.csv", "ü/x.csv"])
def test_a_key_is_what_stands_behind_the_bucket(bucket: str, s3_url: str, key: str) -> None:
    objects = Objects(servers.client("s3", s3_url))
    objects.write(f"s3://{bucket}/{key}", b"content")
    assert list(servers.contents(s3_url, bucket)) == [key]
    found = objects.read(f"s3://{bucket}/{key}")
    assert found is not None
    assert found.data == b"content"


@pytest.mark.parametrize(
    "url",
    [
        "s3://", "s3:///key", "s3://bucket", "s3://bucket/", "s3://[bucket]/key", "s3://two words/key",
        "s3:/bucket/key", f"s3://AKIAIOSFODNN7EXAMPLE:{SECRET}@bucket/key", "S3://bucket/key",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_told_and_its_secret_is_not(bucket: str, s3_url: str, url: str) -> None:
    objects = Objects(servers.client("s3", s3_url))
    for do in (lambda: objects.read(url), lambda: objects.write(url, b"")):
        with pytest.raises(
            InputError, match=r"expected (s3://bucket/key|one object).*: correct the address"
        ) as refused:
            do()
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        f"https://bucket.s3.amazonaws.com/q.csv?X-Amz-Credential=AKIA%2F&X-Amz-Signature={SECRET}&X-Amz-Expires=60",
        f"https://somebody:{SECRET}@example.org/q.csv",
        f"https://example.org/q.csv?sv=1&sig={SECRET}",
        f"s3://AKIA:{SECRET}@bucket/q.csv",
    ],
)
def test_an_input_at_an_address_with_a_secret_is_refused_without_it(bucket: str, url: str) -> None:
    with pytest.raises(InputError, match=r"only local files and s3://|is no address on S3") as refused:
        read_rows(InputSpec(path=url, table="queries", objects=s3().objects))
    assert SECRET not in str(refused.value)
    assert "q.csv" in str(refused.value) or "bucket" in str(refused.value)


def test_an_endpoint_with_a_secret_in_it_does_not_get_into_a_sentence(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://somebody:hunter2hunter2@127.0.0.1:1")
    for do in (
        lambda: s3().objects.read(f"s3://{bucket}/x"),
        lambda: Store(f"s3://{bucket}/tables", options=s3().delta_options).read("queries"),
    ):
        with pytest.raises(StorageError, match="connection to S3 failed") as refused:
            do()
        assert "hunter2" not in str(refused.value)


def test_a_conditional_write_that_meets_another_one_is_tried_again(bucket: str, troubled: Troubled) -> None:
    objects, url = s3().objects, f"s3://{bucket}/x"
    troubled.rules({"method": "PUT", "path": "/x", "do": "conflict", "times": 1})
    assert objects.write(url, b"mine", only_over=ABSENT) is not None
    assert troubled.rules({"method": "PUT", "path": "/y", "do": "conflict"}) == [1]
    with pytest.raises(StorageError, match="S3 answered ConditionalRequestConflict"):
        objects.write(f"s3://{bucket}/y", b"mine", only_over=ABSENT)
    assert objects.read(f"s3://{bucket}/y") is None, "nobody may take it for stored"


def test_credentials_that_have_expired(bucket: str, troubled: Troubled) -> None:
    tables = Store(f"s3://{bucket}/tables", options=s3().delta_options)
    tables.overwrite("queries", queries("kept"))
    troubled.rules({"method": ".*", "path": ".", "do": "expire"})
    told = r"S3 does not accept these credentials \(ExpiredToken\); expected valid ones .*renew them, then run again"
    for do in (
        lambda: s3().objects.read(f"s3://{bucket}/x"),
        lambda: s3().objects.names(f"s3://{bucket}/x"),
        lambda: tables.read("queries"),
        lambda: tables.overwrite("queries", queries("new")),
    ):
        with pytest.raises(StorageError, match=told):
            do()
    troubled.rules()
    assert tables.read("queries")["query_id"].to_list() == ["kept"]


def test_credentials_of_a_profile_are_found_by_both_clients(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials"
    file.write_text(f"[search]\naws_access_key_id = {servers.ACCESS_KEY}\naws_secret_access_key = {servers.SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "search")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3().objects.write(f"s3://{bucket}/x", b"boto3")
    tables = Store(f"s3://{bucket}/tables", options=s3().delta_options)
    tables.overwrite("queries", queries("delta-rs"))
    assert tables.read("queries")["query_id"].to_list() == ["delta-rs"]
