"""The baseline against what the gate saw: the same judge passes, another one under its name does not."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from label_pipeline.core.intervals import cluster_totals
from label_pipeline.core.scale import Scale
from label_pipeline.stages.anchor import AnchorEvidence, Certificate, decide_drift
from label_pipeline.stages.anchor.certificate import certificate_signals
from label_pipeline.stages.anchor.thresholds import DEFAULT
from label_pipeline_tests.stages.anchor.drift_world import MODEL, START, anchored, run, same

Array = NDArray[np.float64]
DECIDED = START - timedelta(days=1)
QUERIES, PAIRS = 30, 10


def judged(rng: np.random.Generator, opinion: Array, runs: int = 7) -> list[Array]:
    """One judge asked about the same pairs again and again: its opinion as grades, a twentieth of them off by one."""
    n = len(opinion)
    return [
        np.clip(np.rint(opinion) + np.where(rng.random(n) < 0.05, rng.choice([-1, 1], n), 0), 0, 3) for _ in range(runs)
    ]


def world(
    rng: np.random.Generator, noise: float = 0.5, added: float = 0.0, beside: bool = True, watch: int = 0
) -> AnchorEvidence:
    """A judge certified on 44 queries, and a baseline of five runs of one that errs by ``added`` on top of it."""
    gold, seen = (rng.integers(0, 4, n).astype(float) for n in (QUERIES * PAIRS, 440))
    opinion = gold + noise * rng.normal(size=len(gold))
    [at_the_gate] = judged(rng, opinion, 1)
    runs = judged(rng, opinion + added * rng.normal(size=len(gold)))
    lost = Scale(0, 3).loss(judged(rng, seen + noise * rng.normal(size=440), 1)[0], seen)
    return AnchorEvidence(
        collection="main", scale=Scale(0, 3), gold=gold, query_index=np.arange(len(gold)) // PAIRS,
        baseline=tuple(run(number, raw) for number, raw in enumerate(runs[:5])),
        watch=tuple(run(5 + number, raw) for number, raw in enumerate(runs[5:5 + watch])), accepted_model=MODEL,
        certificate=Certificate(
            DECIDED, cluster_totals(lost, np.arange(440) // 10, 44), run(-1, at_the_gate) if beside else None
        ),
    )  # fmt: skip


@pytest.mark.parametrize("beside", [True, False])
def test_another_judge_under_the_same_name_is_found_and_all_it_labelled_is_in_doubt(beside: bool) -> None:
    """Errors of sd 1.6 where the gate saw .5: about 9 NMSE points more. The holdout alone is enough to tell."""
    rng = np.random.default_rng(1)
    found = [decide_drift(world(rng, added=1.5, beside=beside, watch=2)) for _ in range(60)]
    assert all(one.suspends and one.state == "drifted" and one.cause == "judge changed" for one in found)
    assert all(one.change_point == DECIDED for one in found)
    assert all("what answers now is not the judge that was certified" in one.action for one in found)


def test_the_pairs_asked_at_the_gate_find_what_other_queries_cannot() -> None:
    """Errors of sd 1.28 where the gate saw 1: found in .79 and .45 of 300."""
    rng = np.random.default_rng(2)
    codes = [
        {signal.code for signal in certificate_signals(evidence, evidence.baseline, DEFAULT) if signal.fired}
        for evidence in (world(rng, noise=1.0, added=0.8) for _ in range(100))
    ]
    by_pair, by_holdout = (np.mean([code in fired for fired in codes]) for code in ("gate_pass", "certificate"))
    assert by_pair > by_holdout + 0.15
    assert by_pair > 0.65


def test_the_certified_judge_itself_is_suspended_no_oftener_than_it_may() -> None:
    """Two looks at one in a hundred each, against a tolerance: measured .002."""
    rng = np.random.default_rng(3)
    fired = [
        any(signal.fired for signal in certificate_signals(evidence, evidence.baseline, DEFAULT))
        for evidence in (world(rng) for _ in range(500))
    ]
    assert np.mean(fired) <= 0.02


def test_a_baseline_is_judged_from_its_first_run_on_and_before_any_watched_run() -> None:
    rng = np.random.default_rng(4)
    changed = world(rng, added=1.5)
    assert decide_drift(replace(changed, baseline=changed.baseline[:1])).suspends
    sound = decide_drift(world(rng))
    assert (sound.state, sound.suspends) == ("baseline", False)
    assert {signal.code for signal in sound.signals} >= {"gate_pass", "certificate"}


def test_without_a_certificate_or_a_run_nothing_is_said() -> None:
    rng = np.random.default_rng(5)
    evidence = world(rng)
    assert certificate_signals(evidence, (), DEFAULT) == ()
    assert certificate_signals(replace(evidence, certificate=None), evidence.baseline, DEFAULT) == ()


def test_too_few_queries_say_so_and_suspend_nobody() -> None:
    """Nine anchor queries, all of them far worse."""
    far = anchored([], n=90)
    gold = far.gold
    certificate = Certificate(
        DECIDED, cluster_totals(np.zeros(90), np.arange(90) // 10, 9), replace(run(-1, same(90)), calibrated=gold)
    )
    wrong = tuple(replace(one, calibrated=3 - gold) for one in far.baseline)
    signals = certificate_signals(replace(far, certificate=certificate), wrong, DEFAULT)
    assert [signal.fired for signal in signals] == [False, False]
    assert all("too few queries to say more" in signal.sentence for signal in signals)


def test_a_judge_that_got_better_is_not_accused() -> None:
    evidence = world(np.random.default_rng(6), noise=1.6)
    better = tuple(replace(one, calibrated=(one.calibrated + evidence.gold) / 2) for one in evidence.baseline)
    assert not any(signal.fired for signal in certificate_signals(evidence, better, DEFAULT))


def test_figures_are_in_nmse_points_and_by_hand() -> None:
    """The paired figure: mean rise minus t(.99, 29) clustered errors."""
    evidence = world(np.random.default_rng(7), added=1.0)
    certificate = evidence.certificate
    assert certificate is not None
    assert certificate.anchor is not None
    paired, _ = certificate_signals(evidence, evidence.baseline, DEFAULT)
    after = np.mean([((one.calibrated - evidence.gold) / 3) ** 2 for one in evidence.baseline], axis=0)
    rise = after - ((certificate.anchor.calibrated - evidence.gold) / 3) ** 2
    by_query = rise.reshape(QUERIES, PAIRS).mean(axis=1)
    low = by_query.mean() - 2.4620 * by_query.std(ddof=1) / math.sqrt(QUERIES)
    assert paired.figure == pytest.approx(100 * low, abs=1e-3)
    assert paired.threshold == pytest.approx(100 * 0.03 / 16)
