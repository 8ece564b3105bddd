"""Is the judge of the baseline the one the gate certified? An anchor that is compared with nothing floats.

Another server under the same model id between gate and baseline would be the reference of everything later. Two
questions, each one-sided at ``DriftThresholds.certificate_alpha`` and against the tolerated rise: the anchor pairs that
were asked in the gate's own epoch, pair by pair; and the loss on the holdout, other queries of the same seed.
"""

import numpy as np
from scipy import stats

from label_pipeline.core.codes import detectors as codes
from label_pipeline.core.intervals import ClusterTotals, cluster_totals
from label_pipeline.core.scale import nmse
from label_pipeline.stages.anchor.evidence import AnchorEvidence, AnchorRun, Floats
from label_pipeline.stages.anchor.signals import Signal
from label_pipeline.stages.anchor.thresholds import DriftThresholds

MIN_QUERIES = 10
"""Below so many queries on either side nothing is concluded: a clustered t bound of fewer is too narrow."""


def certificate_signals(
    evidence: AnchorEvidence, baseline: tuple[AnchorRun, ...], limits: DriftThresholds
) -> tuple[Signal, ...]:
    """What holdout and gate pass say of the baseline; nothing before its first run or without grades of the gate."""
    certificate = evidence.certificate
    if certificate is None or not baseline:
        return ()
    found = []
    if certificate.anchor is not None:
        found.append(_gate_pass(evidence, baseline, certificate.anchor, limits))
    if certificate.holdout.n_queries:
        found.append(_holdout(evidence, baseline, certificate.holdout, limits))
    return tuple(found)


def _gate_pass(
    evidence: AnchorEvidence, baseline: tuple[AnchorRun, ...], gate_pass: AnchorRun, limits: DriftThresholds
) -> Signal:
    """The same pairs at the gate and in the baseline: the mean paired difference, its error clustered by query."""
    answered = gate_pass.replied
    before, after = _loss(evidence, gate_pass), _mean_loss(evidence, baseline)
    queries = evidence.query_index[answered]
    totals = cluster_totals((after - before)[answered], queries, int(evidence.query_index.max()) + 1)
    se, df = totals.se, totals.n_queries - 1
    told = f"the {int(answered.sum())} anchor pairs asked beside the gate lost"
    return _compared(codes.GATE_PASS, told, before[answered].mean(), after[answered].mean(), se, df, limits)


def _holdout(
    evidence: AnchorEvidence, baseline: tuple[AnchorRun, ...], holdout: ClusterTotals, limits: DriftThresholds
) -> Signal:
    """The baseline's mean loss on the anchor's queries and the certificate's on the holdout's: Welch, by query."""
    ours = cluster_totals(
        _mean_loss(evidence, baseline), evidence.query_index, int(evidence.query_index.max()) + 1
    )  # fmt: skip
    se = float(np.hypot(ours.se, holdout.se))
    parts = ((ours.se**2, ours.n_queries - 1), (holdout.se**2, holdout.n_queries - 1))
    spread = sum(variance**2 / max(df, 1) for variance, df in parts)
    df = se**4 / spread if spread > 0 else float(holdout.n_queries - 1)
    told = f"the holdout of {holdout.n_queries} queries lost"
    return _compared(codes.CERTIFICATE, told, holdout.mean, ours.mean, se, df, limits)


def _compared(
    code: codes.Detector, told: str, before: float, after: float, se: float, df: float, limits: DriftThresholds
) -> Signal:
    rise = after - before
    low = rise - float(stats.t.ppf(1 - limits.certificate_alpha, max(df, 1))) * se
    enough = df + 1 >= MIN_QUERIES and np.isfinite(low)
    sentence = f"{told} {nmse(before):.2f} NMSE there, the baseline loses {nmse(after):.2f}: {nmse(rise):+.2f}"
    if not enough:
        return Signal(code, None, nmse(limits.delta), False, f"{sentence}, of too few queries to say more")
    bound = f"{1 - limits.certificate_alpha:.0%} lower bound {nmse(low):+.2f}, tolerated {nmse(limits.delta):.2f}"
    return Signal(code, nmse(low), nmse(limits.delta), bool(low > limits.delta), f"{sentence}, {bound}")


def _loss(evidence: AnchorEvidence, run: AnchorRun) -> Floats:
    return evidence.scale.loss(run.calibrated, evidence.gold)


def _mean_loss(evidence: AnchorEvidence, runs: tuple[AnchorRun, ...]) -> Floats:
    mean: Floats = np.mean([_loss(evidence, run) for run in runs], axis=0)
    return mean
