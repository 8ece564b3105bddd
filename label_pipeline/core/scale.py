"""The grade scale: any run of integers lo..hi, and the scale-free units every threshold is written in."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Scale:
    """Integer grades ``lo`` (irrelevant) .. ``hi`` (best), both included.

    Attributes:
        lo: lowest grade.
        hi: highest grade.

    Raises:
        ValueError: when ``hi`` is not above ``lo``.
    """

    lo: int = 0
    hi: int = 3

    def __post_init__(self) -> None:
        if self.hi <= self.lo:
            raise ValueError(f"a scale needs hi above lo, got lo={self.lo} hi={self.hi}")

    @property
    def span(self) -> int:
        """R = hi - lo, the largest possible error; the worst squared loss is R^2."""
        return self.hi - self.lo

    @property
    def grades(self) -> tuple[int, ...]:
        """Every grade of the scale, ascending."""
        return tuple(range(self.lo, self.hi + 1))

    @property
    def gross_error(self) -> int:
        """The "off by" threshold: R/2 rounded up (2 on 0-3 and on 1-5)."""
        return math.ceil(self.span / 2)

    def contains(self, grade: float) -> bool:
        """Whether ``grade`` is a whole grade of this scale."""
        return float(grade).is_integer() and self.lo <= grade <= self.hi

    def loss(self, calibrated: ArrayLike, gold: ArrayLike) -> NDArray[np.float64]:
        """Squared error as a share of R^2, the one unit of loss: ((calibrated - gold) / R)^2, broadcast.

        An unreadable grade (nan) has the worst loss, 1.
        """
        error = (np.asarray(calibrated, dtype=np.float64) - np.asarray(gold, dtype=np.float64)) / self.span
        return np.where(np.isnan(error), 1.0, error**2)


def nmse(loss: float) -> float:
    """NMSE, 0-100, of a mean loss: what people are shown."""
    return 100 * loss
