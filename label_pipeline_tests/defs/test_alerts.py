"""Sensor `alerts`, tick by tick: a real instance with really failed checks and runs, a real server as the webhook."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster import AssetCheckEvaluation
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.selector import InstigatorSelector
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster_shared.error import SerializableErrorInfo

from label_pipeline.defs import heartbeat
from label_pipeline.defs.project import Project
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.settings import SAMPLE
from label_pipeline_tests.adapters.receiver import SECRET, Receiver, receiving
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.conftest import KEY
from label_pipeline_tests.defs.projects import DAYS, Graph
from label_pipeline_tests.defs.test_customer_text import _echo

VARIABLE = "ALERTS_WEBHOOK"


@dataclass
class Daemon:
    """Ticks as the daemon does: the cursor of one tick is that of the next."""

    graph: Graph
    cursor: str | None = None
    held: Project | None = None

    def tick(self) -> str:
        """One tick; gives what the tick history says."""
        # a code server builds its resources once
        self.held = self.held or self.graph.project
        context = dg.build_sensor_context(
            instance=self.graph.instance, cursor=self.cursor, resources={"project": self.held}
        )
        done = self.graph.definitions.resolve_sensor_def("alerts").evaluate_tick(context)
        self.cursor = done.cursor
        assert done.run_requests == []
        return str(done.skip_message)

    @property
    def beat(self) -> dict[str, Any]:
        return dict(json.loads(self.path.read_text()))

    @property
    def path(self) -> Path:
        return self.graph.settings.home_path / "heartbeat.json"

    def fails(self, check: str, asset: str, said: str | None = "no good", passed: bool = False) -> None:
        """What a check of this name does to the log, for checks that are hard to make fail."""
        key = dg.AssetKey(asset)
        evaluation = AssetCheckEvaluation(asset_key=key, check_name=check, passed=passed, description=said)
        self.graph.instance.report_runless_asset_event(evaluation)


def daemon(home: Path, instance: dg.DagsterInstance, now: datetime = projects.START, **alerts: object) -> Daemon:
    found = projects.settings(home, alerts={"webhook_env": VARIABLE, **alerts}, agreement_floor=0.99)
    return Daemon(projects.graph(found, instance, now))


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv(VARIABLE, receiver.url)
        yield receiver


def told(receiver: Receiver) -> list[tuple[str | None, ...]]:
    return [(body["check"], body["asset"], body["sentence"]) for body in receiver.taken]


# what is told


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


# once, and not lost


def test_nothing_is_told_twice_after_a_restart_of_the_daemon(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance)
    watch.fails("judge_gate", "gate_verdict")
    watch.tick()
    again = daemon(tmp_path, instance)
    again.cursor = watch.cursor
    assert again.tick() == "nothing failed"
    again.fails("beats_seed_only", "ranker_evaluation")
    again.tick()
    assert [check for check, *_ in told(hook)] == ["judge_gate", "beats_seed_only"]


def test_a_daemon_killed_before_it_kept_the_cursor_repeats_nothing(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance)
    watch.fails("judge_gate", "gate_verdict")
    before = watch.cursor
    watch.tick()
    watch.cursor = before
    assert watch.tick() == "nothing failed"
    assert len(hook.tried) == 1


def test_the_heartbeat_of_another_instance_hides_nothing(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance)
    watch.fails("judge_gate", "gate_verdict")
    watch.path.write_text(json.dumps({"instance": "another", "told_through": 10**6}))
    assert watch.tick() == "told 1 of 1 alerts"


def test_what_the_webhook_did_not_take_is_tried_again_from_there(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance)
    for check in ("rows_add_up", "inputs_contract", "human_label_of_customer_text"):
        watch.fails(check, "seed_inputs")
    hook.answers += [200, 500, 503]
    assert watch.tick().startswith("told 1 of 3 alerts; the webhook answered 500")
    assert (watch.beat["webhook"], watch.beat["alerts_waiting"], watch.beat["healthy"]) == ("fails", 2, False)
    assert "answered 500" in watch.beat["webhook_trouble"]
    assert watch.tick().startswith("told 0 of 2 alerts; the webhook answered 503")
    assert len(hook.tried) == 3, "one try a tick while it fails"
    assert watch.tick() == "told 2 of 2 alerts"
    assert (watch.beat["webhook"], watch.beat["alerts_waiting"], watch.beat["healthy"]) == ("works", 0, True)
    assert [check for check, *_ in told(hook)] == ["rows_add_up", "inputs_contract", "human_label_of_customer_text"]
    assert len({body["id"] for body in hook.tried}) == 3, "a repetition has the id of the first try"


def test_a_webhook_that_never_answers_costs_a_tick_one_time_out(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance, timeout_s=0.2)
    for _ in range(5):
        watch.fails("judge_gate", "gate_verdict")
    hook.wait_s = 1
    assert "no answer within 0.2 s" in watch.tick()
    assert len(hook.tried) == 1


def test_forty_failures_are_ten_posts_and_the_last_sums_up(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance)
    for _ in range(39):
        watch.fails("judge_gate", "gate_verdict")
    watch.fails("beats_seed_only", "ranker_evaluation")
    assert watch.tick() == "told 40 of 40 alerts"
    assert len(hook.taken) == 10
    assert hook.taken[-1]["text"].startswith("ERROR: 31 more alerts: ")
    assert hook.taken[-1]["sentence"] == (
        "check judge_gate of gate_verdict failed (30 times); check beats_seed_only of ranker_evaluation failed"
    )
    assert watch.tick() == "nothing failed"


def test_more_than_a_page_of_events_is_told_over_several_ticks(
    tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver
) -> None:
    watch = daemon(tmp_path, instance)
    watch.fails("judge_gate", "gate_verdict", said="the first")
    for _ in range(999):
        watch.fails("judge_gate", "gate_verdict", passed=True)
    watch.fails("judge_gate", "gate_verdict", said="the last")
    failed = watch.graph.run("gate_verdict")
    assert not failed.success
    assert [watch.tick() for _ in range(3)] == ["told 1 of 1 alerts", "told 2 of 2 alerts", "nothing failed"]
    assert [body["sentence"][:9] for body in hook.taken] == ["the first", "the last", "there is "]


# no webhook


def test_without_a_webhook_it_is_quiet_and_beats(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    watch = Daemon(projects.graph(projects.settings(tmp_path), instance))
    watch.fails("judge_gate", "gate_verdict")
    assert watch.tick() == "no webhook is set (alerts.webhook_env), so nobody is told"
    assert (watch.beat["webhook"], watch.beat["beat_at"]) == ("none", "2026-09-20T00:00:00+00:00")
    assert watch.beat["healthy"], "nobody wanted a webhook"


def test_a_webhook_whose_variable_is_not_set_says_so_and_loses_nothing(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = daemon(tmp_path, instance)
    watch.fails("judge_gate", "gate_verdict")
    assert watch.tick().startswith(f"alerts.webhook_env names {VARIABLE}, which is not set")
    watch.held = projects.graph(watch.graph.settings, instance, datetime.now(UTC) + timedelta(days=30)).project
    assert (watch.beat["webhook"], watch.beat["healthy"]) == ("not set", False)
    with receiving() as receiver:
        monkeypatch.setenv(VARIABLE, receiver.url)
        assert watch.tick() == "told 1 of 1 alerts"


# the heartbeat


def test_the_heartbeat_names_the_last_night_and_who_may_label(
    certified_home: Path, provider: projects.Provider, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    watch = Daemon(projects.graph(projects.settings(home), instance))
    watch.tick()
    assert (watch.beat["open_collections"], watch.beat["last_nightly"]) == (["main"], None)
    assert watch.graph.run("amplified_labels", day=DAYS[0]).success
    watch.tick()
    night = watch.beat["last_nightly"]
    assert (night["day"], night["pairs_in"], night["failed"]) == (DAYS[0], projects.PAIRS_A_DAY, 0)
    late = Daemon(projects.graph(projects.settings(home), instance, projects.START + timedelta(days=91)))
    late.tick()
    assert (late.beat["open_collections"], late.beat["closed_collections"]) == ([], {"main": "stale"})


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


@pytest.mark.parametrize(("history", "red"), [(["SKIPPED", "FAILURE"], True), (["FAILURE", "SKIPPED"], False)])
def test_the_heartbeat_names_a_sensor_whose_last_tick_failed(history: list[str], red: bool, tmp_path: Path) -> None:
    selector = InstigatorSelector(location_name="here", repository_name="r", name="judge_model_changed")
    place = RegisteredCodeLocationOrigin("here")
    origin = RemoteRepositoryOrigin(place, "r").get_instigator_origin("judge_model_changed")
    running = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.add_instigator_state(running)
        for second, status in enumerate([*history, "STARTED"]):
            tick = TickData(
                origin.get_id(), "judge_model_changed", InstigatorType.SENSOR, TickStatus(status), float(second),
                selector_id=selector.get_id(),
                error=SerializableErrorInfo("no table", [], "TableError") if status == "FAILURE" else None,
            )  # fmt: skip
            instance.create_tick(tick)
        assert heartbeat.failing(instance, "here") == (["judge_model_changed"] if red else [])
        assert heartbeat.failing(instance, "elsewhere") == []
        instance.update_instigator_state(running.with_status(InstigatorStatus.STOPPED))
        assert heartbeat.failing(instance, "here") == []


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


# nothing leaks


def test_no_text_no_key_and_no_address_gets_out(
    world: SampleWorld, tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Texts that fail their contract, texts that an endpoint quotes in its refusal, texts in what checks show."""
    caplog.set_level(logging.DEBUG)
    projects.write_small_inputs(world, tmp_path)
    grades = pl.read_csv(tmp_path / "inputs" / "human_labels.csv", infer_schema=False)
    texts = dict(pl.read_parquet(tmp_path / "inputs" / "documents.parquet").select("doc_id", "text").iter_rows())
    quoted = pl.col("doc_id").replace_strict(texts, default="")
    pl.concat([grades, grades.head(20).with_columns(grade=quoted)]).write_csv(tmp_path / "inputs" / "human_labels.csv")
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    watch = daemon(tmp_path, instance)
    with running_provider(_echo(400)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert watch.graph.run("seed_inputs", "annotator_agreement", "gold_labels", "seed_splits").success
        asked = watch.graph.run("judge_leaderboard")
    assert not asked.success
    quoting = projects.failure_of(asked)
    hook.answers += [200, 200, 500]
    said = [watch.tick(), watch.tick()]
    assert [check for check, *_ in told(hook)] == ["inputs_contract", "agreement_floor", None]
    assert hook.taken[-1]["sentence"].endswith("in the page of the run only, they may quote a text")

    out = json.dumps(hook.tried) + "".join(said) + str(watch.cursor) + watch.path.read_text()
    needles = {text[at : at + 20] for text in texts.values() for at in range(0, len(text) - 20, 10)}
    assert any(needle in quoting for needle in needles), "the run's own sentence quotes nothing, so nothing was tested"
    assert {needle for needle in needles if needle in out} == set()
    assert KEY not in out
    told_on_the_way = caplog.text + "".join(str(event) for event in asked.all_events)
    assert SECRET not in out + told_on_the_way
    assert hook.url not in out + told_on_the_way
