"""Off Amazon no upload carries the checksum that other servers refuse; at Amazon's, and where asked for, it does."""

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from label_pipeline.adapters import aws


def headers_of_an_upload() -> set[str]:
    """The headers of a put as they would go out; nothing does."""
    client, seen = aws._client("s3"), set[str]()

    def stop(request: Any, **_: object) -> AWSResponse:
        seen.update(name.lower() for name in request.headers)
        response = AWSResponse(request.url, 200, {}, None)
        response._content = b""
        return response

    client.meta.events.register("before-send.s3", stop)
    client.put_object(Bucket="b", Key="k", Body=b"x")
    return seen


@pytest.mark.parametrize(
    ("address", "word", "sent"),
    [
        ("http://127.0.0.1:9", None, False),
        ("https://account.r2.cloudflarestorage.com", None, False),
        ("https://amazonaws.com.example", None, False),
        ("http://127.0.0.1:9", "when_supported", True),
        (None, None, True),
    ],
)
def test_checksums_are_amazon_s_own(
    address: str | None, word: str | None, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", aws.CHECKSUMS):
        monkeypatch.delenv(name, raising=False)
    given = {"AWS_ENDPOINT_URL": address, aws.CHECKSUMS: word, "AWS_REGION": "eu-central-1",
             "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}  # fmt: skip
    for name, value in given.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    found = headers_of_an_upload()
    assert any(name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum")) for name in found) is sent
    assert "authorization" in found
