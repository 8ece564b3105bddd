"""How many labels a change can spoil before its alarm: against a simulation of whole judges, and in words."""

from dataclasses import replace

import numpy as np
import pytest

from label_pipeline.core.drift import loss
from label_pipeline.stages.anchor import Cadence, decide_drift
from label_pipeline.stages.anchor.exposure import FOUND_RISE, exposure_signal, runs_to_alarm
from label_pipeline.stages.anchor.thresholds import DEFAULT
from label_pipeline_tests.results import drift
from label_pipeline_tests.stages.anchor.drift_world import anchored, same

WEEKLY = Cadence(pause_days=7, label_days=7, labels_a_day=5000)


def of_noise(standard_deviation: float) -> loss.Baseline:
    """A baseline whose one run's mean loss has this standard deviation, in units of ``FOUND_RISE``."""
    return loss.Baseline(np.zeros(300), np.asarray((standard_deviation * FOUND_RISE) ** 2), 10)


@pytest.mark.parametrize(("noise", "runs"), [(0.01, 2), (0.1, 2), (5.0, None)])
def test_a_steady_judge_needs_two_runs_and_a_wild_one_is_never_sure(noise: float, runs: int | None) -> None:
    assert runs_to_alarm(of_noise(noise), DEFAULT, np.random.default_rng(0)) == runs


def test_a_noisier_judge_is_never_found_earlier() -> None:
    found = [runs_to_alarm(of_noise(noise), DEFAULT, np.random.default_rng(0)) or 99 for noise in (0.1, 0.3, 0.6, 1.0)]
    assert found == sorted(found)
    assert found[-1] > 4


def test_judges_that_change_so_much_are_suspended_within_the_bound() -> None:
    """Whole judges, exact tests and all, whose loss rose by .19 MSE: the bound of each one's own baseline."""
    change = drift.CHANGES[7]
    line = drift.calibrator(np.random.default_rng(1))
    years = drift.draw(np.random.default_rng(3), change, years=60, weeks=8)
    found = drift.watch(years, change, line)
    bases = drift.SCALE.loss(line.apply(years.baseline), years.gold[:, None])
    bounds = [runs_to_alarm(loss.baseline(each), DEFAULT, np.random.default_rng(0)) or 99 for each in bases]
    assert max(bounds) <= 4
    assert (found.first["suspended"] <= np.array(bounds)).mean() >= 0.9


def test_the_bound_is_told_with_its_money_and_its_days() -> None:
    told = exposure_signal(of_noise(0.1), WEEKLY, DEFAULT, np.random.default_rng(0))
    assert told.figure == 2 * 7 * 5000
    assert not told.fired
    assert told.sentence == (
        "a rise of 1.19 NMSE is found within 2 anchor runs in 95% of cases, 7 days apart while schedule `anchor` is "
        "on: 14 label days can lie between the change and its alarm, 70,000 labels at most by amplify.cap_usd, which "
        "are recalled"
    )
    free = exposure_signal(of_noise(0.1), WEEKLY._replace(labels_a_day=None), DEFAULT, np.random.default_rng(0))
    assert free.figure is None
    assert "no cap bounds them" in free.sentence
    wild = exposure_signal(of_noise(5.0), WEEKLY, DEFAULT, np.random.default_rng(0))
    assert wild.figure is None
    assert "grade more anchor pairs" in wild.sentence
    lax = exposure_signal(of_noise(0.1), WEEKLY, replace(DEFAULT, delta=FOUND_RISE), np.random.default_rng(0))
    assert (
        lax.sentence
        == "a rise of 1.19 NMSE is within anchor.tolerance (1.19 NMSE): it is no alarm however long it lasts"
    )


@pytest.mark.parametrize("watched", [0, 1])
def test_it_stands_on_a_verdict_that_lets_labelling_go_on(watched: int) -> None:
    verdict = decide_drift(replace(anchored([same()] * watched), cadence=WEEKLY))
    assert "14 label days can lie between the change and its alarm" in verdict.action
    assert "exposure" in {signal.code for signal in verdict.signals}
    without = decide_drift(anchored([same()] * watched))
    assert "label days" not in without.action
