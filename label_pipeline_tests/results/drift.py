"""Simulated years of anchor runs whose truth is known, and what each detector makes of them.

A world of grades 1-5 with Gaussian latent relevance. 200 judges a kind of change, each with an anchor, a baseline and a
year of weekly runs of its own; the arithmetic is core's own, over all years at once. Keep out: how it is shown
(drift_page.py), what follows from an alarm (stages/anchor).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.calibrators import AffineCalibrator, fit_affine
from label_pipeline.core.drift import loss
from label_pipeline.core.scale import Scale
from label_pipeline.stages.anchor.thresholds import DEFAULT
from label_pipeline_tests.results.ordinary import first, flips_beyond, loss_beyond

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SCALE = Scale(1, 5)
YEARS, ITEMS, BASELINE_RUNS, WEEKS = 200, 300, 10, 52
MIDDLE, SPREAD = 3.0, 1.15
"""Mean and standard deviation of the latent relevance."""
HUMAN, LASTING, PASSING = 0.49, 0.8, 0.245
"""Standard deviations: an annotator's error (two differ by .65 MSE), the judge's error that stays with a pair, and its
noise from run to run (two runs differ in .24 of the grades). The calibrated judge has MSE .54."""
MISREAD, MISREAD_ERROR = 0.04, 1.2
"""Share of pairs the judge reads wrongly, and the error's standard deviation there."""


@dataclass(frozen=True)
class Change:
    """What happens to the judge for good.

    Attributes:
        name: what a table calls it.
        kind: ``leniency`` (``size`` is added to every opinion, in grades), ``capability`` (``size`` is the share of
            pairs it now guesses), ``another model`` (``size`` is the share of pairs whose lasting error is drawn anew,
            no larger than before).
        size: 0 for a healthy judge.
        start: the first changed run, 0 = the first after the baseline.
    """

    name: str
    kind: Literal["leniency", "capability", "another model"] = "leniency"
    size: float = 0.0
    start: int = 0


class Years(NamedTuple):
    """Raw grades of Y independent years: gold (Y, n), baseline (Y, R0, n), watched (Y, W, n)."""

    gold: Floats
    baseline: Floats
    watched: Floats


@dataclass(frozen=True, eq=False)
class Detection:
    """What the detectors made of one kind of change.

    Attributes:
        change: the truth.
        mse: mean rise of the loss it caused, MSE on 1-5; nan without changed runs.
        first: detector to (Y,) runs from the change to its first alarm (1 = at once, 0 or less = before the change),
            nan for no alarm.
        located: share of suspended years whose estimated change is the true run.
    """

    change: Change
    mse: float
    first: dict[str, Floats]
    located: float

    def share(self, detector: str) -> float:
        """Share of years with an alarm."""
        return float(np.isfinite(self.first[detector]).mean())

    def median(self, detector: str) -> float:
        """Median run of the first alarm of the years with one; nan without any."""
        found = self.first[detector][np.isfinite(self.first[detector])]
        return float(np.median(found)) if len(found) else float("nan")


DETECTORS = ("e-process", "jump", "flips")
COMBINED = ("any", "suspended")
"""Any detector; the e-process or a confirmed jump, the two that suspend."""

HEALTHY = Change("healthy")
CHANGES = (
    HEALTHY,
    Change("misreads more, +.045 MSE", "capability", 0.036),
    Change("misreads more, +.095 MSE", "capability", 0.077),
    Change("misreads more, +.19 MSE", "capability", 0.156),
    Change("misreads more, +.19 MSE, from week 27", "capability", 0.156, start=26),
    Change("lenient, +.045 MSE", "leniency", 0.37),
    Change("lenient, +.095 MSE", "leniency", 0.54),
    Change("lenient, +.19 MSE", "leniency", 0.77),
    Change("lenient by .2 R", "leniency", 0.8),
    Change("another model, equally good on 30 % of the pairs", "another model", 0.3),
)
"""The rows of the results page. Sizes were solved for the rise of the loss in the name."""


def findings(say: Callable[[str], None], years: int = YEARS) -> tuple[Detection, ...]:
    """Every row; half a minute."""
    say(f"{len(CHANGES)} kinds of change, {years} simulated years of drift each")
    line = calibrator(np.random.default_rng(1))
    return tuple(watch(draw(np.random.default_rng(7), change, years), change, line) for change in CHANGES)


