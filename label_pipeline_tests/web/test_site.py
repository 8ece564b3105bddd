"""The page and the daemon as people run them: a launch, a schedule, sensors, checks, and what a browser shows."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from label_pipeline.operations import project as plain
from label_pipeline.stages import STAGES
from label_pipeline_tests.adapters.receiver import SECRET
from label_pipeline_tests.small_project import KEY
from label_pipeline_tests.web.browser import chromium, executable
from label_pipeline_tests.web.conftest import Project
from label_pipeline_tests.web.servers import REPOSITORY, ROOT, Site

pytestmark = pytest.mark.slow

CHROMIUM = executable()

PICTURES = ROOT / ".runs" / "screenshots"
"""Ignored by git."""

CHECKS = """
query { assetNodes { assetKey { path } assetChecksOrError { ... on AssetChecks { checks {
  name blocking executionForLatestMaterialization { runId status evaluation { success severity description } }
} } } } }"""

TICKS = """
query ($repository: RepositorySelector!) {
  sensorsOrError(repositorySelector: $repository) { ... on Sensors { results {
    name sensorState { status ticks { status skipReason error { message } } } } } }
  schedulesOrError(repositorySelector: $repository) { ... on Schedules { results {
    name scheduleState { status ticks { status runIds skipReason error { message } } } } } }
}"""

CELLS = """
query { assetNodes { assetKey { path } repository { location { name } } assetMaterializations(limit: 1) { runId }
  assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { runId } } } } } }"""

HEALTH = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"


def checks(site: Site, run: str) -> dict[str, dict[str, Any]]:
    """Every check that ran in ``run``, by name."""
    nodes = site.ask(CHECKS)["assetNodes"]
    found = [check for node in nodes for check in node["assetChecksOrError"].get("checks", [])]
    latest = "executionForLatestMaterialization"
    return {check["name"]: check for check in found if check[latest] and check[latest]["runId"] == run}


def ticks(site: Site, kind: str) -> dict[str, list[dict[str, Any]]]:
    """The tick history of every sensor or schedule that is turned on, newest first."""
    results = site.ask(TICKS, repository=REPOSITORY)[f"{kind}OrError"]["results"]
    states = {item["name"]: item["sensorState" if kind == "sensors" else "scheduleState"] for item in results}
    return {name: state["ticks"] for name, state in states.items() if state["status"] == "RUNNING"}


def test_a_run_launched_in_the_page_certifies_the_judge_and_its_checks_are_read_back(project: Project) -> None:
    found = checks(project.site, project.run)
    gate = found["judge_gate"]
    assert gate["blocking"]
    assert gate["executionForLatestMaterialization"] == {
        "runId": project.run,
        "status": "SUCCEEDED",
        "evaluation": {"success": True, "severity": "ERROR", "description": "open: main"},
    }
    evaluated = {name: check["executionForLatestMaterialization"]["evaluation"] for name, check in found.items()}
    assert {name for name, evaluation in evaluated.items() if not evaluation["success"]} == {"agreement_floor"}
    assert {"rows_add_up", "inputs_contract", "gold_query_without_split"} < set(found)


def test_a_new_project_beside_it_shows_nothing_of_it(project: Project) -> None:
    """After `make demo` and `init` the page of the new project was green with the sample's results."""
    nodes = project.site.ask(CELLS)["assetNodes"]
    by_location: dict[str, list[dict[str, Any]]] = {}
    for node in nodes:
        by_location.setdefault(node["repository"]["location"]["name"], []).append(node)
    mine, theirs = by_location["my-search"], by_location["label_pipeline"]
    assert {node["assetKey"]["path"][0] for node in mine} == {"my-search"}
    assert [node for node in mine if node["assetMaterializations"]] == []
    checks = [check for node in mine for check in node["assetChecksOrError"].get("checks", [])]
    assert len(checks) > 15
    assert [check for check in checks if check["executionForLatestMaterialization"]] == []
    assert len([node for node in theirs if node["assetMaterializations"]]) >= 7
    assert len(mine) == len(theirs)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; `.ci/run` installs it where it can")
