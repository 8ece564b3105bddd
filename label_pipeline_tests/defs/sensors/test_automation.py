"""Wall 3: a condition that leads to amplify asks for nothing while the gate is closed, and once when it opens.

Also where it closes or opens without a run, so that check `judge_gate` must say so by itself.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from label_pipeline.adapters.webhook import Alert
from label_pipeline.defs.alerts.notices import Graph, notices
from label_pipeline.defs.names import Names
from label_pipeline.stages import gate
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.sensors.ticking import FIRST_NIGHT, LOOSE, NIGHTS, SERVED, THRESHOLDS, Dial, Watch

CHANGED = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed()).newly_true()
IDLE = ~dg.AutomationCondition.in_progress()
CONDITIONS = {
    "guarded": CHANGED & IDLE & dg.AutomationCondition.all_deps_blocking_checks_passed(),
    "unguarded": CHANGED & IDLE,
}
DAYS = [(FIRST_NIGHT + timedelta(days=n)).isoformat() for n in range(NIGHTS)]

FRESH = {"ops": {"judge_leaderboard": {"config": {"fresh": True}}}}
STRICT: dict[str, Any] = {**LOOSE, "thresholds": {**THRESHOLDS, "r2_low": 0.99}}
GATE = dg.AssetCheckKey(dg.AssetKey("gate_verdict"), "judge_gate")


def automated(watch: Watch, condition: str) -> dg.Definitions:
    """The project's graph with a condition on ``amplified_labels``, as its owner would add one."""
    key = dg.AssetKey("amplified_labels")
    return watch.definitions.map_resolved_asset_specs(
        func=lambda spec: spec.replace_attributes(automation_condition=CONDITIONS[condition]),
        selection=dg.AssetSelection.assets(key),
    )


class Automation:
    """Evaluations of the condition, the cursor carried."""

    def __init__(self, watch: Watch, condition: str) -> None:
        self._definitions, self._instance = automated(watch, condition), watch.instance
        self._cursor: dg.AutomationConditionCursor | None = None

    def asked(self) -> list[str]:
        """Days of ``amplified_labels`` one evaluation asks for."""
        found = dg.evaluate_automation_conditions(self._definitions, self._instance, cursor=self._cursor)
        self._cursor = found.cursor
        return sorted(map(str, found.get_requested_partitions(dg.AssetKey("amplified_labels"))))


def closed(watch: Callable[..., Watch]) -> Watch:
    """The same project under thresholds no judge meets, the gate asked and closed."""
    found = watch(gate=STRICT)
    assert not found.materialise("gate_verdict").success
    return found


def test_closed_nothing_is_asked_for_and_opened_every_day_once(watch: Callable[..., Watch], dial: Dial) -> None:
    shut = closed(watch)
    automation = Automation(shut, "guarded")
    assert automation.asked() == []
    assert not shut.materialise("gate_verdict").success, "asked again it stays closed"
    assert automation.asked() == []
    opened = watch().job("recalibrate", config=FRESH)
    assert opened.success, projects.failure_of(opened)
    assert automation.asked() == DAYS
    assert automation.asked() == []