def calibrator(rng: np.random.Generator) -> AffineCalibrator:
    """The judge's line, fitted on 100,000 pairs of the same world: its own error is no part of the question."""
    world = draw(rng, HEALTHY, years=100, items=1000, baseline_runs=1, weeks=0)
    return fit_affine(world.baseline.ravel(), world.gold.ravel(), SCALE)


def draw(
    rng: np.random.Generator, change: Change, years: int = YEARS, items: int = ITEMS,
    baseline_runs: int = BASELINE_RUNS, weeks: int = WEEKS, passing: float = PASSING,
) -> Years:  # fmt: skip
    """Years of one kind of change; ``passing`` is the judge's noise from run to run."""
    relevance = MIDDLE + SPREAD * rng.normal(size=(years, items))
    people = _graded(relevance[:, None] + HUMAN * rng.normal(size=(years, 3, items)))
    opinion = relevance + _lasting(rng, relevance.shape)
    changed = np.arange(weeks)[:, None] >= change.start
    later = np.where(changed, _changed(rng, change, relevance, opinion)[:, None], opinion[:, None])
    before = np.broadcast_to(opinion[:, None], (years, baseline_runs, items))
    noisy = [_graded(seen + passing * rng.normal(size=seen.shape)) for seen in (before, later)]
    return Years(people.mean(axis=1), noisy[0], noisy[1])


def watch(years: Years, change: Change, line: AffineCalibrator) -> Detection:
    """Every detector over every year."""
    before, after = (SCALE.loss(line.apply(runs), years.gold[:, None]) for runs in (years.baseline, years.watched))
    base = loss.baseline(before)
    rise = loss.rises(after, base)
    z = loss.tolerance_z(rise, base, DEFAULT.delta)
    e_alarms = loss.e_process(z) >= DEFAULT.evidence
    firsts = np.array([
        _firsts((before[year], after[year]), (years.baseline[year], years.watched[year]), z[year], e_alarms[year])
        for year in range(len(years.gold))
    ])  # fmt: skip
    found = dict(zip((*DETECTORS, *COMBINED), firsts.T, strict=True))
    return Detection(
        change=change,
        mse=float(rise[:, change.start :].mean()) * SCALE.span**2,
        first={name: first_run - change.start for name, first_run in found.items()},
        located=_located(rise, base, found["suspended"], change.start),
    )


def _firsts(
    losses: tuple[Floats, Floats], grades: tuple[Floats, Floats], z: Floats, e_alarms: Bools
) -> tuple[float, ...]:
    """The first alarm of each of ``DETECTORS`` and ``COMBINED`` in one year."""
    jumped = cache(lambda run: loss_beyond(losses[0], losses[1][run], DEFAULT.run_p))
    flips = (flips_beyond(grades[0], run, SCALE, DEFAULT.run_p) for run in grades[1])
    twice = loss.confirmed_jumps(np.ones(len(z), dtype=bool), z, DEFAULT.run_z)
    suspended = (bool(twice[run]) and jumped(run - 1) and jumped(run) for run in range(len(z)))
    found = first(e_alarms), first(jumped(run) for run in range(len(z))), first(flips)
    return (*found, float(np.fmin.reduce(found)), float(np.fmin(found[0], first(suspended))))


def _lasting(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return np.where(rng.random(shape) < MISREAD, MISREAD_ERROR, LASTING) * rng.normal(size=shape)


def _changed(rng: np.random.Generator, change: Change, relevance: Floats, opinion: Floats) -> Floats:
    if change.kind == "leniency":
        return opinion + change.size
    guess = MIDDLE + SPREAD * rng.normal(size=opinion.shape)
    anew = guess if change.kind == "capability" else relevance + _lasting(rng, opinion.shape)
    return np.where(rng.random(opinion.shape) < change.size, anew, opinion)


def _graded(opinion: Floats) -> Floats:
    grades: Floats = np.rint(opinion).clip(SCALE.lo, SCALE.hi)
    return grades


def _located(rise: Floats, base: loss.Baseline, suspended: Floats, start: int) -> float:
    """Share of suspended years in which the change estimated on that day is the true one."""
    hits = []
    for year in np.flatnonzero(np.isfinite(suspended)):
        own = loss.Baseline(base.mean[year], base.noise[year], base.runs)
        hits.append(loss.first_changed_run(rise[year, : int(suspended[year])], own) == start)
    return float(np.mean(hits)) if hits else float("nan")
