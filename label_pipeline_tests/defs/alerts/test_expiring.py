"""A verdict that ends soon is told once, with what its renewal takes; not earlier, and not at every tick."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl

from label_pipeline.operations.gate import ending, renewal
from label_pipeline.settings import SAMPLE
from label_pipeline_tests import small_project
from label_pipeline_tests.adapters.receiver import Receiver
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.alerts.ticks import VARIABLE, Daemon, daemon
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


def test_what_cannot_be_looked_up_for_one_tick_is_not_told_again(
    certified_home: Path, tmp_path: Path, hook: Receiver
) -> None:
    home = small_project.copied(certified_home, tmp_path / "home")
    ends = Small(small_project.settings(home)).project.store("gate").read("verdicts")["expires_at"][0]
    rubric = tmp_path / "rubric.yaml"
    rubric.write_text((SAMPLE.parent / "rubric.yaml").read_text())
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        found = projects.settings(home, rubric=str(rubric), alerts={"webhook_env": VARIABLE})
        watch = Daemon(projects.graph(found, instance, ends - timedelta(days=3)))
        watch.tick()
        aside = rubric.rename(tmp_path / "aside.yaml")
        watch.tick()
        assert "rubric.yaml" in watch.beat["trouble"], "which the heartbeat tells"
        aside.rename(rubric)
        watch.tick()
    assert len([body for body in hook.taken if "ends on" in body["text"]]) == 1


def soon(home: Path, **gates: object) -> list[str]:
    """What is told of verdicts that end, a day before the certified one does."""
    ends = Small(small_project.settings(home)).project.store("gate").read("verdicts")["expires_at"][0]
    found = small_project.settings(home, gate={"cap_usd": 1, **gates})
    project = Small(found, ends - timedelta(days=1)).project
    return [renewal(project, "gate", one) for one in ending(project, "gate")]


def test_the_price_is_what_the_last_full_look_cost(certified_home: Path, tmp_path: Path) -> None:
    home = small_project.copied(certified_home, tmp_path / "home")
    store = Small(small_project.settings(home)).project.store("gate")
    paid = store.read("judgements", where={"purpose": "gate"})["cost_usd"].sum()
    assert paid > 0
    assert f"which cost ${paid:.2f} the last time" in soon(home)[0]
    assert soon(home, expiry_warning_days=0) == []
    assert ending(Small(small_project.settings(home), START).project, "gate") == []
    # a later look of the lane cost something else
    looks = store.read("holdout_looks").tail(1)
    later = looks.with_columns(
        lane=pl.lit("recertify"), epoch=pl.lit(99), looked_at=pl.col("looked_at") + timedelta(days=1)
    )
    store.append("holdout_looks", later, "a look of the lane")
    assert f"which cost ${paid:.2f} the last time" in soon(home)[0]


def test_a_holdout_without_looks_says_what_a_new_one_needs(certified_home: Path) -> None:
    told = soon(certified_home, looks=1)[0]
    assert "has 0 looks left, so renew the holdout first: " in told
    assert "new queries (`label-pipeline renew-holdout`)" in told