def test_a_policy_edited_and_put_back_is_seen_to_open_again(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch()
    assert found.materialise("gate_verdict").success
    before = certificate(found)
    automation = Automation(found, "guarded")
    automation.asked()
    shut = closed(watch)
    assert [automation.asked() for _ in range(2)] == [[], []]
    assert certificate(shut) != before
    assert found.materialise("gate_verdict").success, "the stored verdict stands again, at no cost"
    assert certificate(found) == before
    assert automation.asked() == DAYS
    assert automation.asked() == []


def certificate(watch: Watch) -> str:
    """What the newest materialisation of the gate shows as its verdict."""
    event = watch.instance.get_latest_materialization_event(dg.AssetKey("gate_verdict"))
    assert event is not None
    assert event.asset_materialization is not None
    return str(event.asset_materialization.metadata["verdict main"].value)


def test_without_the_guard_a_closed_gate_is_asked_past(watch: Callable[..., Watch], dial: Dial) -> None:
    """The control: the same evaluations see the change of a closed gate; the guard is what stops them."""
    automation = Automation(watch(), "unguarded")
    assert automation.asked() == []
    closed(watch)
    assert automation.asked() == DAYS


def test_and_the_first_wall_holds_all_the_same(watch: Callable[..., Watch], dial: Dial) -> None:
    shut = closed(watch)
    assert not shut.night(0).success
    assert shut.project.store("amplify").read("labels").is_empty()


def test_a_suspension_closes_the_gate_in_the_page_and_for_conditions_and_is_alerted(
    watch: Callable[..., Watch], dial: Dial
) -> None:
    """A suspension is no run, and still the check must not stay green."""
    found = watch(watch={"recalibration_cap_usd": 0})
    assert found.materialise("gate_verdict").success
    automation = Automation(found, "guarded")
    automation.asked()
    dial.serve(SERVED[1])
    assert not found.night(0).success
    for _ in range(2):
        found.tick("judge_model_changed")
    passed, failed = evaluations(found)
    assert (passed.passed, failed.passed) == (True, False), "failed once, however often it looks"
    assert f"answers as model {SERVED[1]}" in str(failed.description)
    assert automation.asked() == []
    assert [alert.title for alert in alerts(found)] == ["check judge_gate of gate_verdict failed"]


def test_a_gate_run_that_failed_before_its_check_stops_no_sensor(watch: Callable[..., Watch], dial: Dial) -> None:
    """Its row of the check stays planned for ever."""
    found = watch(watch={"recalibration_cap_usd": 1, "retry_after_s": 0})
    assert found.materialise("gate_verdict").success
    dial.serve("a stranger")
    assert not found.night(0).success
    assert found.tick_and_run("judge_model_changed").jobs == ["recalibrate"]
    assert not found.results[-1].success
    assert evaluations(found)[-1].description
    again = found.tick_and_run("judge_model_changed")
    assert again.jobs == ["recalibrate"], "its one further try"
    assert [said.passed for said in evaluations(found)] == [True, False]


def evaluations(watch: Watch) -> list[dg.AssetCheckEvaluation]:
    """What check `judge_gate` said, oldest first."""
    said = watch.instance.event_log_storage.get_asset_check_execution_history(GATE, limit=99)
    return [found for record in reversed(said) if isinstance(found := record.evaluation, dg.AssetCheckEvaluation)]


def alerts(watch: Watch) -> list[Alert]:
    everything = Graph(
        Names((), (), "p"), {GATE: "it is open"}, frozenset(), frozenset(), "i", None, "http://page", "runbook"
    )
    return [notice.alert for notice in notices(watch.instance, everything, -1, datetime(2000, 1, 1, tzinfo=UTC)).found]


def test_a_check_that_failed_without_a_run_heals_without_one(watch: Callable[..., Watch], dial: Dial) -> None:
    free = {"recalibration_cap_usd": 0}
    found = watch(watch=free)
    assert found.materialise("gate_verdict").success
    automation = Automation(found, "guarded")
    automation.asked()
    edited = watch(watch=free, gate=STRICT)
    edited.tick("judge_model_changed")
    assert not evaluations(found)[-1].passed
    for _ in range(2):
        found.tick("judge_model_changed")
    assert [said.passed for said in evaluations(found)] == [True, False, True]
    assert evaluations(found)[-1].description == "open: main"


def test_one_collection_of_two_that_shuts_is_alerted_and_the_other_goes_on(
    watch: Callable[..., Watch], dial: Dial
) -> None:
    found = watch(watch={"recalibration_cap_usd": 0})
    store = found.project.store("gate")
    gold, verdicts = store.read("gold"), store.read("verdicts")
    store.overwrite("gold", pl.concat([gold, gold.head(1).with_columns(collection=pl.lit("mail"))]))
    mail = verdicts.with_columns(collection=pl.lit("mail"), verdict_id=pl.lit("of-mail"))
    store.append("verdicts", mail, "planted")
    assert found.materialise("gate_verdict").success
    assert found.tick("judge_model_changed").told.endswith("as certified")
    assert [said.passed for said in evaluations(found)] == [True]
    suspended = gate.suspension(mail.row(0, named=True), "drift of its own", 0, found.clock())
    store.append("verdicts", suspended, "suspended")
    for _ in range(2):
        found.tick("judge_model_changed")
    _, warned, passed = evaluations(found)
    assert (warned.passed, warned.severity, passed.passed) == (False, dg.AssetCheckSeverity.WARN, True)
    assert str(warned.description).startswith("[mail] verdict of-mail of judge")
    assert [(alert.severity, "drift of its own" in alert.sentence) for alert in alerts(found)] == [("WARN", True)]
