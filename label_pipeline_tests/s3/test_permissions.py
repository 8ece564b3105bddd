"""A user whose policy allows to read only, judged by moto's own IAM: signatures are checked, policies too."""

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from label_pipeline.adapters.aws import s3
from label_pipeline.adapters.store import Store
from label_pipeline.core.errors import StorageError
from label_pipeline_tests.adapters.writers import queries
from label_pipeline_tests.s3 import servers

BUCKET = "guarded"


def allow(endpoint: str, *actions: str) -> dict[str, str]:
    """A new user who may do that and nothing else; their keys as the environment names them."""
    iam = servers.client("iam", endpoint)
    name = f"user-{len(actions)}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def ask_for_names(endpoint: str) -> None:
    """From then on the server looks at signatures and policies: after 0 more requests."""
    asked = Request(f"{endpoint}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}, method="POST")
    with urlopen(asked) as reply:
        assert reply.status == 200


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of its own, with a table in a bucket; the environment leads to it."""
    with servers.running_s3() as endpoint:
        for name, value in servers.environment(endpoint).items():
            monkeypatch.setenv(name, value)
        servers.make_bucket(endpoint, BUCKET)
        store().overwrite("queries", queries("before"))
        yield endpoint


def store() -> Store:
    return Store(f"s3://{BUCKET}/tables", options=s3().delta_options)


def use(monkeypatch: pytest.MonkeyPatch, keys: dict[str, str]) -> None:
    for name, value in keys.items():
        monkeypatch.setenv(name, value)


def test_who_may_read_only_reads_and_is_told_what_is_missing(guarded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, allow(guarded, "s3:GetObject", "s3:ListBucket"))
    ask_for_names(guarded)
    told = r"S3 refuses these credentials \(AccessDenied\); expected permission to list, read and write"
    assert store().read("queries")["query_id"].to_list() == ["before"]
    found = s3().objects.names(f"s3://{BUCKET}/tables/queries/")
    assert found
    with pytest.raises(StorageError, match=rf"tables/queries cannot be written: {told}"):
        store().overwrite("queries", queries("after"))
    with pytest.raises(StorageError, match=rf"lease cannot be written: {told}"):
        s3().objects.write(f"s3://{BUCKET}/lease", b"mine")
    assert store().read("queries")["query_id"].to_list() == ["before"]


def test_the_policy_of_the_documentation_is_enough_and_a_wrong_secret_is_none(
    guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, allow(guarded, "s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject"))
    ask_for_names(guarded)
    store().overwrite("queries", queries("after"))
    assert store().read("queries")["query_id"].to_list() == ["after"]
    assert s3().objects.write(f"s3://{BUCKET}/lease", b"mine") is not None
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    for do in (lambda: store().read("queries"), lambda: s3().objects.read(f"s3://{BUCKET}/lease")):
        with pytest.raises(StorageError, match=r"S3 does not accept these credentials \(SignatureDoesNotMatch\)"):
            do()
