"""Which lane a recalibration is asked for in: known before anything is paid, or said where only the winner decides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from label_pipeline.settings.knobs import CandidateSettings
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.sensors.ticking import MODEL, SERVED, Dial, Watch

SENSOR = "judge_model_changed"
CERTIFIED: dict[str, Any] = {**projects.data(Path(), model=MODEL)["candidates"][0], "served_as": list(SERVED)}
USUAL = CandidateSettings(**CERTIFIED).parameters
OWN = {"temperature": 0, "max_tokens": 250}
"""What a user changed: the lane is for changes from outside."""

CASES: list[tuple[list[Any], str, str | None]] = [
    (USUAL, "recertify", None),
    ([OWN], "full", "in the full lane, for the re-certification lane cannot be taken ("),
    ([*USUAL, OWN], "recertify", "win, that lane refuses and the one further try takes the full lane"),
]


@pytest.mark.parametrize(("parameters", "lane", "sentence"), CASES, ids=["certified", "own change", "both"])
def test_the_lane_is_chosen_before_a_request_is_paid(
    parameters: list[Any], lane: str, sentence: str | None, watch: Callable[..., Watch], dial: Dial
) -> None:
    before = watch(watch={"recalibration_cap_usd": 0})
    dial.serve(SERVED[1])
    assert not before.night(0).success
    before.tick(SENSOR)
    tick = watch(candidates=[CERTIFIED | {"parameters": parameters}]).tick(SENSOR)
    assert tick.jobs == ["recalibrate"], tick.told
    assert tick.asked[0].run_config["ops"]["gate_verdict"]["config"]["lane"] == lane
    reason = tick.asked[0].tags["label_pipeline/reason"]
    assert (sentence or "within watch.recalibration_cap_usd 1") in reason
    assert ("lane" in reason) == (sentence is not None)
