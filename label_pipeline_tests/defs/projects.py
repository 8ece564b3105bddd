"""A small project over the generated world: its files, its settings, and a copy of it with an open verdict.

The world's seed queries are all there (a gate needs 44 holdout queries of 10 pairs); the candidates are cut to a few
pairs on three days.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import dagster as dg
import polars as pl

from label_pipeline.defs.build import build
from label_pipeline.operations.project import Project
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_files import write_files
from label_pipeline.settings import SAMPLE, Settings, parse

DAYS = ("2026-09-01", "2026-09-02", "2026-09-03")
PAIRS_A_DAY = 20
START = datetime(2026, 9, 20, tzinfo=UTC)
LATER = datetime(2026, 9, 21, tzinfo=UTC)


@dataclass(frozen=True)
class Provider:
    """A running provider and what it counted."""

    url: str

    def requests(self) -> int:
        """Chat requests received so far."""
        return int(self.stats()["requests"])

    def stats(self) -> dict[str, Any]:
        """Everything it counted so far."""
        with urlopen(self.url.removesuffix("/v1") + "/stats") as reply:
            return dict(json.load(reply))


def data(home: Path, *, model: str = "rehearsal-large", **changes: object) -> dict[str, Any]:
    """Settings data of the small project; ``changes`` replaces top-level keys."""
    return {
        "name": "small",
        "home": str(home),
        "rubric": "rubric.yaml",
        "inputs": {
            "queries": "{home}/inputs/queries.csv",
            "documents": "{home}/inputs/documents.parquet",
            "human_labels": "{home}/inputs/human_labels.csv",
            "evaluation": "{home}/inputs/evaluation.csv",
            "candidates": "{home}/inputs/candidates.jsonl",
        },
        "days": {"start": DAYS[0], "end": DAYS[-1]},
        "endpoints": {
            "rehearsal": {
                "base_url": "${LABEL_PIPELINE_PROVIDER}",
                "api_key_env": "LABEL_PIPELINE_PROVIDER_KEY",
                "timeout_s": 20,
                "max_retries": 1,
            }
        },
        "candidates": [
            {
                "endpoint": "rehearsal",
                "models": [model],
                "prompts": ["prompts/plain.yaml"],
                "logprobs": True,
                "served_as": [f"{model}-2026-08"],
                "prices": {model: {"input_usd": 0.2, "output_usd": 0.8}},
            }
        ],
        "calibrate": {"cap_usd": 1},
        "gate": {"cap_usd": 1},
        "amplify": {"cap_usd": 1},
        "anchor": {"cap_usd": 1, "canary_pairs": 0},
        **changes,
    }


def settings(home: Path, **changes: Any) -> Settings:
    """The small project at ``home``, beside the sample's rubric and prompt."""
    return parse(data(home, **changes), SAMPLE)


def write_small_inputs(world: SampleWorld, home: Path) -> None:
    """The world's files, with ``PAIRS_A_DAY`` candidates on each of three days."""
    files = write_files(world, home / "inputs")
    candidates = pl.read_ndjson(files["candidates"]).sort("query_id", "doc_id")
    internal = world.documents.filter(pl.col("boundary") == "internal").select("doc_id")
    few = candidates.join(internal, on="doc_id", how="semi").head(PAIRS_A_DAY * len(DAYS))
    days = [DAYS[index % len(DAYS)] for index in range(few.height)]
    few.with_columns(pl.Series("arrived_on", days)).write_ndjson(files["candidates"])


def copied(source: Path, target: Path) -> Path:
    """A project's whole home at another place: everything it knows is files."""
    shutil.copytree(source, target)
    return target


@dataclass(frozen=True)
class Graph:
    """A built project and the instance its runs go to."""

    settings: Settings
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    clock_now: datetime

    @property
    def project(self) -> Project:
        """The same project outside the graph."""
        return Project(self.settings, lambda: self.clock_now)

    def run(self, *assets: str, tags: Mapping[str, str] | None = None, day: str | None = None) -> Any:
        """Materialises the assets in this process, failures returned."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance, asset_selection=[dg.AssetKey(name) for name in assets], partition_key=day,
            tags=dict(tags or {}), raise_on_error=False, run_config=QUIET,
        )  # fmt: skip

    def job(self, name: str, day: str | None = None) -> Any:
        """Runs a job in this process, failures returned."""
        job = self.definitions.resolve_job_def(name)
        return job.execute_in_process(instance=self.instance, partition_key=day, raise_on_error=False, run_config=QUIET)


QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
TO_GATE = (
    "seed_inputs", "annotator_agreement", "gold_labels", "seed_splits",
    "judge_leaderboard", "calibrated_judge", "gate_verdict",
)  # fmt: skip
ALL_DAYS = {
    "dagster/asset_partition_range_start": DAYS[0],
    "dagster/asset_partition_range_end": DAYS[-1],
}


def graph(found: Settings, instance: dg.DagsterInstance, now: datetime = START) -> Graph:
    """The graph of ``found`` at the time ``now``."""
    return Graph(found, build(found, clock=lambda: now), instance, now)


def failure_of(result: Any) -> str:
    """The sentence a failed run gives."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            return str(data.user_failure_data.description if data.user_failure_data else data.error_display_string)
    raise AssertionError("the run did not fail in a step")
