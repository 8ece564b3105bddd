"""One run beside the baseline's: its loss, its grades and its lost replies against the judge's own ordinary.

A whole anchor run or a canary's few pairs alike; exact for both (core/drift/exchange.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from label_pipeline.core.codes import detectors as codes
from label_pipeline.core.drift.detectors import distances, flipped, grade_codes
from label_pipeline.core.drift.exchange import newest_p
from label_pipeline.core.scale import Scale
from label_pipeline.stages.anchor.evidence import AnchorRun, Floats

Counted = Literal["malformed", "refused"]
"""Detectors that count replies; an ``AnchorRun`` holds the counts under the same name."""

COUNTED: tuple[Counted, ...] = (codes.MALFORMED, codes.REFUSED)

OfOneRun = Literal["jump", "flips", "malformed", "refused"]

WARNING_DETECTORS: tuple[OfOneRun, ...] = (codes.JUMP, codes.FLIPS, codes.MALFORMED, codes.REFUSED)
"""What one run by itself can warn with."""


@dataclass(frozen=True)
class Ordinary:
    """p-values of "this run is one of the judge's ordinary ones", one-sided, and the shares of flips they rest on.

    Attributes:
        loss: its mean loss is no higher.
        flips: its grades are no farther from those of the other runs.
        malformed: its unreadable replies are no more.
        refused: likewise.
        lost: both together.
        flip_share: share of pairs whose grade is not the baseline's commonest.
        usual_flip_share: the same of the baseline's runs, each against all others.
    """

    loss: float
    flips: float
    malformed: float
    refused: float
    lost: float
    flip_share: float
    usual_flip_share: float

    def p(self, detector: OfOneRun) -> float:
        """The p-value a detector of one run goes by."""
        return {
            codes.JUMP: self.loss, codes.FLIPS: self.flips, codes.MALFORMED: self.malformed,
            codes.REFUSED: self.refused,
        }[detector]  # fmt: skip


def ordinary_of(run: AnchorRun, before: Sequence[AnchorRun], gold: Floats, scale: Scale) -> Ordinary:
    """Compares ``run`` with the runs of its baseline, over the pairs that brought a reply in it.

    Args:
        run: the run, n pairs, at least one of them with a reply.
        before: the baseline's runs, two or more, aligned with it.
        gold: (n,) human panel means.
        scale: the grade scale.
    """
    asked = run.replied
    runs = (*before, run)
    losses = scale.loss(np.stack([each.calibrated for each in runs]), gold)[:, asked]
    raw = np.stack([each.raw for each in runs])[:, asked]
    flips = flipped(grade_codes(raw, scale))
    malformed, refused = (np.stack([getattr(each, kind) for each in runs])[:, asked] for kind in COUNTED)
    return Ordinary(
        loss=newest_p(losses),
        flips=newest_p(distances(raw, scale)),
        malformed=newest_p(malformed),
        refused=newest_p(refused),
        lost=newest_p(malformed + refused),
        flip_share=float(flips[-1].mean()),
        usual_flip_share=float(flips[:-1].mean()),
    )
