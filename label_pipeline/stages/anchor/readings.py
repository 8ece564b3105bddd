"""The detectors of core over every watched run of one anchor, computed once and compared with their thresholds."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.codes import detectors as codes
from label_pipeline.core.codes.detectors import Detector
from label_pipeline.core.drift import detectors, loss
from label_pipeline.stages.anchor.evidence import AnchorEvidence, AnchorRun, Floats
from label_pipeline.stages.anchor.thresholds import DriftThresholds

RECENT = 4
"""Runs among which repeatability is measured."""

Counted = Literal["malformed", "refused"]
"""Detectors that count replies; an ``AnchorRun`` holds the count under the same name."""

COUNTED: tuple[Counted, ...] = (codes.MALFORMED, codes.REFUSED)


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

    @cached_property
    def jumps(self) -> Floats:
        """(W,) one run against the baseline, in standard deviations."""
        return loss.jump_z(self.rise, self.base)

    @cached_property
    def flip_base(self) -> detectors.FlipBaseline:
        """How often grades change by themselves."""
        return detectors.flip_baseline(self._codes(self.evidence.baseline), self.evidence.scale)

    @cached_property
    def flip_shares(self) -> Floats:
        """(W,) share of pairs that differ from the baseline's mode."""
        return detectors.flip_shares(self._codes(self.runs), self.flip_base)

    @cached_property
    def flips(self) -> Floats:
        """(W,) that share, in standard deviations."""
        return detectors.flip_z(self.flip_shares, self.flip_base, self.evidence.n_pairs)

    @cached_property
    def counted_p(self) -> dict[Counted, Floats]:
        """Unreadable and refused replies, by detector: (W,) p-value of each run's count against the baseline's."""
        base = self.evidence.baseline
        came = sum(run.came for run in base)
        return {
            kind: np.array([
                detectors.excess_rate_p(
                    getattr(run, kind), run.came, sum(getattr(other, kind) for other in base), came
                )
                for run in self.runs
            ])
            for kind in COUNTED
        }  # fmt: skip

    @cached_property
    def warnings(self) -> dict[Detector, NDArray[np.bool_]]:
        """(W,) whether each warning detector fired in each run."""
        return {
            codes.JUMP: self.jumps >= self.thresholds.run_z,
            codes.FLIPS: self.flips >= self.thresholds.run_z,
            **{kind: p <= self.thresholds.run_p for kind, p in self.counted_p.items()},
        }

    @cached_property
    def warned(self) -> NDArray[np.bool_]:
        """(W,) whether any warning detector fired in each run."""
        fired: NDArray[np.bool_] = np.any(list(self.warnings.values()), axis=0)
        return fired

    @cached_property
    def e_alarm(self) -> bool:
        """Whether the e-process ever reached its threshold since the baseline."""
        return bool((self.e_values >= self.thresholds.evidence).any())

    @cached_property
    def double_jumps(self) -> NDArray[np.bool_]:
        """(W,) whether this run and the one before jumped, together beyond the tolerance."""
        return loss.confirmed_jumps(self.jumps, self.tolerance, self.thresholds.run_z)

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
        flips = self.warnings[codes.FLIPS]
        quiet = np.flatnonzero(~self.warned)
        if flips[-1]:
            last_steady = int(np.append(np.flatnonzero(~flips), -1).max())
            recent = np.arange(last_steady + 1, len(flips))[-RECENT:]
        else:
            recent = quiet[-RECENT:]
        if len(recent) < 2:
            return detectors.Repeatability(float("nan"), float("nan"))
        runs = tuple(self.runs[number] for number in recent)
        return detectors.repeatability(self._shares(runs), self._shares(self.evidence.baseline))

    @cached_property
    def noisier(self) -> bool:
        """Whether recent runs vary clearly more than the baseline's."""
        enough = self.repeats.ratio >= self.thresholds.noise_ratio
        return bool(enough and self.repeats.z >= self.thresholds.run_z)

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
