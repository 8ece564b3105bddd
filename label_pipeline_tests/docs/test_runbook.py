"""The runbook is complete and current: every check, sensor, schedule and cause has its section, no other thing has."""

import os
import re
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from label_pipeline.core.codes.drift import CAUSES
from label_pipeline.defs.alerts.notices import RUN_FAILED, SUMMED_UP, Graph
from label_pipeline.defs.build import build
from label_pipeline.defs.names import Names
from label_pipeline.settings import load

TEXT = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
QUESTIONS = ("**Means**", "**Look**", "**Do**", "**Costs**")


def chapter(title: str) -> str:
    """The text between one ``##`` heading and the next."""
    return re.split(r"^## ", TEXT.partition(f"\n## {title}\n")[2], flags=re.MULTILINE)[0]


def sections(title: str) -> dict[str, str]:
    """Heading: text, of every ``###`` section of a chapter."""
    parts = re.split(r"^### (.+)$", chapter(title), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build(load(), ())


def test_every_check_of_the_graph_has_its_section_and_no_section_is_stale(definitions: dg.Definitions) -> None:
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    assert len(checks) > 15
    assert set(sections("Checks")) == checks


def test_every_sensor_and_schedule_has_its_section(definitions: dg.Definitions) -> None:
    assert set(sections("Sensors")) == {sensor.name for sensor in definitions.sensors or ()}
    assert set(sections("Schedules")) == {schedule.name for schedule in definitions.schedules or ()}


def test_what_an_alert_about_no_check_links_to_is_there() -> None:
    assert {RUN_FAILED, SUMMED_UP} < set(sections("How you are told"))


def test_every_link_of_an_alert_lands_on_its_section(definitions: dg.Definitions) -> None:
    """As GitHub and GitLab name a heading: lower case, blanks to hyphens, other signs gone; a double is numbered."""
    headings = re.findall(r"^#+ (.+)$", TEXT, flags=re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    graph = Graph(Names((), (), "p"), {}, frozenset(), frozenset(), "i", None, "http://page", "runbook")
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    for name in (*checks, RUN_FAILED, SUMMED_UP):
        anchor = graph.runbook(name).partition("#")[2]
        assert slugs.count(anchor) == 1, name


def test_every_cause_of_drift_is_in_the_table() -> None:
    assert re.findall(r"^\| `(.+?)` \|", chapter("Drift causes"), flags=re.MULTILINE) == list(CAUSES)


@pytest.mark.parametrize("title", ["How you are told", "Checks", "Sensors", "Schedules"])
def test_a_section_says_what_it_means_where_to_look_what_to_do_and_what_it_costs(title: str) -> None:
    lacking = {
        name: [question for question in QUESTIONS if f"- {question}: " not in text]
        for name, text in sections(title).items()
    }
    assert {name: questions for name, questions in lacking.items() if questions} == {}


def test_jobs_and_settings_it_names_exist(definitions: dg.Definitions) -> None:
    jobs = {job.name for job in definitions.jobs or ()}
    named = set(re.findall(r"[Jj]obs? `(\w+)`", TEXT))
    assert named
    assert named <= jobs
    settings = load()
    for section, knob in re.findall(r"`(alerts|amplify|anchor|calibrate|gate|watch)\.(\w+)`", TEXT):
        assert knob in type(getattr(settings, section)).model_fields, f"{section}.{knob}"


@pytest.mark.outside
@pytest.mark.parametrize(
    ("content", "age_s", "well"),
    [
        ('{\n "healthy": true,\n "webhook": "works"\n}', 10, True),
        ('{\n "healthy": true,\n "webhook": "works"\n}', 400, False),
        ('{\n "healthy": false,\n "webhook": "fails"\n}', 10, False),
        (None, 0, False),
    ],
)
def test_the_command_of_the_watchdog_works_as_written(
    content: str | None, age_s: int, well: bool, tmp_path: Path
) -> None:
    (command,) = re.findall(r"^```sh\n(find .+?)\n```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    beat = tmp_path / "heartbeat.json"
    if content is not None:
        beat.write_text(content)
        os.utime(beat, (time.time() - age_s,) * 2)
    done = subprocess.run(["sh", "-c", command], env={**os.environ, "HEARTBEAT": str(beat)}, check=False)
    assert (done.returncode == 0) == well
