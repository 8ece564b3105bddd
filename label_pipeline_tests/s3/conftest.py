"""A moto server for the session, buckets, the environment that leads to them, and a certified project on S3."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.conftest import instance
from label_pipeline_tests.s3 import projects_on_s3, servers
from label_pipeline_tests.s3.projects_on_s3 import OnS3
from label_pipeline_tests.s3.servers import Troubled
from label_pipeline_tests.small_project import KEY

__all__ = ["instance"]

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The server, with the bucket of logs and the provider's key in Secrets Manager."""
    with servers.running_s3() as url:
        servers.make_bucket(url, projects_on_s3.LOGS)
        secret = json.dumps({"key": KEY})
        servers.client("secretsmanager", url).create_secret(Name=projects_on_s3.SECRET, SecretString=secret)
        yield url


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket's name; the environment leads every client to its server."""
    for name, value in servers.environment(s3_url).items():
        monkeypatch.setenv(name, value)
    found = f"bucket-{next(_NUMBERS)}"
    servers.make_bucket(s3_url, found)
    return found


@pytest.fixture
def troubled(bucket: str, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    """A proxy in front of the server; the environment leads every client through it."""
    with servers.running_proxy(s3_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture(scope="session")
def certified_on_s3(
    world: SampleWorld, provider_url: str, s3_url: str, tmp_path_factory: pytest.TempPathFactory
) -> OnS3:
    """A project whose judge has an open verdict, nothing labelled; run on the shipped instance, which stays beside it.

    Copy it, do not use it.
    """
    folder = tmp_path_factory.mktemp("on_s3")
    found = OnS3("certified", folder / "home")
    servers.make_bucket(s3_url, found.bucket)
    projects_on_s3.prepare(world, s3_url, found.bucket, folder / "written")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in servers.environment(s3_url).items():
            patch.setenv(name, value)
        patch.setenv("LABEL_PIPELINE_PROVIDER", provider_url)
        with projects_on_s3.shipped_instance(folder / "dagster") as shipped:
            done = found.graph(shipped).run(*projects.TO_GATE)
            assert done.success, projects.failure_of(done)
            assert found.graph(shipped).run("candidate_pairs", tags=projects.ALL_DAYS).success
    return found


@pytest.fixture
def certified(certified_on_s3: OnS3, bucket: str, s3_url: str, provider: projects.Provider, tmp_path: Path) -> OnS3:
    """A copy of it of the test's own."""
    return certified_on_s3.copied(s3_url, bucket, tmp_path / "home")
