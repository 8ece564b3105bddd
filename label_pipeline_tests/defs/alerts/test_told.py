"""What sensor `alerts` tells: really failed checks and runs, with all a reader needs, and nothing of other graphs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.adapters.receiver import Receiver
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.alerts.ticks import daemon, told


def test_a_check_that_stops_nothing_is_told_once_with_all_a_reader_needs(
    world: SampleWorld, tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    projects.write_small_inputs(world, tmp_path)
    watch = daemon(tmp_path, instance, page_url="https://dagster.example/", runbook_url="https://wiki.example/runbook")
    assert watch.tick() == "nothing failed"
    run = watch.graph.run("seed_inputs", "annotator_agreement")
    assert run.success, "a run may be green and a check not"
    assert watch.tick() == "told 1 of 1 alerts"
    (body,) = hook.taken
    assert (body["check"], body["asset"], body["severity"]) == ("agreement_floor", "annotator_agreement", "WARN")
    assert "0.99" in body["sentence"]
    assert body["link"] == "https://dagster.example/assets/annotator_agreement?view=checks&checkDetail=agreement_floor"
    assert body["runbook"] == "https://wiki.example/runbook#agreement_floor"
    assert body["run"] == run.run_id
    for _ in range(3):
        assert watch.tick() == "nothing failed"
    assert len(hook.tried) == 1
    watch.graph.run("annotator_agreement")
    watch.tick()
    assert len(hook.taken) == 2, "it failed again: that is news again"


def test_a_failed_run_is_told_with_its_sentence(tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver) -> None:
    watch = daemon(tmp_path, instance)
    run = watch.graph.run("gate_verdict")
    assert not run.success
    watch.tick()
    assert told(hook) == [(None, None, "there is no judge to decide on; materialise calibrated_judge first")]
    assert hook.taken[0]["link"] == f"http://127.0.0.1:3000/runs/{run.run_id}"
    assert hook.taken[0]["runbook"] == "docs/runbook.md#run_failed"


def test_a_run_whose_process_was_killed_is_told_and_one_of_another_graph_is_not(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    @dg.asset
    def another() -> None: ...

    watch = daemon(tmp_path, instance)
    theirs = dg.Definitions(assets=[another]).resolve_implicit_global_asset_job_def()
    ours = watch.graph.definitions
    picked = frozenset({dg.AssetKey("gate_verdict")})
    implicit = ours.resolve_implicit_global_asset_job_def()
    for run in (
        instance.create_run_for_job(theirs, asset_selection=frozenset({another.key})),
        instance.create_run_for_job(implicit.get_subset(asset_selection=picked), asset_selection=picked),
        instance.create_run_for_job(ours.resolve_job_def("recalibrate")),
    ):
        instance.report_run_failed(run)
    assert watch.tick() == "told 2 of 2 alerts"
    titles = [body["text"].partition(" failed")[0].partition(" of ")[2] for body in hook.taken]
    assert titles == ["assets", "job recalibrate"]
    assert {body["sentence"] for body in hook.taken} == {
        "it ended before its first step, or its process was killed; its page has the log"
    }


def test_a_run_that_a_check_stopped_is_told_by_the_check_alone(
    certified_home: Path, provider: projects.Provider, tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    watch = daemon(home, instance)
    late = projects.graph(watch.graph.settings, instance, projects.START + timedelta(days=91))
    blocked = late.run("gate_verdict")
    assert not blocked.success, "the verdict is too old"
    watch.tick()
    assert told(hook) == [("judge_gate", "gate_verdict", "open: no collection")]
    assert hook.taken[0]["severity"] == "ERROR"


def test_a_check_without_words_is_told_by_what_it_expects(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance)
    watch.fails("rows_add_up", "seed_inputs", said=None)
    watch.tick()
    assert told(hook) == [("rows_add_up", "seed_inputs", "expected: read = kept + every other fate")]


def test_neither_a_passed_check_nor_one_of_another_graph_is_told(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance)
    watch.fails("judge_gate", "gate_verdict", passed=True)
    watch.fails("judge_gate", "shop/gate_verdict")
    watch.fails("freshness", "gate_verdict")
    assert watch.tick() == "nothing failed"
    assert hook.tried == []


def test_the_failures_of_last_week_are_no_news_at_the_first_tick(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance, now=datetime.now(UTC) + timedelta(days=7))
    watch.fails("judge_gate", "gate_verdict")
    assert watch.tick() == "nothing failed"
    assert json.loads(str(watch.cursor))["after"] > 0
    watch = daemon(tmp_path, instance, now=datetime.now(UTC) + timedelta(hours=23))
    watch.path.unlink()
    assert watch.tick() == "told 1 of 1 alerts"
