"""decide_drift: one repeatable judge, one thing changed per row, the exact consequence; then judges left alone."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from label_pipeline.stages.anchor.decision import DriftVerdict, decide_drift
from label_pipeline.stages.anchor.evidence import AnchorEvidence
from label_pipeline.stages.anchor.population import Population
from label_pipeline.stages.anchor.thresholds import DriftThresholds
from label_pipeline_tests.stages.anchor.drift_world import (
    Array,
    N,
    anchored,
    graded,
    repeatable,
    run,
    same,
    when,
)  # fmt: skip

GOLD, OPINION = repeatable()
LENIENT = graded(OPINION + 0.6)
"""A shift of .2 R."""
WORSE = graded(np.where(np.arange(N) % 5 == 0, 3 - OPINION, OPINION))
"""A fifth of the pairs read the wrong way round: the loss rises, the mean hardly moves."""
TRADED = same().copy()
"""Six grades changed, three for the better and three for the worse: the loss stays, and only flips can see it."""
TRADED[np.flatnonzero((same() == GOLD) & (GOLD == 1))[:3]] = 2
TRADED[np.flatnonzero(same() - GOLD == 1)[:3]] -= 1

STEADY = Population(auc=0.55, psi=0.05, grade_shift_se=1.0, n_seed=N, n_stream=5000)
OLD = np.tile([0.0, 1.0, 2.0, 3.0], 10)


def unreadable(count: int) -> Array:
    """The usual grades, ``count`` replies lost."""
    raw = same().copy()
    raw[:count] = math.nan
    return raw


def fired(verdict: DriftVerdict) -> set[str]:
    return {signal.code for signal in verdict.signals if signal.fired}


def other_model(number: int, raw: Array) -> AnchorEvidence:
    return anchored([same(), raw], watch=(run(10, same()), run(number, raw, models=frozenset({"judge-2"}))))


HEALTHY = (False, False, True)
SUSPENDED, AGAIN, WARNED = (True, False, False), (False, True, False), (False, False, False)
"""(suspends, run_again, healthy)"""

Case = tuple[AnchorEvidence, str, str, tuple[bool, bool, bool], str]
CASES: dict[str, Case] = {
    "nothing changed": (anchored([same()]), "healthy", "none", HEALTHY, "nothing to do: every detector is below"),
    "no run since the baseline": (anchored([]), "baseline", "none", WARNED, "no anchor run has been made since"),
    "four baseline runs": (
        anchored([same()], baseline_runs=4), "insufficient", "none", WARNED, "4 whole baseline runs of the certified",
    ),
    "no run at all": (anchored([], baseline_runs=0), "insufficient", "none", WARNED, "0 whole baseline runs"),
    "99 pairs": (anchored([same(99)], n=99), "insufficient", "none", WARNED, "99 anchor pairs, 100 are needed"),
    "100 pairs": (anchored([same(100)], n=100), "healthy", "none", HEALTHY, "nothing to do"),
    "the rubric changed": (
        anchored([LENIENT] * 3, rubric_changed=True), "insufficient", "rubric", WARNED, "grade at least 100 anchor",
    ),
    "lenient, one run": (anchored([LENIENT]), "warning", "unconfirmed", AGAIN, "run the anchor once more"),
    "lenient, two runs": (anchored([LENIENT] * 2), "drifted", "leniency", SUSPENDED, "refit the affine calibrator"),
    "lenient after a year": (
        anchored([same()] * 52 + [LENIENT] * 2), "drifted", "leniency", SUSPENDED, "two runs in a row jumped",
    ),
    "lenient for one run": (
        anchored([same(), LENIENT, same()]), "healthy", "none", HEALTHY, "nothing to do",
    ),
    "worse, two runs": (anchored([WORSE] * 2), "drifted", "capability", SUSPENDED, "the judge reads worse"),
    "a drifted judge that came back": (
        anchored([LENIENT] * 2 + [same()] * 20), "drifted", "leniency", SUSPENDED, "evidence that the loss rose",
    ),
    "ten malformed, one run": (anchored([unreadable(10)]), "warning", "unconfirmed", AGAIN, "10 of 150 replies were"),
    "ten malformed, two runs": (
        anchored([unreadable(10)] * 2), "drifted", "capability", SUSPENDED, "ask for shorter replies or raise",
    ),
    "six grades traded, one run": (anchored([TRADED]), "warning", "unconfirmed", AGAIN, "4.0% of the pairs differ"),
    "six grades traded, two runs": (
        anchored([TRADED] * 2), "warning", "silent change", WARNED, "accept a new baseline",
    ),
    "six grades traded, a year": (
        anchored([TRADED] * 52), "warning", "silent change", WARNED, "model or runtime changed silently",
    ),
    "another model": (
        other_model(11, same()), "drifted", "judge changed", SUSPENDED,
        "replies came from judge-2, certified is judge-1: another model is another judge",
    ),
    "another model before the baseline is complete": (
        anchored([], baseline=(run(0, same(), models=frozenset({"judge-2"})),)),
        "drifted", "judge changed", SUSPENDED, "replies came from judge-2",
    ),
    "two models in one run": (
        anchored([], watch=(run(10, same(), models=frozenset({"judge-1", "judge-2"})),)),
        "drifted", "judge changed", SUSPENDED, "replies came from judge-2",
    ),
    "another model and back": (
        anchored([], watch=(run(10, same(), models=frozenset({"judge-2"})), run(11, same()))),
        "healthy", "none", HEALTHY, "nothing to do",
    ),
    "baseline of another model": (
        anchored([same()], baseline=tuple(run(k, same(), models=frozenset({"judge-2"})) for k in range(10))),
        "insufficient", "none", WARNED, "0 whole baseline runs of the certified model",
    ),
    "no model named": (
        anchored([], watch=(run(10, same(), models=frozenset()),)), "insufficient", "none", WARNED, "which model gave",
    ),
    "a new fingerprint, the same grades": (
        anchored([], watch=(run(10, same(), fingerprints=frozenset({"fp_2"})),)),
        "healthy", "none", HEALTHY, "fingerprint fp_2 was not seen in the baseline, and its grades are the baseline's",
    ),
    "a new fingerprint that grades worse": (
        anchored([], watch=tuple(run(k, WORSE, fingerprints=frozenset({"fp_2"})) for k in (10, 11))),
        "drifted", "judge changed", SUSPENDED, "fingerprint fp_2 came with it: the provider changed the model",
    ),
    "an old fingerprint that grades worse": (
        anchored([], watch=(run(10, same(), fingerprints=frozenset({"fp_2"})),
                            *(run(k, WORSE, fingerprints=frozenset({"fp_2"})) for k in (11, 12)))),
        "drifted", "capability", SUSPENDED, "the judge reads worse",
    ),
    "an outage": (
        anchored([], watch=(run(10, unreadable(30), failed=30, malformed=0),)),
        "insufficient", "none", AGAIN, "20.0% of the newest run's replies never came",
    ),
    "a second outage": (
        anchored([], watch=tuple(run(k, unreadable(30), failed=30, malformed=0) for k in (10, 11))),
        "insufficient", "none", WARNED, "nothing is decided on an outage",
    ),
    "an outage after healthy runs": (
        anchored([], watch=(run(10, same()), run(11, unreadable(150), failed=150, malformed=0))),
        "insufficient", "none", AGAIN, "100.0% of the newest run's replies never came",
    ),
    "an outage between": (
        anchored([], watch=(run(10, same()), run(11, unreadable(30), failed=30, malformed=0), run(12, same()))),
        "healthy", "none", HEALTHY, "nothing to do",
    ),
    "an outage does not lift a suspension": (
        anchored([], watch=(run(10, LENIENT), run(11, LENIENT), run(12, unreadable(30), failed=30, malformed=0))),
        "drifted", "leniency", SUSPENDED, "refit",
    ),
    "half of the anchor was never asked": (
        anchored([], watch=(run(10, same(), answered=np.arange(N) < 75),)), "insufficient", "none", AGAIN,
        "50.0% of the",
    ),
    "the canary is worse": (
        anchored([same()], canary=(run(20, LENIENT, answered=np.arange(N) < 60),)),
        "warning", "unconfirmed", AGAIN, "the newest canary of 60 pairs",
    ),
    "the canary is well": (
        anchored([same()], canary=(run(20, same(), answered=np.arange(N) < 60),)), "healthy", "none", HEALTHY,
        "nothing to do",
    ),
    "two replies of a canary never came": (
        anchored([same()], canary=(run(20, unreadable(2), answered=np.arange(N) < 60, replies=60, failed=2),)),
        "healthy", "none", HEALTHY, "nothing to do",
    ),
    "two replies of a run never came": (
        anchored([same()], watch=(run(10, same()), run(11, unreadable(2), failed=2, malformed=0))),
        "insufficient", "none", AGAIN, "1.3% of the newest run's replies never came",
    ),
    "the canary was worse before a healthy run": (
        anchored([same()], canary=(run(9, LENIENT, answered=np.arange(N) < 60),)), "healthy", "none", HEALTHY,
        "nothing to do",
    ),
    "humans grade higher": (
        anchored([same()], regraded=(OLD, np.append(OLD[:-3] + 1, OLD[-3:]))),
        "warning", "humans", HEALTHY, "train the annotators again, leave the judge alone",
    ),
    "humans differ more than expected": (
        anchored([same()], regraded=(OLD, np.tile([2.0, 1.0, 2.0, 1.0], 10)), human_mse=0.4),
        "warning", "humans", HEALTHY, "(expected 0.40)",
    ),
    "humans grade alike": (
        anchored([same()], regraded=(OLD, OLD), human_mse=0.4), "healthy", "none", HEALTHY, "nothing",
    ),
    "19 re-graded pairs": (
        anchored([same()], regraded=(OLD[:19], OLD[:19] + 1)), "healthy", "none", HEALTHY, "nothing to do",
    ),
    "the stream looks like the anchor": (anchored([same()], population=STEADY), "healthy", "none", HEALTHY, "nothing"),
    "the stream's texts differ": (
        anchored([same()], population=STEADY._replace(auc=0.71)),
        "warning", "population", HEALTHY, "AUC 0.71, warning above 0.7 (150 anchor and 5000 stream pairs)",
    ),
    "the stream's grades differ": (
        anchored([same()], population=STEADY._replace(psi=0.25)), "warning", "population", HEALTHY, "0.25",
    ),
    "the stream's mean grade fell": (
        anchored([same()], population=STEADY._replace(grade_shift_se=-3.5)), "warning", "population", HEALTHY, "3.50",
    ),
    "a stream too small to compare": (
        anchored([same()], population=Population(math.nan, math.nan, math.nan, N, 12)),
        "healthy", "none", HEALTHY, "nothing to do",
    ),
    "population does not hide drift": (
        anchored([LENIENT] * 2, population=STEADY._replace(auc=0.9)), "drifted", "leniency", SUSPENDED, "refit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_change_one_consequence(case: str) -> None:
    evidence, state, cause, consequence, words = CASES[case]
    verdict = decide_drift(evidence)
    assert (verdict.state, verdict.cause) == (state, cause), verdict.action
    assert (verdict.suspends, verdict.run_again, verdict.healthy) == consequence
    assert words in verdict.action


def test_traded_grades_leave_the_loss_where_it_was() -> None:
    assert ((TRADED - GOLD) ** 2).mean() == ((same() - GOLD) ** 2).mean()
    assert (same() != TRADED).sum() == 6


def test_a_change_is_dated_by_the_last_run_before_it() -> None:
    assert decide_drift(anchored([LENIENT] * 2)).change_point == when(9)  # the baseline's last
    assert decide_drift(anchored([same()] * 5 + [LENIENT] * 2)).change_point == when(14)
    assert decide_drift(other_model(11, same())).change_point == when(10)
    for healthy in (anchored([same()]), anchored([LENIENT]), anchored([TRADED] * 2)):
        assert decide_drift(healthy).change_point is None


def test_what_was_found_names_every_detector_and_can_be_stored() -> None:
    verdict = decide_drift(anchored([LENIENT] * 2, population=Population(math.nan, 0.3, 1.0, N, 900)))
    assert [signal.code for signal in verdict.signals] == [
        "rubric", "anchor_pairs", "baseline_runs", "served_model", "e_process", "jump", "double_jump", "flips",
        "malformed", "refused", "bias", "repeatability", "fingerprint", "population_texts", "population_grades",
        "population_mean",
    ]  # fmt: skip
    assert fired(verdict) == {"e_process", "jump", "double_jump", "flips", "bias", "population_grades"}
    json.dumps([signal._asdict() for signal in verdict.signals], allow_nan=False)
    assert asdict(verdict)["collection"] == "main"


def test_a_perfectly_repeatable_judge_is_healthy_for_ever() -> None:
    for runs in (1, 2, 10, 300):
        verdict = decide_drift(anchored([same()] * runs))
        assert (verdict.state, fired(verdict)) == ("healthy", set())


@pytest.mark.parametrize("runs", [5, 10])
@pytest.mark.parametrize("n", [100, 300])
def test_one_changed_grade_alone_never_suspends_and_asks_for_nothing(n: int, runs: int) -> None:
    gold, _ = repeatable(n)
    worst = int(np.argmin(np.abs(same(n) - gold)))
    for grade in (0.0, 1.0, 2.0, 3.0, math.nan):
        changed = same(n).copy()
        changed[worst] = grade
        verdict = decide_drift(anchored([same(n), changed], n=n, baseline_runs=runs))
        assert (verdict.state, verdict.suspends, verdict.run_again) == ("healthy", False, False), (
            grade,
            verdict.action,
        )


@pytest.mark.parametrize("healthy_weeks", [0, 1, 26, 300])
@pytest.mark.parametrize(("n", "runs"), [(100, 5), (150, 10), (300, 10)])
def test_a_shift_of_a_fifth_of_the_scale_is_seen_at_once_and_decided_by_the_second_run(
    n: int, runs: int, healthy_weeks: int
) -> None:
    shifted = graded(repeatable(n)[1] + 0.6)
    one = decide_drift(anchored([same(n)] * healthy_weeks + [shifted], n=n, baseline_runs=runs))
    assert (one.suspends, one.run_again) == (False, True)
    two = decide_drift(anchored([same(n)] * healthy_weeks + [shifted] * 2, n=n, baseline_runs=runs))
    assert (two.state, two.cause, two.suspends, two.run_again) == ("drifted", "leniency", True, False)
    assert two.change_point == when(runs + healthy_weeks - 1)


def test_a_warning_is_answered_once_not_for_ever() -> None:
    asked = [decide_drift(anchored([TRADED] * runs)).run_again for runs in range(1, 10)]
    assert asked == [True] + [False] * 8


def test_thresholds_are_arguments() -> None:
    strict = DriftThresholds(min_pairs=200)
    assert decide_drift(anchored([same()]), strict).state == "insufficient"
    assert DriftThresholds(runs_per_year=52).run_p == pytest.approx(0.05 / 8 / 52)
    assert DriftThresholds(runs_per_year=52).run_z == pytest.approx(3.6723, abs=1e-4)  # the normal quantile of it
    assert DriftThresholds(runs_per_year=365, canaries_per_year=365).canary_p == pytest.approx(0.05 / 8 / 365)


@pytest.mark.parametrize("field", ["raw", "calibrated"])
def test_runs_must_be_aligned_with_the_anchor(field: str) -> None:
    short = replace(run(10, same()), **{field: same()[:-1]})  # type: ignore[arg-type]  # one of two arrays
    with pytest.raises(ValueError, match=r"anchor of 150 pairs with arrays of shape \['\(149,\)'\]"):
        anchored([], watch=(short,))
