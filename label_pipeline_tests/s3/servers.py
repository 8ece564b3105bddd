"""Starts the two servers of these tests, and what a test does to them. Keep out: expectations."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

REGION = "eu-central-1"
ACCESS_KEY = "AKIATESTACCESSKEY0001"
SECRET = "a-secret-of-aws-that-no-file-may-hold"


def environment(endpoint: str) -> dict[str, str]:
    """What a machine exports so that every AWS client of its processes finds this server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of the server, for looking at it and preparing it."""
    import boto3

    return boto3.client(
        service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET
    )


def make_bucket(endpoint: str, name: str) -> None:
    """Makes an empty bucket."""
    client("s3", endpoint).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def contents(endpoint: str, bucket: str) -> dict[str, bytes]:
    """Every object of a bucket, by key."""
    s3 = client("s3", endpoint)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@dataclass
class Troubled:
    """The proxy in front of the server."""

    url: str
    process: "subprocess.Popen[str]"

    def rules(self, *rules: dict[str, Any]) -> list[int]:
        """Puts these rules in force; returns how often each of those before has struck."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(rules) + "\n")
        self.process.stdin.flush()
        found: list[int] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def running_s3() -> Iterator[str]:
    """A moto server; yields its address."""
    with _running("moto_process") as process:
        yield _first_line(process)


@contextmanager
def running_proxy(server: str) -> Iterator[Troubled]:
    """The proxy, which lets everything pass until it has rules."""
    with _running("troubled_process") as process:
        assert process.stdin is not None
        process.stdin.write(server + "\n")
        process.stdin.flush()
        yield Troubled(_first_line(process), process)


@contextmanager
def _running(module: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.{module}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.terminate()
        process.wait(30)
        process.stdout.close()


def _first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith("http"), "the server did not start"
    return line
