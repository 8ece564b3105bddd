"""A small project on a fresh instance: web server, daemon, provider and webhook are all real and all here."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from label_pipeline.cli.init import write_project
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.settings import SAMPLE, Settings, load
from label_pipeline_tests.adapters.receiver import Receiver, receiving
from label_pipeline_tests.defs import projects
from label_pipeline_tests.small_project import KEY
from label_pipeline_tests.web.servers import REPOSITORY, Site, running_site

START = """
mutation ($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) {
    __typename
    ... on ScheduleStateResult { scheduleState { status } }
    ... on PythonError { message }
  }
}"""


@dataclass(frozen=True)
class Project:
    """The project under the site.

    Attributes:
        site: web server and daemon.
        settings: of the project.
        hook: where its alerts arrive.
        run: the run that calibrated and certified the judge.
    """

    site: Site
    settings: Settings
    hook: Receiver
    run: str


@pytest.fixture(scope="package")
def project(world: SampleWorld, provider_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A judge calibrated and certified by a run launched in the page, the nightly schedule turned on meanwhile."""
    home = tmp_path_factory.mktemp("site")
    found = _settings(world, home)
    with receiving() as hook:
        environment = {
            "LABEL_PIPELINE_CONFIG": str(home / "settings.yaml"),
            "LABEL_PIPELINE_PROVIDER": provider_url,
            "LABEL_PIPELINE_PROVIDER_KEY": KEY,
            "ALERTS_WEBHOOK": hook.url,
        }
        write_project(home / "my-search")
        also = home / "my-search" / "settings.yaml"
        with running_site(home, environment, {also: load(also)}) as site:
            run = site.launch("recalibrate")
            # on while the judge is asked: the night it starts must wait for the one slot of the pool
            started = site.ask(START, selector={**REPOSITORY, "scheduleName": "nightly"})["startSchedule"]
            assert started["scheduleState"]["status"] == "RUNNING", started
            assert site.finished(run) == "SUCCESS", site.said()
            yield Project(site, found, hook, run)


def _settings(world: SampleWorld, home: Path) -> Settings:
    """The small project with candidates of yesterday and today, a night every minute and a floor nobody reaches."""
    today = datetime.now(UTC).date()
    folder = home / "project"
    projects.write_small_inputs(world, folder)
    _redate(folder / "inputs" / "candidates.jsonl", today)
    for name in ("rubric.yaml", "prompts"):
        source = SAMPLE.parent / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, home / name)
    data = projects.data(
        folder,
        agreement_floor=0.99,
        agreement_waiver="a floor nobody reaches, for an alert",
        days={"start": str(today - timedelta(days=1)), "end": str(today + timedelta(days=1))},
        amplify={"cap_usd": 1, "cron": "* * * * *"},
    )
    data["alerts"] = {"webhook_env": "ALERTS_WEBHOOK"}
    (home / "settings.yaml").write_text(yaml.safe_dump(data))
    return load(home / "settings.yaml")


def _redate(path: Path, today: date) -> None:
    """Moves the three days of the small project to yesterday, today and tomorrow: a night may begin at midnight."""
    days = {day: str(today + timedelta(days=index - 1)) for index, day in enumerate(projects.DAYS)}
    pl.read_ndjson(path).with_columns(pl.col("arrived_on").replace_strict(days)).write_ndjson(path)
