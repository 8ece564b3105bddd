"""Every alert once: after a restart, a kill, a webhook that fails or is not there, and a flood."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from label_pipeline_tests.adapters.receiver import Receiver, receiving
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.alerts.ticks import VARIABLE, Daemon, daemon, told


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
