"""Run as a module: the sample project of `make demo`, whole, on a folder and on S3; are all tables the same?

Some minutes, so no test: the small project of test_whole_loop.py is one. Inputs, tables, journal segments and lease are
in a bucket of a moto server, the key is in its Secrets Manager, the instance is the shipped one; the clock stands
still, so that times of day are no difference. Ends with 1 where a table differs. Keep out: the sample (rehearsal/).
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, NamedTuple

import dagster as dg
import polars as pl
import yaml
from polars.testing import assert_frame_equal
from rich.console import Console

from label_pipeline.cli.provider import KEY_VARIABLE, ensure_sample_inputs, provider_process
from label_pipeline.cli.running import PARTITION_RANGE, RunChoice
from label_pipeline.settings import SAMPLE, Settings, parse
from label_pipeline_tests.defs import projects
from label_pipeline_tests.s3 import servers
from label_pipeline_tests.s3.projects_on_s3 import LOGS, figures, shipped_instance

BUCKET, SECRET = "the-sample", "sample/provider"


class Ran(NamedTuple):
    """One run of the whole loop: every table, and seconds per step."""

    figures: dict[str, pl.DataFrame]
    seconds: list[tuple[str, float]]

    @property
    def total_s(self) -> float:
        """Seconds in all."""
        return sum(seconds for _, seconds in self.seconds)


def settings_of(home: Path, **changes: Any) -> Settings:
    """The sample's settings with another home."""
    data = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    return parse({**data, "home": str(home), **changes}, SAMPLE)


def on_s3(home: Path, endpoint: str, inputs: Path) -> Settings:
    """The sample's settings with everything in the bucket, which is filled."""
    for bucket in (BUCKET, LOGS):
        servers.make_bucket(endpoint, bucket)
    for path in inputs.iterdir():
        servers.client("s3", endpoint).put_object(Bucket=BUCKET, Key=f"inputs/{path.name}", Body=path.read_bytes())
    secret = json.dumps({"key": os.environ[KEY_VARIABLE]})
    servers.client("secretsmanager", endpoint).create_secret(Name=SECRET, SecretString=secret)
    data = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    del data["endpoints"]["rehearsal"]["api_key_env"]
    data["endpoints"]["rehearsal"]["api_key_secret"] = f"{SECRET}:key"
    places = {name: path.replace("{home}", f"s3://{BUCKET}") for name, path in data["inputs"].items()}
    return settings_of(home, storage={"root": f"s3://{BUCKET}/search"}, inputs=places, endpoints=data["endpoints"])


def run(found: Settings, instance: dg.DagsterInstance) -> Ran:
    """The loop as `run` goes through it, at one moment."""
    graph = projects.graph(found, instance)
    assets = graph.definitions.resolve_asset_graph()
    job = graph.definitions.resolve_implicit_global_asset_job_def()
    days = dict(zip(PARTITION_RANGE, (found.days.start.isoformat(), str(found.days.end)), strict=True))
    due: dict[str, Any] = {**projects.QUIET, "ops": {"anchor_run": {"config": {"only_when_due": True}}}}
    seconds = []
    for stage in RunChoice().steps:
        keys = [key for key in assets.get_all_asset_keys() if assets.get(key).group_name == stage]
        started = monotonic()
        done = job.execute_in_process(
            instance=instance, asset_selection=keys, tags=days if stage == "amplify" else {}, raise_on_error=False,
            run_config=due if stage == "anchor" else projects.QUIET,
        )  # fmt: skip
        seconds.append((stage, monotonic() - started))
        assert done.success, f"{stage}: {projects.failure_of(done)}"
    return Ran(figures(graph.project.store("review")), seconds)


def differences(one: Ran, other: Ran) -> Iterator[tuple[str, int, str]]:
    """Every table, its rows, and how the two differ ('' where they do not)."""
    for name, frame in one.figures.items():
        try:
            assert_frame_equal(other.figures[name], frame, check_exact=True)
        except AssertionError as error:
            yield name, frame.height, " ".join(str(error).split())[:200]
        else:
            yield name, frame.height, ""


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """These variables while the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def main() -> int:
    """Runs both, prints tables and times; returns the exit code."""
    with TemporaryDirectory(prefix="label-pipeline-sample-") as name:
        folder = Path(name)
        local = settings_of(folder / "home")
        ensure_sample_inputs(local)
        with provider_process(local, SAMPLE):
            with dg.DagsterInstance.local_temp(str(folder)) as instance:
                here = run(local, instance)
            with servers.running_s3() as endpoint, environment(servers.environment(endpoint)):
                found = on_s3(folder / "home on s3", endpoint, folder / "home" / "inputs")
                with shipped_instance(folder / "dagster") as instance:
                    there = run(found, instance)
                objects = len(servers.contents(endpoint, BUCKET))
    console, bad = Console(highlight=False, soft_wrap=True), 0
    for table, rows, difference in differences(here, there):
        bad += bool(difference)
        console.print(f"{table:24} {rows:>8,} rows  {difference or 'the same'}")
    for place, ran in (("folder", here), ("S3", there)):
        console.print(
            f"{place}: {ran.total_s:.0f} s = " + ", ".join(f"{stage} {took:.1f}" for stage, took in ran.seconds)
        )
    console.print(f"{objects} objects in the bucket; {bad} tables differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
