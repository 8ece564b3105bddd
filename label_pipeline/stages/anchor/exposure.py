"""How many labels can be given between a change of the judge and its alarm: what a verdict risks in the worst case.

From the judge's own noise on this anchor, the pause between two anchor runs, and what a label day may cost.
"""

import numpy as np

from label_pipeline.core.codes import detectors as codes
from label_pipeline.core.drift import loss
from label_pipeline.core.scale import nmse
from label_pipeline.stages.anchor.evidence import Cadence
from label_pipeline.stages.anchor.signals import Signal
from label_pipeline.stages.anchor.thresholds import DriftThresholds

FOUND_RISE = 0.19 / 16
"""The rise of the mean loss the figure is about, share of R^2: .19 MSE on 1-5, a judge that now guesses one pair in
six."""

PATIENCE, DRAWS, CERTAIN = 60, 1000, 0.95
"""Runs looked ahead, simulated judges, and the share of them in which the alarm has come."""


def runs_to_alarm(base: loss.Baseline, limits: DriftThresholds, rng: np.random.Generator) -> int | None:
    """Anchor runs after a rise of ``FOUND_RISE`` in which ``CERTAIN`` of judges are suspended; None beyond PATIENCE.

    By simulation of Gaussian losses with the baseline's noise, which every run shares; the first run is the first after
    the change, and both alarms count that suspend: the e-process, and two jumps in a row.
    """
    noise = float(np.sqrt(base.noise))
    luck = rng.normal(size=(DRAWS, 1)) / np.sqrt(base.runs)
    rise = FOUND_RISE + noise * (rng.normal(size=(DRAWS, PATIENCE)) - luck)
    z = loss.tolerance_z(rise, base, limits.delta)
    jumped = rise / noise >= limits.run_z * np.sqrt(1 + 1 / base.runs)
    alarms = (loss.e_process(z) >= limits.evidence) | loss.confirmed_jumps(jumped, z, limits.run_z)
    by_then = np.logical_or.accumulate(alarms, axis=1).mean(axis=0)
    enough = np.flatnonzero(by_then >= CERTAIN)
    return int(enough[0]) + 1 if len(enough) else None


def exposure_signal(base: loss.Baseline, cadence: Cadence, limits: DriftThresholds, rng: np.random.Generator) -> Signal:
    """The bound as a sentence; it never fires, and its figure is the labels, None where nothing bounds them."""
    runs, rise = runs_to_alarm(base, limits, rng), f"a rise of {nmse(FOUND_RISE):.2f} NMSE"
    if limits.delta >= FOUND_RISE:
        return Signal(
            codes.EXPOSURE,
            None,
            None,
            False,
            f"{rise} is within anchor.tolerance ({nmse(limits.delta):.2f} NMSE): it is no alarm however long it lasts",
        )
    if runs is None:
        sentence = (
            f"{rise} may stay unseen for more than {PATIENCE} anchor runs, so varied is this judge on this anchor: "
            "grade more anchor pairs"
        )
        return Signal(codes.EXPOSURE, None, None, False, sentence)
    days = runs * cadence.label_days
    found = (
        f"{rise} is found within {runs} anchor run{'s' * (runs > 1)} in {CERTAIN:.0%} of cases, {cadence.pause_days:g} "
        f"days apart while schedule `anchor` is on: {days} label days can lie between the change and its alarm"
    )
    if cadence.labels_a_day is None:
        return Signal(codes.EXPOSURE, None, None, False, f"{found}, whose labels cost nothing, so no cap bounds them")
    labels = days * cadence.labels_a_day
    sentence = f"{found}, {labels:,} labels at most by amplify.cap_usd, which are recalled"
    return Signal(codes.EXPOSURE, float(labels), None, False, sentence)