def test_lineage_and_verdict_are_in_the_page(project: Project, tmp_path: Path) -> None:
    program = str(CHROMIUM)
    verdict = plain.Project(project.settings).store("gate").read("verdicts").row(0, named=True)
    assets = (
        "seed_inputs",
        "judge_leaderboard",
        "calibrated_judge",
        "gate_verdict",
        "amplified_labels",
        "training_set",
    )

    async def look() -> dict[str, str]:
        shown = {}
        async with chromium(program, tmp_path / "profile") as page:
            for name, path, words in (
                ("stages", "asset-groups", STAGES),
                ("lineage", "assets/gate_verdict?view=lineage&lineageDepth=10", assets),
                ("verdict", "assets/gate_verdict", ("verdict main", verdict["judge_version"], "every criterion met")),
                ("check", "assets/gate_verdict?view=checks&checkDetail=judge_gate", ("open: main", "Passed")),
            ):
                shown[name] = await page.open(f"{project.site.url}/{path}", *words)
                await page.picture(PICTURES / f"{name}.png", around=words[0])
        return shown

    shown = asyncio.run(look())
    sys.stdout.write("".join(f"picture of the page: {PICTURES / name}.png\n" for name in shown))
    assert "open (full gate, policy single-standard, look 1, alpha 0.0304): every criterion met" in shown["verdict"]
    assert "This is a blocking asset check." in shown["check"]
    for name in shown:
        assert (PICTURES / f"{name}.png").stat().st_size > 20_000


def test_every_sensor_ticks_and_none_fails(project: Project) -> None:
    site = project.site

    def all_ticked() -> dict[str, list[dict[str, Any]]] | None:
        found = ticks(site, "sensors")
        return found if all(found.values()) else None

    found = site.wait(all_ticked, "a tick of every sensor", 180)
    assert "alerts" in found
    done = [(name, tick["status"], tick["error"]) for name, history in found.items() for tick in history]
    assert {entry for entry in done if entry[1] not in {"SKIPPED", "SUCCESS", "STARTED"}} == set()


def test_a_check_that_failed_in_a_green_run_is_told_once(project: Project) -> None:
    project.site.wait(lambda: project.hook.taken or None, "an alert", 180)
    (body,) = [body for body in project.hook.taken if body["check"] == "agreement_floor"]
    assert body["run"] == project.run
    assert "the floor is 0.99" in body["sentence"]


def test_the_night_labels_under_the_verdict(project: Project) -> None:
    site = project.site

    def first() -> dict[str, Any] | None:
        return next((tick for tick in ticks(site, "schedules")["nightly"] if tick["status"] == "SUCCESS"), None)

    tick = site.wait(first, "a tick of the nightly schedule", 180)
    (run,) = tick["runIds"]
    assert site.finished(run) == "SUCCESS", site.said()
    books = plain.Project(project.settings).store("rank").read("label_runs").row(0, named=True)
    assert (books["run_id"], books["pairs_in"], books["refused"], books["failed"]) == (run, 20, 0, 0)
    assert books["labelled"] > 0


def test_the_heart_beats_and_nothing_was_told_twice(project: Project) -> None:
    site = project.site
    site.wait(lambda: len(ticks(site, "sensors")["alerts"]) > 2 or None, "three ticks of the sensor", 180)
    assert [body["check"] for body in project.hook.taken] == ["agreement_floor"]

    def beat_since_the_verdict() -> dict[str, Any] | None:
        found: dict[str, Any] = json.loads((project.settings.home_path / "heartbeat.json").read_text())
        return found if found["open_collections"] else None

    beat = site.wait(beat_since_the_verdict, "a beat since the gate opened", 120)
    assert (beat["webhook"], beat["alerts_waiting"], beat["open_collections"]) == ("works", 0, ["main"])
    assert (beat["healthy"], beat["failing"]) == (True, [])
    assert (datetime.now(UTC) - datetime.fromisoformat(beat["beat_at"])).total_seconds() < 120
    daemons = site.ask(HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
    assert {daemon["daemonType"] for daemon in daemons if daemon["required"] and not daemon["healthy"]} == set()


def test_neither_the_webhook_nor_a_key_is_in_any_file_of_the_instance(project: Project) -> None:
    files = [path for path in project.site.home.rglob("*") if path.is_file()]
    assert len(files) > 50
    for secret in (SECRET, KEY):
        assert [path for path in files if secret.encode() in held(path)] == []


def held(path: Path) -> bytes:
    """What a file holds; nothing where the daemon, which goes on, took it away meanwhile (a database's own log)."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
