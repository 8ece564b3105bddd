"""Wall 3: a condition that leads to amplify asks for nothing while the gate is closed, and once when it opens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg

from label_pipeline.defs.notices import Graph, notices
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
    found = watch(gate={**LOOSE, "thresholds": {**THRESHOLDS, "r2_low": 0.99}})
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
    key = dg.AssetCheckKey(dg.AssetKey("gate_verdict"), "judge_gate")
    said = found.instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
    assert [record.status.value for record in said] == ["FAILED", "SUCCEEDED"], "failed once, however often it looks"
    [evaluation] = [record.evaluation for record in said[:1]]
    assert evaluation is not None
    assert f"answers as model {SERVED[1]}" in str(evaluation.description)
    assert automation.asked() == []
    everything = Graph({key: "it is open"}, frozenset(), frozenset(), "i", None, "http://page", "runbook")
    told = [notice.alert for notice in notices(found.instance, everything, -1, datetime(2000, 1, 1, tzinfo=UTC)).found]
    assert [alert.title for alert in told] == ["check judge_gate of gate_verdict failed"]
