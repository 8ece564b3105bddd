"""A run nobody asked for spends within every cap, and leaves the last look to a person."""

import math
from dataclasses import replace

import pytest

from label_pipeline.stages.watch import RECALIBRATE, Allowance, Cost, WantedRun, may_recalibrate, may_watch

WANTED = WantedRun(RECALIBRATE, "key", "j1@3", "it changed", True, "recertify", ("shop",))
FINE = Allowance(cap_usd=1.0, calibrate_cap_usd=5, gate_cap_usd=5, looks_left={"shop": 3}, queries_needed={"shop": 44})
COST = Cost(0.3, 0.1, 420, "")


def test_within_every_cap_it_goes_ahead_and_its_two_caps_are_the_cap() -> None:
    config, told = may_recalibrate(WANTED, COST, FINE)
    assert config["judge_leaderboard"] == {"fresh": True, "cap_usd": pytest.approx(0.75)}
    assert config["gate_verdict"] == {"lane": "recertify", "cap_usd": pytest.approx(0.25)}
    assert told == "a recalibration costs at most $0.4000 (420 requests), within watch.recalibration_cap_usd 1"


@pytest.mark.parametrize("cap_usd", [0.4, 0.5, 7.0])
def test_the_two_caps_never_add_up_to_more_than_the_cap_nor_pass_a_stage_s_own(cap_usd: float) -> None:
    config, _ = may_recalibrate(WANTED, COST, replace(FINE, cap_usd=cap_usd, gate_cap_usd=0.2))
    caps = [float(str(config[name]["cap_usd"])) for name in ("judge_leaderboard", "gate_verdict")]
    assert sum(caps) <= cap_usd + 1e-9
    assert caps[0] >= COST.calibrate_usd - 1e-9
    assert COST.gate_usd - 1e-9 <= caps[1] <= 0.2


@pytest.mark.parametrize(
    ("allowed", "cost", "sentence"),
    [
        (replace(FINE, cap_usd=0), COST, "costs at most $0.4000 (420 requests), watch.recalibration_cap_usd is 0"),
        (replace(FINE, cap_usd=0), COST, "Set it to 0.41 or more, or run job recalibrate yourself"),
        (replace(FINE, cap_usd=0), Cost(0, 0, 9), "watch.recalibration_cap_usd is 0"),  # free, and still unasked
        (replace(FINE, cap_usd=0.39), COST, "watch.recalibration_cap_usd is 0.39"),
        (replace(FINE, calibrate_cap_usd=0.2), COST, "in stage calibrate, whose cap is 0.2: raise calibrate.cap_usd"),
        (replace(FINE, gate_cap_usd=0), COST, "in stage gate, whose cap is 0: raise gate.cap_usd"),
        (FINE, Cost(math.nan, math.nan, 0, "no known price for model x"), "cannot be priced, so nothing is asked: no"),
        (replace(FINE, looks_left={"shop": 1}), COST, "[shop] 1 of the recertify looks at its holdout left: grade"),
        (
            replace(FINE, looks_left={"shop": 1}),
            COST,
            "about 44 new queries, which renew it; the last look is yours",
        ),
        (replace(FINE, looks_left={}), COST, "[shop] 0 of the recertify looks"),  # unknown counts as none
    ],
)
def test_why_it_does_not(allowed: Allowance, cost: Cost, sentence: str) -> None:
    config, told = may_recalibrate(WANTED, cost, allowed)
    assert config == {}
    assert sentence in told


def test_a_free_model_splits_the_cap_evenly() -> None:
    config, _ = may_recalibrate(WANTED, Cost(0, 0, 9), FINE)
    assert [config[name]["cap_usd"] for name in ("judge_leaderboard", "gate_verdict")] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("cost", "cap", "anchor_cap", "fine", "sentence"),
    [
        (0.1, 1, 1, True, "an anchor run costs at most $0.1000"),
        (0.1, 0, 1, False, "watch.recalibration_cap_usd is 0"),
        (0.1, 1, 0.05, False, "anchor.cap_usd is 0.05"),
        (math.nan, 1, 1, False, "cannot be priced"),
    ],
)
def test_an_anchor_run(cost: float, cap: float, anchor_cap: float, fine: bool, sentence: str) -> None:
    found, told = may_watch(cost, cap, anchor_cap)
    assert found is fine
    assert sentence in told
