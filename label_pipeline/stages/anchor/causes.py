"""From what fired to a cause and an action: the table of statistics.md section 7, row by row.

| what fired | cause | suspends | run again |
|---|---|---|---|
| another model answered | judge changed | yes | no |
| the baseline loses more than the judge did at the gate | judge changed | yes | no |
| loss beyond the tolerance, with a fingerprint first seen then | judge changed | yes | no |
| loss beyond the tolerance, taking the bias back repairs half of it or more | leniency | yes | no |
| loss beyond the tolerance, bias flat | capability | yes | no |
| a warning (jump, flips, unreadable, refused) in the newest run, none in the one before | unconfirmed | no | once |
| unreadable or refused replies in two runs, loss within tolerance | capability | no | no |
| flips in two runs, and recent runs disagree with each other | repeatability | no | no |
| flips or a jump in two runs, loss within tolerance | silent change | no | no |
| recent runs disagree with each other, nothing else | repeatability | no | no |
| the canary | unconfirmed | no | once |
| humans grade the same pairs differently | humans | no | no |
| the stream no longer looks like the anchor | population | no | no |

"Beyond the tolerance" is the e-process, or a second run in a row that jumped. The first row that applies is the cause.
A fingerprint alone asks for nothing: the anchor run it led to has just answered.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from label_pipeline.core.codes import detectors
from label_pipeline.core.codes.detectors import Detector
from label_pipeline.core.codes.drift import (
    CAPABILITY,
    DRIFTED,
    HEALTHY,
    HUMANS,
    JUDGE_CHANGED,
    LENIENCY,
    NO_CAUSE,
    POPULATION,
    REPEATABILITY,
    SILENT_CHANGE,
    UNCONFIRMED,
    WARNING,
    Cause,
    State,
)  # fmt: skip
from label_pipeline.stages.anchor.evidence import AnchorEvidence
from label_pipeline.stages.anchor.ordinary import COUNTED
from label_pipeline.stages.anchor.readings import Readings
from label_pipeline.stages.anchor.signals import Signal


class Diagnosis(NamedTuple):
    """What is wrong, what to do, and what follows by itself.

    Attributes:
        state: of the judge.
        cause: row of the table; ``unconfirmed`` until a second run has spoken.
        action: what was found with figure and threshold, and what to do.
        suspends: the judge may not label until one is certified again.
        run_again: one more anchor run is wanted now.
        healthy: the judge is the one that was certified, so its labels may be confirmed; true also where only humans or
            population changed.
        change_point: when the last run before the estimated change ended; None where nothing is to be recalled.
    """

    state: State
    cause: Cause
    action: str
    suspends: bool = False
    run_again: bool = False
    healthy: bool = False
    change_point: datetime | None = None


def diagnose(found: Readings, signals: tuple[Signal, ...]) -> Diagnosis:
    """The first row of the table, after ``another_model`` and ``another_judge``, that applies."""
    for row in (_loss_drift, _warning, _noise, _canary, _humans, _population):
        diagnosis = row(found, signals)
        if diagnosis is not None:
            return diagnosis
    action = "nothing to do: every detector is below its threshold"
    if found.new_fingerprints:
        action = f"nothing to do: {_said(signals, detectors.FINGERPRINT)}, and its grades are the baseline's"
    return Diagnosis(HEALTHY, NO_CAUSE, action, healthy=True)


def another_model(evidence: AnchorEvidence, sentence: str) -> Diagnosis:
    """The first row: the newest run was answered by a model that was not certified. Needs no baseline."""
    runs = (*evidence.baseline, *evidence.watch)
    certified = [run.models <= {evidence.accepted_model} for run in runs]
    before = next((run.ran_at for run, same in zip(reversed(runs), reversed(certified), strict=True) if same), None)
    action = (
        f"{sentence}: another model is another judge; calibrate and certify it, or pin the certified model at the "
        "provider"
    )
    return Diagnosis(DRIFTED, JUDGE_CHANGED, action, suspends=True, change_point=before)


def another_judge(evidence: AnchorEvidence, sentences: Sequence[str]) -> Diagnosis:
    """The second row: the baseline is not of the judge the gate certified, though its model has the same name.

    Everything labelled since the certificate is in doubt.
    """
    action = (
        f"{'; '.join(sentences)}: what answers now is not the judge that was certified, though it has the same name "
        "(another server or another build?); calibrate and certify what is served now"
    )
    since = evidence.certificate.decided_at if evidence.certificate else None
    return Diagnosis(DRIFTED, JUDGE_CHANGED, action, suspends=True, change_point=since)


def _loss_drift(found: Readings, signals: tuple[Signal, ...]) -> Diagnosis | None:
    if found.decisive is None:
        return None
    fact = _said(signals, detectors.E_PROCESS)
    if not found.e_alarm:
        fact = f"{_said(signals, detectors.DOUBLE_JUMP)} ({fact})"
    first, last = found.changed
    cause, advice = _why_worse(found, first, last)
    return Diagnosis(DRIFTED, cause, f"{fact}; {advice}", suspends=True, change_point=_before(found, found.earliest))


def _why_worse(found: Readings, first: int, last: int) -> tuple[Cause, str]:
    """Cause and advice once runs ``first`` to ``last`` have shown a loss beyond the tolerance."""
    earlier = (*found.evidence.baseline, *found.runs[:first])
    known = frozenset[str]().union(*(run.fingerprints for run in earlier))
    arrived = found.runs[first].fingerprints - known
    lenient = abs(found.bias.z) >= found.thresholds.run_z and found.repaired >= found.thresholds.repaired
    shift = f"taking back a shift of {found.bias.size:+.3f} R repairs {found.repaired:.0%} of the rise"
    if arrived:
        advice = f"fingerprint {', '.join(sorted(arrived))} came with it: the provider changed the model"
        advice += f" ({shift}, so refit the calibrator first)" if lenient else ""
        return JUDGE_CHANGED, f"{advice}; calibrate again and certify what is served now"
    if lenient:
        return LENIENCY, f"{shift}: refit the affine calibrator on train and dev, then certify again (a look)"
    if set(COUNTED) & set(found.warnings(last)):
        run = found.runs[last]
        return CAPABILITY, (
            f"{run.malformed.sum()} of {run.came} replies were unreadable and {run.refused.sum()} refused, more than "
            "in the baseline: ask for shorter replies or raise max_tokens, then calibrate again"
        )
    share = 0.0 if np.isnan(found.repaired) else max(found.repaired, 0.0)
    advice = f"the bias explains only {share:.0%} of it: the judge reads worse; calibrate again, prompt included"
    return CAPABILITY, advice


def _warning(found: Readings, signals: tuple[Signal, ...]) -> Diagnosis | None:
    fired = found.warnings(-1)
    if not fired:
        return None
    fact = "; ".join(_said(signals, kind) for kind in fired)
    if len(found.runs) == 1 or not found.warnings(-2):
        advice = "one run may be chance or an hour of trouble: run the anchor once more, which decides"
        return Diagnosis(WARNING, UNCONFIRMED, f"{fact}; {advice}", run_again=True)
    twice = f"{fact}; the run before warned too, and the loss is not beyond its tolerance"
    if set(COUNTED) & set(fired):
        return Diagnosis(
            WARNING, CAPABILITY, f"{twice}: ask for shorter replies, raise max_tokens, or choose another model"
        )
    if found.noisier:
        return Diagnosis(WARNING, REPEATABILITY, f"{_said(signals, detectors.REPEATABILITY)}; {twice}: {_STEADIER}")
    return Diagnosis(WARNING, SILENT_CHANGE, f"{twice}: {_SILENT}")


_STEADIER = "ask for more votes or lower the temperature"
_SILENT = (
    "model or runtime changed silently; look at some changed grades and, if they are as good, accept a new baseline "
    "(a self-hosted model: check that batching does not change its answers)"
)


def _noise(found: Readings, signals: tuple[Signal, ...]) -> Diagnosis | None:
    if not found.noisier:
        return None
    return Diagnosis(WARNING, REPEATABILITY, f"{_said(signals, detectors.REPEATABILITY)}: {_STEADIER}")


def _canary(found: Readings, signals: tuple[Signal, ...]) -> Diagnosis | None:
    if not _fired(signals, detectors.CANARY):
        return None
    action = f"{_said(signals, detectors.CANARY)}: run the whole anchor once, which decides"
    return Diagnosis(WARNING, UNCONFIRMED, action, run_again=True)


def _humans(found: Readings, signals: tuple[Signal, ...]) -> Diagnosis | None:
    if not _fired(signals, detectors.HUMANS):
        return None
    action = f"{_said(signals, detectors.HUMANS)}: train the annotators again, leave the judge alone"
    return Diagnosis(WARNING, HUMANS, action, healthy=True)


def _population(found: Readings, signals: tuple[Signal, ...]) -> Diagnosis | None:
    fired = [signal.sentence for signal in signals if signal.code in detectors.POPULATION and signal.fired]
    if not fired:
        return None
    advice = "grade the pairs of 60 fresh random queries by hand and add them to seed and anchor; leave the judge alone"
    return Diagnosis(WARNING, POPULATION, f"{'; '.join(fired)}: {advice}", healthy=True)


def _before(found: Readings, first: int) -> datetime:
    """When the last run before run ``first`` ended."""
    return found.runs[first - 1].ran_at if first else found.evidence.baseline[-1].ran_at


def _fired(signals: tuple[Signal, ...], code: Detector) -> bool:
    return any(signal.code == code and signal.fired for signal in signals)


def _said(signals: tuple[Signal, ...], code: Detector) -> str:
    return {signal.code: signal.sentence for signal in signals}[code]
