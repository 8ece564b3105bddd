"""Every detector's figure beside its threshold, with the sentence a person reads.

A signal says what was found, never what to do.
"""

from typing import NamedTuple

import numpy as np

from label_pipeline.core.codes import detectors as codes
from label_pipeline.core.codes.detectors import Detector
from label_pipeline.stages.anchor.evidence import AnchorEvidence, AnchorRun, Floats
from label_pipeline.stages.anchor.ordinary import Counted, ordinary_of
from label_pipeline.stages.anchor.readings import Readings
from label_pipeline.stages.anchor.thresholds import DriftThresholds


class Signal(NamedTuple):
    """What one detector says of the newest run.

    ``figure`` is None where it cannot be computed; such a signal has not fired, and its sentence says why.
    """

    code: Detector
    figure: float | None
    threshold: float | None
    fired: bool
    sentence: str

    @property
    def name(self) -> str:
        """The detector as people read it; nothing is decided by it."""
        return codes.NAMES[self.code]


def judge_signals(found: Readings) -> tuple[Signal, ...]:
    """What the watched runs say about the judge."""
    limits, scale = found.thresholds, found.evidence.scale
    last, before = len(found.runs) - 1, len(found.evidence.baseline)
    newest, fired = found.ordinary(-1), found.warnings(-1)
    mse = f"{_sign(found.rise[last] * scale.span**2, 3)} MSE"
    tolerated = f"{limits.delta * scale.span**2:.3f} MSE"
    best = float(found.e_values.max())
    signals = [
        _signal(codes.E_PROCESS, best, limits.evidence, found.e_alarm,
                f"evidence that the loss rose beyond {tolerated} reached {_big(best)} in {last + 1} runs, alarm from "
                f"{limits.evidence:g}; the newest run is {mse} from the baseline of {before} runs"),
        _signal(codes.JUMP, newest.loss, limits.run_p, codes.JUMP in fired,
                f"the newest run's loss is {mse} from the baseline, {_chance(newest.loss, limits.run_p)}"),
        _signal(codes.DOUBLE_JUMP, None, limits.run_z, bool(found.double_jumps.any()),
                "two runs in a row jumped, together beyond the tolerance" if found.double_jumps.any()
                else "no two runs in a row jumped beyond the tolerance"),
        _signal(codes.FLIPS, newest.flips, limits.run_p, codes.FLIPS in fired,
                f"{newest.flip_share:.1%} of the pairs differ from the baseline's commonest grade, expected "
                f"{newest.usual_flip_share:.1%}; by how far grades are from the other runs' "
                f"{_chance(newest.flips, limits.run_p)}"),
        _counted(found, codes.MALFORMED, "unreadable"),
        _counted(found, codes.REFUSED, "refused"),
        _signal(codes.BIAS, found.bias.z, limits.run_z, abs(found.bias.z) >= limits.run_z,
                f"the mean calibrated grade moved by {_sign(found.bias.size, 3)} R, {_sign(found.bias.z, 1)} standard "
                f"errors, counts from {limits.run_z:.1f}"),
        _signal(codes.REPEATABILITY, found.repeats.ratio, limits.noise_ratio, found.noisier,
                "repeatability needs two recent runs" if np.isnan(found.repeats.ratio) else
                f"recent runs disagree {found.repeats.ratio:.2f} times as often as the baseline's, warning from "
                f"{limits.noise_ratio:g} times, {_chance(found.repeats.p, limits.run_p)}"),
        _signal(codes.FINGERPRINT, float(len(found.new_fingerprints)), 1.0, bool(found.new_fingerprints),
                f"fingerprint {', '.join(sorted(found.new_fingerprints))} was not seen in the baseline"
                if found.new_fingerprints else "every fingerprint of the newest run was seen in the baseline"),
    ]  # fmt: skip
    return tuple(signals)


def _counted(found: Readings, kind: Counted, words: str) -> Signal:
    base, newest = found.evidence.baseline, found.runs[-1]
    p = found.ordinary(-1).p(kind)
    events, trials = sum(int(getattr(run, kind).sum()) for run in base), sum(run.came for run in base)
    sentence = (
        f"{getattr(newest, kind).sum()} of {newest.came} replies were {words}, {events} of {trials} in the baseline, "
        f"{_chance(p, found.thresholds.run_p)}"
    )
    return _signal(kind, p, found.thresholds.run_p, kind in found.warnings(-1), sentence)


def model_signal(evidence: AnchorEvidence, newest: AnchorRun) -> Signal:
    """Did the certified model answer the newest run?"""
    strange = newest.models - {evidence.accepted_model}
    sentence = f"every reply came from {evidence.accepted_model}, the certified model"
    if strange:
        sentence = f"replies came from {', '.join(sorted(strange))}, certified is {evidence.accepted_model}"
    elif not newest.models:
        sentence = f"no reply says which model gave it, certified is {evidence.accepted_model}"
    return _signal(codes.SERVED_MODEL, float(len(strange)), 1.0, bool(strange), sentence)


