"""Drift verdicts whose consequences were cut short: finished by whatever runs next, nothing twice, nothing besides.

Drift is planted: a decided verdict that suspends, with nothing done about it yet.
"""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.operations.anchor_reference import drift_thresholds
from label_pipeline.operations.gate import suspend
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import (
    DAYS,
    PAIRS_A_DAY,
    RUNS,
    START,
    Provider,
    Small,
    dying_before,
    failure_of,
    watched,
)


def day(number: float) -> pl.Expr:
    """A planted moment."""
    return pl.lit(START + timedelta(days=number))


@pytest.fixture
def home(baselined_home: Path, provider: Provider, tmp_path: Path) -> Path:
    """Labelled twice: on day 1, and on day 2 through a gate that a verdict of day 1.8 had condemned."""
    home = projects.copied(baselined_home, tmp_path / "home")
    for number, labelled in enumerate(DAYS[:2], start=1):
        assert watched(home, days=number).run("amplified_labels", day=labelled).success
    return home


def condemn(graph: Small) -> None:
    """A verdict of day 1.8 on a change after day 1.5, as killed before it did anything."""
    store = graph.project.store("anchor")
    row = store.read("drift_verdicts").head(1).with_columns(
        drift_id=pl.lit("planted"), state=pl.lit("drifted"), suspends=True, healthy=False, change_point=day(1.5),
        decided_at=day(1.8),
    )  # fmt: skip
    store.append("drift_verdicts", row, "planted")


def consequences(graph: Small) -> dict[str, object]:
    """What the tables hold of a suspension and its recall."""
    store = graph.project.store("rank")
    labels = store.read("labels")
    return {
        "suspended": store.read("verdicts").filter(pl.col("kind") == "suspension").height,
        "recalled": sorted(labels.filter(pl.col("status") == "recalled")["day"].cast(pl.String)),
        "trains": store.query("rank/training_labels").height,
        "recall epochs": store.read("epochs").filter(pl.col("purpose") == "recall").height,
    }


DONE = {"suspended": 1, "recalled": [DAYS[1]] * PAIRS_A_DAY, "trains": PAIRS_A_DAY, "recall epochs": 1}


@pytest.mark.parametrize(
    ("table", "then"),
    [
        ("verdicts", "amplified_labels"), ("verdicts", "anchor_run"), ("verdicts", "drift_verdict"),
        ("epochs", "amplified_labels"), ("labels", "amplified_labels"), ("labels", "anchor_run"),
    ],
)  # fmt: skip
def test_a_kill_leaves_no_open_gate_and_the_next_run_finishes(
    table: str, then: str, home: Path, provider: Provider
) -> None:
    graph = watched(home, days=3)
    condemn(graph)
    with dying_before(table):
        assert not graph.run("drift_verdict").success
    killed = consequences(graph)
    assert killed["recalled"] == []
    assert killed["suspended"] == (0 if table == "verdicts" else 1), "the gate closes before anything is recalled"
    before, later = provider.requests(), watched(home, days=4)
    result = later.run(then)
    if then == "amplified_labels":
        assert "is suspended: drift" in failure_of(result)
    else:
        assert result.success, failure_of(result)
    assert provider.requests() == before
    assert consequences(graph) == DONE
    assert watched(home, days=5).run("drift_verdict").success
    assert consequences(graph) == DONE, "once"


def test_a_later_healthy_run_takes_nothing_back(home: Path, provider: Provider) -> None:
    graph = watched(home, days=3)
    condemn(graph)
    store = graph.project.store("anchor")
    healthy = store.read("drift_verdicts").head(1).with_columns(
        drift_id=pl.lit("healthy"), state=pl.lit("healthy"), suspends=False, healthy=True, decided_at=day(2.5),
        epoch=pl.lit(RUNS + 3, dtype=pl.Int64),
    )  # fmt: skip
    store.append("drift_verdicts", healthy, "healthy")
    assert graph.run("drift_verdict").success
    assert consequences(graph) == DONE


def test_a_sensor_that_suspended_first_is_the_suspension(home: Path, provider: Provider) -> None:
    graph = watched(home, days=3)
    condemn(graph)
    verdict = graph.project.store("gate").read("verdicts")["verdict_id"][0]
    suspend(graph.project, verdict, "drifted", RUNS)
    assert watched(home, days=4).run("drift_verdict").success
    assert consequences(graph) == DONE


def test_labels_under_a_later_verdict_of_the_same_judge_stand(home: Path, provider: Provider) -> None:
    graph = watched(home, days=3)
    condemn(graph)
    store = graph.project.store("gate")
    again = store.read("verdicts").with_columns(
        verdict_id=pl.lit("again"), epoch=pl.lit(RUNS + 1, dtype=pl.Int64), decided_at=day(1.9)
    )
    store.append("verdicts", again, "again")
    assert watched(home, days=4).run("drift_verdict").success
    found = consequences(graph)
    assert (found["suspended"], found["recalled"], found["trains"]) == (1, [], 2 * PAIRS_A_DAY)


def test_a_verdict_is_decided_at_the_cadence_of_the_settings_and_says_what_it_risks(
    baselined_home: Path, provider: Provider
) -> None:
    store = watched(baselined_home, days=1).project.store("anchor")
    verdict = store.read("drift_verdicts").sort("decided_at").row(0, named=True)
    assert verdict["state"] == "baseline"
    assert "label days can lie between the change and its alarm" in verdict["action"]
    limits = drift_thresholds(watched(baselined_home, days=1).project)
    assert limits.run_p == pytest.approx(0.05 / 8 / 366)
    assert limits.canary_p == pytest.approx(0.05 / 8 / 366)
