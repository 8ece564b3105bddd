"""Decide whether a certified judge is still the one that was certified, collection by collection.

Refuses to decide on too little, then reads the detectors and looks the cause up. Unknown is never healthy.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from label_pipeline.core.codes import detectors
from label_pipeline.core.codes.drift import BASELINE, HEALTHY, INSUFFICIENT, NO_CAUSE, RUBRIC, Cause, State
from label_pipeline.core.drift import loss
from label_pipeline.stages.anchor.causes import Diagnosis, another_judge, another_model, diagnose
from label_pipeline.stages.anchor.certificate import certificate_signals
from label_pipeline.stages.anchor.evidence import AnchorEvidence, AnchorRun
from label_pipeline.stages.anchor.exposure import exposure_signal
from label_pipeline.stages.anchor.readings import Readings
from label_pipeline.stages.anchor.signals import (
    Signal,
    canary_signal,
    human_signal,
    judge_signals,
    model_signal,
    population_signals,
)
from label_pipeline.stages.anchor.thresholds import DEFAULT, DriftThresholds


@dataclass(frozen=True)
class DriftVerdict:
    """One decision on one judge in one collection.

    Attributes:
        collection: its name.
        state: ``baseline`` (no run to compare yet), ``healthy``, ``warning``, ``drifted`` or ``insufficient``.
        cause: row of the cause table (causes.py).
        action: what was found with figure and threshold, and what to do.
        signals: every detector's answer.
        suspends: the judge may not label until one is certified again.
        run_again: one more anchor run is wanted now.
        healthy: the judge is the one that was certified; its labels may be confirmed.
        change_point: when the last run before the estimated change ended; None where nothing is to be recalled.
    """

    collection: str
    state: State
    cause: Cause
    action: str
    signals: tuple[Signal, ...]
    suspends: bool
    run_again: bool
    healthy: bool
    change_point: datetime | None


def decide_drift(evidence: AnchorEvidence, thresholds: DriftThresholds = DEFAULT) -> DriftVerdict:
    """The drift verdict that follows from ``evidence``.

    Only a loss beyond its tolerance, or another model, suspends; no single run's grades do. Warnings ask for one more
    run, and the run after that decides. Runs in which replies never came are left out: an outage is not the judge.
    """
    accepted = {evidence.accepted_model}
    baseline = tuple(run for run in evidence.baseline if _whole(run, thresholds) and run.models <= accepted)
    runs = tuple(run for run in evidence.watch if _whole(run, thresholds))
    first = (*_sufficiency(evidence, len(baseline), thresholds), *_served(evidence))
    certified = certificate_signals(evidence, baseline, thresholds)
    exposed = _exposure(evidence, baseline, thresholds)
    others = (
        *certified, *_present(human_signal(evidence, thresholds)), *population_signals(evidence, thresholds),
        *_present(exposed),
    )  # fmt: skip
    known = _without_detectors(evidence, first, certified, runs, thresholds)
    if known is not None:
        signals, diagnosis = (*first, *others), known
    else:
        found = Readings(replace(evidence, baseline=baseline, watch=runs), runs, thresholds)
        signals = (*first, *judge_signals(found), *_present(canary_signal(found)), *others)
        diagnosis = diagnose(found, signals)
        if not diagnosis.suspends:
            diagnosis = _unknown(evidence, thresholds) or diagnosis
    if exposed is not None and diagnosis.state in (BASELINE, HEALTHY):
        diagnosis = diagnosis._replace(action=f"{diagnosis.action}; {exposed.sentence}")
    return DriftVerdict(evidence.collection, signals=signals, **diagnosis._asdict())


def _exposure(evidence: AnchorEvidence, baseline: tuple[AnchorRun, ...], limits: DriftThresholds) -> Signal | None:
    """What the settings risk between a change and its alarm; None before the baseline is complete enough."""
    if evidence.cadence is None or len(baseline) < limits.min_baseline or evidence.n_pairs < limits.min_pairs:
        return None
    losses = evidence.scale.loss(np.stack([run.calibrated for run in baseline]), evidence.gold)
    return exposure_signal(loss.baseline(losses), evidence.cadence, limits, np.random.default_rng(0))


def _present(signal: Signal | None) -> tuple[Signal, ...]:
    return () if signal is None else (signal,)


def _served(evidence: AnchorEvidence) -> tuple[Signal, ...]:
    runs = (*evidence.baseline, *evidence.watch)
    return (model_signal(evidence, runs[-1]),) if runs else ()


def _sufficiency(evidence: AnchorEvidence, runs: int, limits: DriftThresholds) -> tuple[Signal, ...]:
    """Whether there is enough to decide on; a fired signal says what is missing."""
    n = evidence.n_pairs
    return (
        Signal(detectors.RUBRIC, float(evidence.rubric_changed), 1.0, evidence.rubric_changed,
               "the rubric is another one than when the anchor was graded" if evidence.rubric_changed
               else "the rubric is the one the anchor was graded by"),
        Signal(detectors.ANCHOR_PAIRS, float(n), float(limits.min_pairs), n < limits.min_pairs,
               f"{n} anchor pairs, {limits.min_pairs} are needed and 300 advised"),
        Signal(detectors.BASELINE_RUNS, float(runs), float(limits.min_baseline), runs < limits.min_baseline,
               f"{runs} whole baseline runs of the certified model, {limits.min_baseline} are needed and 10 advised"),
    )  # fmt: skip


def _without_detectors(
    evidence: AnchorEvidence,
    first: tuple[Signal, ...],
    certified: tuple[Signal, ...],
    runs: tuple[AnchorRun, ...],
    limits: DriftThresholds,
) -> Diagnosis | None:
    """What can be said before any detector is read; None where they are to be read."""
    rubric, pairs, baseline, *served = first
    if served and served[0].fired:
        return another_model(evidence, served[0].sentence)
    if rubric.fired:
        action = f"{rubric.sentence}, so it is void: grade at least 100 anchor pairs by the new rubric and make a new "
        return Diagnosis(INSUFFICIENT, RUBRIC, action + "baseline; the judge must be certified under it too")
    if any(signal.fired for signal in certified):
        return another_judge(evidence, [signal.sentence for signal in certified if signal.fired])
    if pairs.fired:
        return Diagnosis(INSUFFICIENT, NO_CAUSE, f"{pairs.sentence}: grade more pairs of anchor queries")
    if baseline.fired:
        return Diagnosis(INSUFFICIENT, NO_CAUSE, f"{baseline.sentence}: run the anchor to complete the baseline")
    if not evidence.watch:
        action = "the baseline is complete and no anchor run has been made since: the next one is compared with it"
        return Diagnosis(BASELINE, NO_CAUSE, action)
    return None if runs else _unknown(evidence, limits)


def _unknown(evidence: AnchorEvidence, limits: DriftThresholds) -> Diagnosis | None:
    """The newest run cannot be read as the judge's: an outage, which is asked for again once, or nobody's answer."""
    newest = evidence.watch[-1]
    if not _whole(newest, limits):
        action = (
            f"{newest.missing_share:.1%} of the newest run's replies never came, at most {limits.failed_share:.0%} may "
            "be missing: nothing is decided on an outage; run the anchor again when the provider answers"
        )
        once = len(evidence.watch) == 1 or _whole(evidence.watch[-2], limits)
        return Diagnosis(INSUFFICIENT, NO_CAUSE, action, run_again=once)
    if not newest.models:
        action = "no reply of the newest run says which model gave it: unknown is not healthy; name it at the provider"
        return Diagnosis(INSUFFICIENT, NO_CAUSE, action)
    return None


def _whole(run: AnchorRun, limits: DriftThresholds) -> bool:
    return run.missing_share <= limits.failed_share
