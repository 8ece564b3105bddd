"""A small project watched tick by tick: a provider whose model can be turned, a clock, and sensors on a real instance.

The seed is cut to 48 queries of 4 pairs, so that a recalibration sends 164 requests, and the gate is a loose one: these
tests are about when it is asked, not about what it decides.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from label_pipeline.defs.build import build
from label_pipeline.defs.names import names_of
from label_pipeline.operations.project import Project
from label_pipeline.rehearsal.faults import ChangedFingerprint, Fault, ScriptedFaults, ServedAs
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import SimulatedModel, simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_files import write_files
from label_pipeline.settings import SAMPLE, Settings, parse
from label_pipeline_tests.defs import projects
from label_pipeline_tests.small_project import KEY

SEED_QUERIES, PAIRS_A_QUERY = 48, 4
NIGHTS = 31
FIRST_NIGHT = date(2026, 9, 1)
PAIRS_A_NIGHT = 2
MODEL = "rehearsal-large"
SERVED = tuple(f"{MODEL}-2026-{month}" for month in ("08", "09", "10"))
THRESHOLDS = {
    "min_queries": 20, "min_pairs": PAIRS_A_QUERY, "r2_low": -1, "pairwise_accuracy_low": 0.3, "gross_error_high": 0.6,
    "bias_high": 0.5, "unreadable_high": 0.5,
}  # fmt: skip
LOOSE = {"policy": "single-permissive", "cap_usd": 1, "thresholds": THRESHOLDS}


class Dial(ScriptedFaults):
    """What happens to every request from now on, turned by the test."""

    def __init__(self) -> None:
        super().__init__([])
        self.now: Fault | None = None
        self._pace, self._seen = 1, 0

    def next(self) -> Fault | None:
        self._seen += 1
        return self.now if self._seen % self._pace == 0 else None

    def every(self, nth: int, fault: Fault) -> None:
        """From now on this happens to every nth request."""
        self.now, self._pace, self._seen = fault, nth, 0

    def serve(self, model: str) -> None:
        """From now on replies report ``model``."""
        self.now = ServedAs(model)

    def fingerprint(self, name: str) -> None:
        """From now on the certified model replies under another fingerprint."""
        self.now = ChangedFingerprint(name)


class Clock:
    """A clock that goes on by a second at every look, so that no two moments are one."""

    def __init__(self, now: datetime = datetime(2026, 10, 1, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@contextmanager
def dialled(models: list[SimulatedModel], dial: Dial, port: int = 0) -> Iterator[str]:
    """The provider, its replies as ``dial`` says."""
    with running_provider(make_app(models, api_key=KEY, faults=dial), port=port) as url:
        yield url


def watched_settings(home: Path, **changes: Any) -> Settings:
    """The small project with a loose gate, no canary and a baseline of five."""
    return parse(watched_content(home, **changes), SAMPLE)


def watched_content(home: Path, **changes: Any) -> dict[str, Any]:
    """The same as it would stand in a file."""
    watch = {"recalibration_cap_usd": 1, "every_s": 1}
    anchor = {"required": False, "cap_usd": 1, "canary_pairs": 0, "baseline_runs": 5}
    last = FIRST_NIGHT + timedelta(days=NIGHTS - 1)
    days = {"start": FIRST_NIGHT.isoformat(), "end": last.isoformat()}
    given = {"gate": LOOSE, "anchor": anchor, "watch": watch, "days": days, **changes}
    content = projects.data(home, model=MODEL, **given)
    content["inputs"]["pairs_per_query"] = PAIRS_A_QUERY
    if "candidates" not in changes:
        content["candidates"][0]["served_as"] = list(SERVED)
    return content


def write_inputs(world: SampleWorld, home: Path) -> None:
    """The world's files: 48 seed queries, and two candidates for every night."""
    files = write_files(world, home / "inputs")
    labels = pl.read_csv(files["human_labels"])
    kept = labels["query_id"].unique(maintain_order=True).head(SEED_QUERIES)
    labels.filter(pl.col("query_id").is_in(kept.implode())).write_csv(files["human_labels"])
    internal = world.documents.filter(pl.col("boundary") == "internal").select("doc_id")
    candidates = pl.read_ndjson(files["candidates"]).sort("query_id", "doc_id").join(internal, on="doc_id", how="semi")
    few = candidates.head(NIGHTS * PAIRS_A_NIGHT)
    nights = [(FIRST_NIGHT + timedelta(days=index % NIGHTS)).isoformat() for index in range(few.height)]
    few.with_columns(pl.Series("arrived_on", nights)).write_ndjson(files["candidates"])


