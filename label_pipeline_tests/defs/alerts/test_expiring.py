"""A verdict that ends soon is told once, with what its renewal takes; not earlier, and not at every tick."""

from datetime import timedelta
from pathlib import Path

import dagster as dg

from label_pipeline.operations.gate import renewals
from label_pipeline_tests import small_project
from label_pipeline_tests.adapters.receiver import Receiver
from label_pipeline_tests.defs.alerts.ticks import daemon
from label_pipeline_tests.small_project import START, Small


def test_fourteen_days_before_it_ends_and_once(certified_home: Path, tmp_path: Path, hook: Receiver) -> None:
    home = small_project.copied(certified_home, tmp_path / "home")
    [verdict] = Small(small_project.settings(home)).project.store("gate").read("verdicts").iter_rows(named=True)
    ends = verdict["expires_at"]
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        early = daemon(home, instance, ends - timedelta(days=15))
        early.tick()
        assert not [body for body in hook.taken if "ends on" in body["text"]]
        late = daemon(home, instance, ends - timedelta(days=13))
        for _ in range(3):
            late.tick()
    [body] = [body for body in hook.taken if "ends on" in body["text"]]
    assert f"the verdict of collection main ends on {ends:%Y-%m-%d}" in body["text"]
    assert "lane full asks the holdout again" in body["sentence"]
    assert "has 4 looks left" in body["sentence"]
    assert "lane recertify has 5" in body["sentence"]
    assert body["runbook"].endswith("#judge_gate")


def test_the_price_is_what_the_last_look_cost(certified_home: Path) -> None:
    small = Small(small_project.settings(certified_home))
    store = small.project.store("gate")
    ends = store.read("verdicts")["expires_at"][0]
    paid = store.read("judgements", where={"purpose": "gate"})["cost_usd"].sum()
    assert paid > 0
    soon = Small(small_project.settings(certified_home), ends - timedelta(days=1))
    assert f"which cost ${paid:.2f} the last time" in renewals(soon.project, "gate")[0].sentence
    off = small_project.settings(certified_home, gate={"cap_usd": 1, "expiry_warning_days": 0})
    assert renewals(Small(off, ends - timedelta(days=1)).project, "gate") == []
    assert renewals(Small(small_project.settings(certified_home), START).project, "gate") == []


def test_a_holdout_without_looks_says_what_a_new_one_needs(certified_home: Path, tmp_path: Path) -> None:
    home = small_project.copied(certified_home, tmp_path / "home")
    ends = Small(small_project.settings(home)).project.store("gate").read("verdicts")["expires_at"][0]
    spent = small_project.settings(home, gate={"cap_usd": 1, "looks": 1})
    told = renewals(Small(spent, ends - timedelta(days=1)).project, "gate")[0].sentence
    assert "has 0 looks left, so renew the holdout first: " in told
    assert "new queries (`label-pipeline renew-holdout`)" in told
