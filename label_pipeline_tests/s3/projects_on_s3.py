"""The small project of the other tests, with tables, inputs, journal segments, logs and its key on AWS.

Keep out: expectations, and what the small project is (small_project.py).
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml

from label_pipeline.adapters.store import Store
from label_pipeline.core.catalogue import TABLES
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.settings import SAMPLE
from label_pipeline_tests.defs import projects
from label_pipeline_tests.s3 import servers

INSTANCE_FILE = Path(__file__).parents[2] / "deploy" / "dagster-s3.yaml"
LOGS = "bucket-of-logs"
SECRET = "small/provider"
AMPLIFY = ("candidate_pairs", "amplified_labels")
RANK = ("training_set", "trained_ranker", "ranker_evaluation")
ANCHOR = ("anchor_run", "drift_verdict")

OF_THE_RUN = ("run_id", "latency_s", "seconds", "batch")
"""Columns that differ from run to run on a folder too."""


def figures(store: Store) -> dict[str, pl.DataFrame]:
    """Every table without what differs from run to run, in one order."""
    found = {name: store.read(name).drop(OF_THE_RUN, strict=False) for name in TABLES}
    return {name: frame.sort(frame.columns, maintain_order=True) for name, frame in found.items()}


def changes(bucket: str) -> dict[str, Any]:
    """What the settings say otherwise when the state is on S3, the inputs too, and the key in Secrets Manager."""
    content = projects.data(Path("/unused"))
    inputs = {name: path.replace("{home}", f"s3://{bucket}") for name, path in content["inputs"].items()}
    endpoint = content["endpoints"]["rehearsal"]
    del endpoint["api_key_env"]
    endpoint["api_key_secret"] = f"{SECRET}:key"
    return {"storage": {"root": f"s3://{bucket}/search"}, "inputs": inputs, "endpoints": content["endpoints"]}


def prepare(world: SampleWorld, endpoint: str, bucket: str, folder: Path) -> None:
    """Puts the small project's files into the bucket, through ``folder``."""
    projects.write_small_inputs(world, folder)
    s3 = servers.client("s3", endpoint)
    for path in (folder / "inputs").iterdir():
        s3.put_object(Bucket=bucket, Key=f"inputs/{path.name}", Body=path.read_bytes())
    shutil.rmtree(folder)


@dataclass(frozen=True)
class OnS3:
    """A bucket with a project, and the disk of the machine that runs it."""

    bucket: str
    home: Path

    def graph(self, instance: dg.DagsterInstance, **others: Any) -> projects.Graph:
        """The project on this machine."""
        return projects.graph(projects.settings(self.home, **{**changes(self.bucket), **others}), instance)

    def copied(self, endpoint: str, bucket: str, home: Path) -> "OnS3":
        """The whole state at another place: everything it knows is objects and files."""
        s3 = servers.client("s3", endpoint)
        for key, content in servers.contents(endpoint, self.bucket).items():
            s3.put_object(Bucket=bucket, Key=key, Body=content)
        shutil.copytree(self.home, home)
        return OnS3(bucket, home)

    def settings_file(self, path: Path, **others: Any) -> Path:
        """Writes the settings, for processes that are told where they are."""
        content = projects.data(self.home, **{**changes(self.bucket), **others})
        content["rubric"] = str(SAMPLE.parent / "rubric.yaml")
        content["candidates"][0]["prompts"] = [str(SAMPLE.parent / "prompts" / "plain.yaml")]
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path


@contextmanager
def shipped_instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    """An instance by the shipped file, its home at ``folder``."""
    folder.mkdir()
    shutil.copy(INSTANCE_FILE, folder / "dagster.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder))
        patch.setenv("LABEL_PIPELINE_LOGS_BUCKET", LOGS)
        with dg.DagsterInstance.get() as instance:
            yield instance