@dataclass(frozen=True)
class Tick:
    """What one evaluation did."""

    asked: tuple[dg.RunRequest, ...]
    told: str

    @property
    def jobs(self) -> list[str]:
        return [str(request.job_name) for request in self.asked]

    @property
    def keys(self) -> list[str]:
        return [str(request.run_key) for request in self.asked]


@dataclass
class Watch:
    """The project's graph on one instance; ticks its sensors and runs what they ask for, as the daemon does."""

    settings: Settings
    instance: dg.DagsterInstance
    clock: Clock = field(default_factory=Clock)
    cursors: dict[str, str | None] = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.definitions = build(self.settings, clock=self.clock)
        self.repository = self.definitions.get_repository_def()
        self.names = names_of(self.settings)

    @property
    def project(self) -> Project:
        return Project(self.settings, self.clock)

    def tick(self, sensor: str) -> Tick:
        """One evaluation with the cursor of the last one; runs nothing."""
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursors.get(sensor), repository_def=self.repository,
            sensor_name=self.names.of(sensor), resources={"project": self.project},
        ) as context:  # fmt: skip
            found = self.repository.get_sensor_def(self.names.of(sensor)).evaluate_tick(context)
        self.cursors[sensor] = found.cursor
        for event in found.asset_events:  # as the daemon does
            self.instance.report_runless_asset_event(event)
        return Tick(tuple(found.run_requests or ()), found.skip_message or "")

    def tick_and_run(self, sensor: str) -> Tick:
        """One evaluation, and every run it asks for, to its end."""
        tick = self.tick(sensor)
        self.results += [self.run(request, sensor) for request in tick.asked]
        return tick

    def run(self, request: dg.RunRequest, sensor: str) -> Any:
        """What the daemon does with a request: nothing, where the sensor asked for this key before."""
        tags = {"dagster/run_key": str(request.run_key), "dagster/sensor_name": sensor}
        if self.instance.get_runs(dg.RunsFilter(tags=tags)):
            return None
        job = self.repository.get_job(str(request.job_name))
        return job.execute_in_process(
            instance=self.instance, run_config={**request.run_config, **projects.QUIET},
            tags={**request.tags, **tags}, raise_on_error=False,
        )  # fmt: skip

    def job(self, name: str, config: dict[str, Any] | None = None) -> Any:
        """A person runs a job."""
        return self.repository.get_job(name).execute_in_process(
            instance=self.instance, run_config={**(config or {}), **projects.QUIET}, raise_on_error=False
        )

    def night(self, number: int) -> Any:
        """One night's labels, without SQL checks; every candidate is loaded already."""
        day = FIRST_NIGHT + timedelta(days=number)
        return dg.materialize(
            [self.definitions.resolve_assets_def("amplified_labels")],
            instance=self.instance, partition_key=day.isoformat(), run_config=projects.QUIET, raise_on_error=False,
        )  # fmt: skip

    def materialise(self, asset: str, **options: Any) -> Any:
        """One asset, failures returned."""
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance, asset_selection=[dg.AssetKey(asset)], run_config=projects.QUIET,
            raise_on_error=False, **options,
        )  # fmt: skip

    def states(self) -> list[tuple[str, str, int]]:
        """Kind, state and epoch of every row in verdicts, oldest first."""
        rows = self.project.store("gate").read("verdicts").sort("decided_at")
        return list(rows.select("kind", "state", "epoch").iter_rows())

    def runs(self, job: str) -> int:
        """Runs of ``job`` so far."""
        return len(self.instance.get_runs(dg.RunsFilter(job_name=job)))


def certify(world: SampleWorld, home: Path, url: str) -> None:
    """Makes a home whose judge has an open verdict."""
    write_inputs(world, home)
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("LABEL_PIPELINE_PROVIDER", url)
        patch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        watch = Watch(watched_settings(home), instance, Clock(projects.START))
        done = watch.job("recalibrate")
        assert done.success, projects.failure_of(done)
        last = FIRST_NIGHT + timedelta(days=NIGHTS - 1)
        span = dict(zip(projects.ALL_DAYS, (FIRST_NIGHT.isoformat(), last.isoformat()), strict=True))
        assert watch.materialise("candidate_pairs", tags=span).success


__all__ = [
    "FIRST_NIGHT", "KEY", "SERVED", "Clock", "Dial", "Tick", "Watch", "certify", "dialled", "simulated_models",
    "watched_settings",
]  # fmt: skip
