"""The heartbeat file: who may label, what is red, and that it beats whatever else is broken."""

from datetime import timedelta
from pathlib import Path

import dagster as dg

from label_pipeline.settings import SAMPLE
from label_pipeline_tests.adapters.receiver import Receiver
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.alerts.ticks import Daemon, daemon
from label_pipeline_tests.defs.projects import DAYS


def test_the_heartbeat_names_the_last_night_and_who_may_label(
    certified_home: Path, provider: projects.Provider, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    watch = Daemon(projects.graph(projects.settings(home), instance))
    watch.tick()
    assert (watch.beat["open_collections"], watch.beat["last_nightly"]) == (["main"], None)
    assert watch.beat["healthy"]
    assert watch.graph.run("amplified_labels", day=DAYS[0]).success
    watch.tick()
    night = watch.beat["last_nightly"]
    assert (night["day"], night["pairs_in"], night["failed"]) == (DAYS[0], projects.PAIRS_A_DAY, 0)
    late = Daemon(projects.graph(projects.settings(home), instance, projects.START + timedelta(days=91)))
    late.tick()
    assert (late.beat["open_collections"], late.beat["closed_collections"]) == ([], {"main": "stale"})
    assert not late.beat["healthy"], "nobody may label: the nights come to nothing, and only the watchdog may notice"
    assert late.beat["trouble"] == "no collection may be labelled: see check judge_gate"


def test_before_the_first_verdict_nothing_is_wrong(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    watch = Daemon(projects.graph(projects.settings(tmp_path), instance))
    watch.tick()
    assert (watch.beat["open_collections"], watch.beat["healthy"]) == ([], True)


def test_a_daemon_that_runs_for_weeks_sees_an_edited_rubric(
    certified_home: Path, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    rubric = tmp_path / "rubric.yaml"
    text = (SAMPLE.parent / "rubric.yaml").read_text()
    rubric.write_text(text)
    watch = Daemon(projects.graph(projects.settings(home, rubric=str(rubric)), instance))
    watch.tick()
    assert watch.beat["open_collections"] == ["main"]
    rubric.write_text(text.replace('version: "1"', 'version: "2"'))
    watch.tick()
    assert watch.beat["closed_collections"] == {"main": "stale"}


def test_the_heart_beats_also_where_the_project_is_broken(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    found = projects.settings(tmp_path, rubric="gone.yaml")
    watch = Daemon(projects.graph(found, instance))
    watch.tick()
    assert "gone.yaml" in watch.beat["trouble"]
    assert not watch.beat["healthy"]
    assert watch.beat["open_collections"] is None


def test_alerts_go_out_also_where_the_heartbeat_cannot_be_written(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    (tmp_path / "file").write_text("")
    watch = daemon(tmp_path, instance, heartbeat=str(tmp_path / "file" / "beat.json"))
    watch.fails("judge_gate", "gate_verdict")
    said = watch.tick()
    assert said.startswith("told 1 of 1 alerts; the heartbeat file")
    assert "make its folder writable" in said
    assert watch.tick().startswith("nothing failed; the heartbeat file")
