"""Affine calibration of judge scores to gold grades, and query-grouped folds to do it out of fold.

A calibrator serves the gate's error figures; it is fitted per collection (measured: it does not travel) on train and
dev queries, never on the holdout. Keep out: choosing between judges, and rounding a calibrated grade.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from label_pipeline.core.scale import Scale
from label_pipeline.core.splits import hash_order

RIDGE_BELOW = 100
"""With fewer pairs than this the fit is pulled towards "leave the score alone"."""

RIDGE_PAIRS = 5.0
"""Strength of that pull, in pairs: see ``fit_affine``."""


@dataclass(frozen=True)
class AffineCalibrator:
    """J' = clip(intercept + slope J, lo, hi).

    Attributes:
        intercept: in grades.
        slope: grades per unit of score.
        scale: the grades it clips to; None clips nothing.
        n: pairs it was fitted on, 0 where nothing was learned.
    """

    intercept: float
    slope: float
    scale: Scale | None
    n: int

    def apply(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Calibrated scores, same shape, never rounded; a nan score stays nan."""
        calibrated = self.intercept + self.slope * np.asarray(scores, dtype=np.float64)
        return calibrated if self.scale is None else np.clip(calibrated, self.scale.lo, self.scale.hi)

    def to_dict(self) -> dict[str, float | int | str | None]:
        """A flat JSON object that ``from_dict`` reads back exactly."""
        lo, hi = (None, None) if self.scale is None else (self.scale.lo, self.scale.hi)
        return {"kind": "affine", "intercept": self.intercept, "slope": self.slope, "lo": lo, "hi": hi, "n": self.n}

    @classmethod
    def from_dict(cls, data: Mapping[str, float | int | str | None]) -> "AffineCalibrator":
        """The calibrator that ``to_dict`` wrote down.

        Raises:
            ValueError: when the object is not an affine calibrator or lacks a number.
        """
        if data.get("kind") != "affine":
            raise ValueError(f"found a calibrator of kind {data.get('kind')!r}, expected 'affine'")
        missing = [key for key in ("intercept", "slope", "n") if not isinstance(data.get(key), int | float)]
        if missing:
            raise ValueError(f"the calibrator {dict(data)} lacks numbers for {missing}")
        lo, hi = data.get("lo"), data.get("hi")
        scale = None if lo is None or hi is None else Scale(int(lo), int(hi))
        return cls(float(data["intercept"] or 0), float(data["slope"] or 0), scale, int(data["n"] or 0))


IDENTITY = AffineCalibrator(intercept=0.0, slope=1.0, scale=None, n=0)
"""Leaves every score as it is."""


def fit_affine(scores: ArrayLike, gold: ArrayLike, scale: Scale) -> AffineCalibrator:
    """Least-squares line from scores to gold, pulled to the identity when pairs are few.

    With u = (J - mid) / (R / 2), mid the middle of the scale, the fit is J' = J + alpha + gamma u minimising
    sum (g - J')^2 + lambda (alpha^2 + gamma^2), with lambda = 5 for fewer than 100 pairs (so the pull weighs as much as
    five pairs at the middle plus five at an end of the scale, all of them saying "unchanged") and 0, plain OLS, from
    100 on.

    Args:
        scores: (n,) judge scores on the scale.
        gold: (n,) gold grades. A row where either is nan is left out.
        scale: the grades; the calibrator clips to them.

    Returns:
        The calibrator. Constant scores cannot be told apart: slope 0, intercept the mean gold. Without any usable row
        it is the identity clipped to the scale, with n = 0.
    """
    x, g = np.asarray(scores, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    usable = np.isfinite(x) & np.isfinite(g)
    x, g = x[usable], g[usable]
    n = len(x)
    if n == 0:
        return AffineCalibrator(0.0, 1.0, scale, 0)
    if np.ptp(x) == 0:
        return AffineCalibrator(float(g.mean()), 0.0, scale, n)
    mid, half = (scale.lo + scale.hi) / 2, scale.span / 2
    design = np.column_stack([np.ones(n), (x - mid) / half])
    penalty = (RIDGE_PAIRS if n < RIDGE_BELOW else 0.0) * np.eye(2)
    alpha, gamma = np.linalg.solve(design.T @ design + penalty, design.T @ (g - x))
    # rounded so that another machine's BLAS does not name the same judge anew (the fit is in its content hash)
    return AffineCalibrator(round(float(alpha - gamma * mid / half), 12), round(float(1 + gamma / half), 12), scale, n)


def grouped_folds(query_ids: Sequence[str], k: int, salt: str) -> NDArray[np.int64]:
    """The fold 0 .. k-1 of every row, whole queries together.

    Distinct queries are dealt round the folds in hash order: fold sizes differ by one query at most, and neither row
    order nor repetition changes a query's fold.

    Raises:
        ValueError: when ``k`` is below 2.
    """
    if k < 2:
        raise ValueError(f"cross-validation needs 2 folds or more, got k={k}")
    fold = {query: position % k for position, query in enumerate(hash_order(query_ids, salt))}
    return np.array([fold[query] for query in query_ids], dtype=np.int64)


def out_of_fold(
    scores: ArrayLike, gold: ArrayLike, query_ids: Sequence[str], scale: Scale, k: int = 5, salt: str = "calibrator"
) -> NDArray[np.float64]:
    """Scores (n,) calibrated by a line that never saw their own query; a nan score stays nan.

    With fewer queries than folds each query is a fold of its own; with a single one nothing is left to fit on and
    scores are only clipped.
    """
    x, g = np.asarray(scores, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    folds = grouped_folds(query_ids, k, salt)
    calibrated = np.full(len(x), np.nan)
    for fold in np.unique(folds):
        inside = folds == fold
        calibrated[inside] = fit_affine(x[~inside], g[~inside], scale).apply(x[inside])
    return calibrated
