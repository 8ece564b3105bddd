"""Simulated years whose truth is known: how often drift is seen, how seldom a healthy judge is accused, and of what.

The first half are the figures of the issue and of docs/results.md; the second puts the same years before the decision.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from label_pipeline.core.calibrators import AffineCalibrator
from label_pipeline.stages.anchor.decision import decide_drift
from label_pipeline.stages.anchor.thresholds import DEFAULT, DriftThresholds
from label_pipeline_tests.results import drift
from label_pipeline_tests.results.drift import CHANGES, HEALTHY, Change, Detection, Years
from label_pipeline_tests.stages.anchor.drift_world import anchored, of_year, run, same


@pytest.fixture(scope="module")
def found() -> dict[str, Detection]:
    return {each.change.name: each for each in drift.findings(lambda _words: None, years=80)}


@pytest.fixture(scope="module")
def line() -> AffineCalibrator:
    return drift.calibrator(np.random.default_rng(1))


def test_the_world_is_the_one_described(line: AffineCalibrator) -> None:
    years = drift.draw(np.random.default_rng(2), HEALTHY, years=20, items=5000, baseline_runs=2, weeks=0)
    first, second = years.baseline[:, 0], years.baseline[:, 1]
    assert (first != second).mean() == pytest.approx(0.24, abs=0.01)
    assert ((line.apply(first) - years.gold) ** 2).mean() == pytest.approx(0.54, abs=0.02)


@pytest.mark.thorough
def test_eighty_healthy_years_are_left_in_peace(found: dict[str, Detection]) -> None:
    healthy = found["healthy"]
    assert healthy.share("any") <= 0.05  # 5 of 80 would be one in twenty
    assert healthy.share("suspended") <= 0.01


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["misreads more, +.19 MSE", "lenient, +.19 MSE"])
def test_a_shift_of_a_fifth_of_a_squared_grade_is_seen_within_the_year_and_in_the_first_week(
    found: dict[str, Detection], kind: str
) -> None:
    assert found[kind].mse == pytest.approx(0.19, abs=0.02)
    assert found[kind].share("any") >= 0.95
    assert found[kind].median("any") == 1
    assert found[kind].share("suspended") >= 0.95
    assert found[kind].median("suspended") <= 3
    assert found[kind].located >= 0.95


@pytest.mark.thorough
def test_a_shift_of_a_fifth_of_the_scale_is_always_seen(found: dict[str, Detection]) -> None:
    planted = found["lenient by .2 R"]
    assert planted.share("any") == 1
    assert np.nanmax(planted.first["any"]) == 1
    assert planted.share("suspended") == 1


@pytest.mark.thorough
def test_a_change_after_half_a_healthy_year_is_seen_as_well_as_one_at_once(found: dict[str, Detection]) -> None:
    late = found["misreads more, +.19 MSE, from week 27"]
    assert late.share("e-process") >= 0.95
    assert late.median("e-process") <= 4
    assert late.median("suspended") <= 3


@pytest.mark.thorough
def test_flips_see_another_model_that_is_as_good(found: dict[str, Detection]) -> None:
    swapped = next(each for name, each in found.items() if name.startswith("another model"))
    assert abs(swapped.mse) < 0.02
    assert swapped.share("flips") >= 0.95


@pytest.mark.thorough
def test_within_the_tolerance_of_this_anchor_a_judge_is_seldom_suspended(line: AffineCalibrator) -> None:
    change = Change("a little lenient", "leniency", 0.25)  # a rise of .02 where .03 is tolerated
    assert drift.watch(drift.draw(np.random.default_rng(8), change), change, line).share("suspended") <= 0.10


def verdicts(years: Years, line: AffineCalibrator, weeks: int) -> Counter[str]:
    """Causes of suspensions, or ``state: cause``, of every year after ``weeks``."""
    found: Counter[str] = Counter()
    for year in range(len(years.gold)):
        verdict = decide_drift(of_year(years, year, line, weeks))
        found[verdict.cause if verdict.suspends else f"{verdict.state}: {verdict.cause}"] += 1
    return found


@pytest.mark.parametrize(
    ("number", "cause"), [(3, "capability"), (7, "leniency"), (8, "leniency"), (9, "warning: silent change")]
)
def test_the_cause_is_the_true_one(number: int, cause: str, line: AffineCalibrator) -> None:
    years = drift.draw(np.random.default_rng(9), CHANGES[number], years=40, weeks=8)
    assert verdicts(years, line, 8)[cause] >= 34


def test_a_noisier_judge_is_told_from_a_changed_one(line: AffineCalibrator) -> None:
    years = drift.draw(np.random.default_rng(9), HEALTHY, years=40)
    noisier = drift.draw(np.random.default_rng(9), HEALTHY, years=40, weeks=4, passing=1.6 * drift.PASSING)
    assert (noisier.gold == years.gold).all()
    found = verdicts(years._replace(watched=noisier.watched), line, 4)
    assert found["warning: repeatability"] + found["warning: unconfirmed"] >= 32
    assert found["warning: repeatability"] > found["warning: silent change"] + found["capability"]


THREE = [frozenset({f"fp_{number}"}) for number in (1, 2, 3)]


def test_a_repeatable_judge_behind_three_fingerprints_is_left_in_peace_for_thirty_nights() -> None:
    for night in range(1, 31):
        watched = tuple(run(10 + k, same(), fingerprints=THREE[k % 3]) for k in range(night))
        verdict = decide_drift(anchored([], watch=watched))
        assert (verdict.state, verdict.suspends, verdict.run_again) == ("healthy", False, False)


@pytest.mark.thorough
@pytest.mark.parametrize("nights", [DriftThresholds(runs_per_year=52), DEFAULT], ids=["weekly", "nightly"])
def test_a_noisy_judge_behind_three_fingerprints_is_never_suspended(
    nights: DriftThresholds, line: AffineCalibrator
) -> None:
    years = drift.draw(np.random.default_rng(10), HEALTHY, years=4, weeks=30)
    asked = 0
    for year in range(4):
        whole = of_year(years, year, line, 30)
        watched = tuple(replace(each, fingerprints=THREE[k % 3]) for k, each in enumerate(whole.watch))
        for night in range(1, 31):
            verdict = decide_drift(replace(whole, watch=watched[:night]), nights)
            assert not verdict.suspends
            asked += verdict.run_again
    assert asked <= 2  # of 120 nights


def test_a_detection_counts_from_the_change() -> None:
    first = np.array([1.0, 3.0, np.nan, 2.0])
    detection = Detection(HEALTHY, 0.0, {"jump": first}, 1.0)
    assert detection.share("jump") == 0.75
    assert detection.median("jump") == 2
    assert np.isnan(Detection(HEALTHY, 0.0, {"jump": first * np.nan}, 1.0).median("jump"))


def test_a_rise_of_nothing_is_the_control(line: AffineCalibrator) -> None:
    """The same seeds without a change: what is seen above is the change."""
    shares: Callable[[Change], float] = lambda change: drift.watch(  # noqa: E731
        drift.draw(np.random.default_rng(7), change, years=50), change, line
    ).share("suspended")
    assert shares(HEALTHY) == 0
    assert shares(Change("lenient", "leniency", 0.77)) == 1