def canary_signal(found: Readings) -> Signal | None:
    """The newest canary, where it ran after the newest watched run and every reply came: its loss and flips."""
    evidence, limits = found.evidence, found.thresholds
    newest = evidence.canary[-1] if evidence.canary else None
    if newest is None or newest.ran_at <= found.runs[-1].ran_at or newest.failed_share > limits.failed_share:
        return None
    asked = newest.replied
    n = int(asked.sum())
    if n == 0:
        return None
    rise = float((found.losses((newest,)) - found.losses(evidence.baseline).mean(axis=0))[0, asked].mean())
    said = ordinary_of(newest, evidence.baseline, evidence.gold, evidence.scale)
    least = min(said.loss, said.flips)
    sentence = (
        f"the newest canary of {n} pairs: loss {_sign(rise * evidence.scale.span**2, 3)} MSE from the baseline (p "
        f"{said.loss:.2g}), {said.flip_share:.1%} changed grades (by their distance p {said.flips:.2g}), warning up to "
        f"p {limits.canary_p:.2g}"
    )
    return _signal(codes.CANARY, least, limits.canary_p, least <= limits.canary_p, sentence)


def human_signal(evidence: AnchorEvidence, limits: DriftThresholds) -> Signal | None:
    """Did the humans change? Their new grades of anchor pairs against their earlier ones."""
    if evidence.regraded is None:
        return None
    old, new = (np.asarray(grades, dtype=np.float64) for grades in evidence.regraded)
    n = len(old)
    if n < limits.regraded:
        return _signal(codes.HUMANS, None, limits.regraded_z, False,
                       f"{n} anchor pairs were graded again by humans, {limits.regraded} are needed")  # fmt: skip
    moved = new - old
    shift = _in_errors(moved, 0.0)
    spread = _in_errors(moved**2, evidence.human_mse) if evidence.human_mse is not None else float("nan")
    figure = max(abs(shift), 0.0 if np.isnan(spread) else spread)
    expected = "unknown" if evidence.human_mse is None else f"{evidence.human_mse:.2f}"
    sentence = (
        f"{n} anchor pairs graded again by humans moved by {moved.mean():+.2f} grades ({shift:+.1f} standard errors) "
        f"and differ by {(moved**2).mean():.2f} grades² (expected {expected}), warning from {limits.regraded_z:g}"
    )
    return _signal(codes.HUMANS, figure, limits.regraded_z, figure >= limits.regraded_z, sentence)


def population_signals(evidence: AnchorEvidence, limits: DriftThresholds) -> tuple[Signal, ...]:
    """Does the anchor still look like the stream?"""
    found = evidence.population
    if found is None:
        return ()
    sizes = f"({found.n_seed} anchor and {found.n_stream} stream pairs)"
    checks: tuple[tuple[Detector, float, float, str], ...] = (
        (codes.POPULATION_TEXTS, found.auc, limits.classifier_auc,
         "a classifier tells the stream from the anchor, AUC"),
        (codes.POPULATION_GRADES, found.psi, limits.psi, "stability index of the judge's grades, stream to anchor"),
        (codes.POPULATION_MEAN, abs(found.grade_shift_se), limits.grade_shift,
         "standard errors between the mean grades of stream and anchor"),
    )  # fmt: skip
    return tuple(
        _signal(code, figure, limit, bool(figure > limit),
                f"{words}: too few pairs to say {sizes}" if np.isnan(figure)
                else f"{words} {figure:.2f}, warning above {limit:g} {sizes}")
        for code, figure, limit, words in checks
    )  # fmt: skip


def _in_errors(values: Floats, expected: float) -> float:
    """How many standard errors the mean of ``values`` is above ``expected``; infinite without any spread."""
    above = float(values.mean()) - expected
    error = float(values.std(ddof=1)) / float(np.sqrt(len(values)))
    if error > 0:
        return above / error
    return 0.0 if above == 0 else float(np.copysign(np.inf, above))


def _signal(code: Detector, figure: float | None, threshold: float | None, fired: bool, sentence: str) -> Signal:
    known = None if figure is None or not np.isfinite(figure) else float(figure)
    return Signal(code, known, threshold, fired, sentence)


def _chance(p: float, limit: float) -> str:
    return f"p {p:.2g}, warning up to {limit:.2g}"


def _sign(value: float, digits: int) -> str:
    """A signed figure; what rounds to nothing is +0."""
    return f"{round(float(value), digits) + 0.0:+.{digits}f}"


def _big(value: float) -> str:
    return f"{value:.1f}" if value < 1000 else "more than 1,000"
