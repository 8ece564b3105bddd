"""The detectors of core over every watched run of one anchor, computed once and compared with their thresholds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, takewhile

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.codes import detectors as codes
from label_pipeline.core.codes.detectors import Detector
from label_pipeline.core.drift import detectors, loss
from label_pipeline.stages.anchor.evidence import AnchorEvidence, AnchorRun, Floats
from label_pipeline.stages.anchor.ordinary import WARNING_DETECTORS, Ordinary, ordinary_of
from label_pipeline.stages.anchor.thresholds import DriftThresholds

RECENT = 4
"""Runs among which repeatability is measured."""


@dataclass(frozen=True, eq=False)
class Readings:
    """The detectors over every usable watched run of one anchor, oldest first; at least one run.

    Attributes:
        evidence: what was looked at.
        runs: the watched runs that count; outages are left out.
        thresholds: what figures are compared with.
    """

    evidence: AnchorEvidence
    runs: tuple[AnchorRun, ...]
    thresholds: DriftThresholds

    @cached_property
    def base(self) -> loss.Baseline:
        """The baseline's losses."""
        return loss.baseline(self.losses(self.evidence.baseline))

    def losses(self, runs: tuple[AnchorRun, ...]) -> Floats:
        """(runs, n) shares of R^2."""
        grades = np.stack([run.calibrated for run in runs])
        return self.evidence.scale.loss(grades, self.evidence.gold)

    @cached_property
    def rise(self) -> Floats:
        """(W,) rise of the mean loss, share of R^2."""
        return loss.rises(self.losses(self.runs), self.base)

    @cached_property
    def tolerance(self) -> Floats:
        """(W,) the rise beyond the tolerance, in standard deviations."""
        return loss.tolerance_z(self.rise, self.base, self.thresholds.delta)

    @cached_property
    def e_values(self) -> Floats:
        """(W,) evidence that the loss rose, as an e-process after each run."""
        return loss.e_process(self.tolerance)

    def ordinary(self, number: int) -> Ordinary:
        """How run ``number``, negative from the end, compares with the judge's own ordinary. Kept once computed."""
        number %= len(self.runs)
        if number not in self._ordinary:
            self._ordinary[number] = ordinary_of(
                self.runs[number], self.evidence.baseline, self.evidence.gold, self.evidence.scale
            )
        return self._ordinary[number]

    @cached_property
    def _ordinary(self) -> dict[int, Ordinary]:
        return {}

    def warnings(self, number: int) -> tuple[Detector, ...]:
        """The warning detectors that fired in run ``number``."""
        found = self.ordinary(number)
        return tuple(kind for kind in WARNING_DETECTORS if found.p(kind) <= self.thresholds.run_p)

    @cached_property
    def e_alarm(self) -> bool:
        """Whether the e-process ever reached its threshold since the baseline."""
        return bool((self.e_values >= self.thresholds.evidence).any())

    @cached_property
    def double_jumps(self) -> NDArray[np.bool_]:
        """(W,) whether this run and the one before jumped, together beyond the tolerance."""
        limit, everywhere = self.thresholds.run_z, np.ones(len(self.runs), dtype=bool)
        jumped = np.zeros(len(self.runs), dtype=bool)
        for number in np.flatnonzero(loss.confirmed_jumps(everywhere, self.tolerance, limit)):
            for each in (number - 1, number):  # the exact test only where it can decide: a year has 365 nights
                jumped[each] = codes.JUMP in self.warnings(int(each))
        return loss.confirmed_jumps(jumped, self.tolerance, limit)

    @cached_property
    def decisive(self) -> int | None:
        """Index of the run that first showed the loss beyond the tolerance; later runs do not take that back."""
        certain = np.flatnonzero((self.e_values >= self.thresholds.evidence) | self.double_jumps)
        return int(certain[0]) if len(certain) else None

    @cached_property
    def changed(self) -> tuple[int, int]:
        """First and last index of the runs that speak about the change: up to the decisive one, else the newest."""
        if self.decisive is None:
            return len(self.runs) - 1, len(self.runs) - 1
        return loss.first_changed_run(self.rise[: self.decisive + 1], self.base), self.decisive

    @cached_property
    def earliest(self) -> int:
        """Index of the earliest run that may be the first after the change: labels are in doubt from before it."""
        return loss.earliest_changed_run(self.rise[: self.changed[1] + 1], self.base)

    @cached_property
    def bias(self) -> detectors.Shift:
        """Shift of the calibrated grade in shares of R, over the changed runs."""
        return detectors.mean_shift(self._shares(self._changed_runs), self._shares(self.evidence.baseline))

    @cached_property
    def repaired(self) -> float:
        """Share of the rise that taking the bias back would repair; nan without a rise."""
        gold, before = self.evidence.gold / self.evidence.scale.span, float(self.base.mean.mean())
        return detectors.repaired_share(self._shares(self._changed_runs), gold, before, self.bias.size)

    @cached_property
    def repeats(self) -> detectors.Repeatability:
        """Disagreement among the newest runs of one kind, so that a step between them is not taken for noise.

        Where the newest run flips, the flipping runs in a row up to it; else the newest that did not warn.
        """
        newest_first = range(len(self.runs) - 1, -1, -1)
        wanted: Iterator[int] = (number for number in newest_first if not self.warnings(number))
        if codes.FLIPS in self.warnings(-1):
            wanted = takewhile(lambda number: codes.FLIPS in self.warnings(number), newest_first)
        recent = tuple(self.runs[number] for number in islice(wanted, RECENT))
        if len(recent) < 2:
            return detectors.Repeatability(float("nan"), float("nan"))
        return detectors.repeatability(self._codes(recent), self._codes(self.evidence.baseline))

    @cached_property
    def noisier(self) -> bool:
        """Whether recent runs vary clearly more than the baseline's."""
        enough = self.repeats.ratio >= self.thresholds.noise_ratio
        return bool(enough and self.repeats.p <= self.thresholds.run_p)

    @cached_property
    def new_fingerprints(self) -> frozenset[str]:
        """Fingerprints of the newest run that the baseline had not."""
        known = frozenset[str]().union(*(run.fingerprints for run in self.evidence.baseline))
        return self.runs[-1].fingerprints - known

    @property
    def _changed_runs(self) -> tuple[AnchorRun, ...]:
        first, last = self.changed
        return self.runs[first : last + 1]

    def _codes(self, runs: tuple[AnchorRun, ...]) -> NDArray[np.int64]:
        return detectors.grade_codes(np.stack([run.raw for run in runs]), self.evidence.scale)

    def _shares(self, runs: tuple[AnchorRun, ...]) -> Floats:
        shares: Floats = np.stack([run.calibrated for run in runs]) / self.evidence.scale.span
        return shares
