"""The grade scale: any run of integers lo..hi, and the scale-free units every threshold is written in.

Keep out: what the grades mean (core/rubric.py) and how replies are read (core/judging/reply.py).
"""

import math
from dataclasses import dataclass


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
        """Every grade, ascending."""
        return tuple(range(self.lo, self.hi + 1))

    @property
    def gross_error(self) -> int:
        """The "off by" threshold: R/2 rounded up (2 on 0-3 and on 1-5)."""
        return math.ceil(self.span / 2)

    def contains(self, grade: float) -> bool:
        """Whether ``grade`` is a whole grade of this scale."""
        return float(grade).is_integer() and self.lo <= grade <= self.hi

    def nmse(self, mse: float) -> float:
        """NMSE = 100 * MSE / R^2."""
        return 100 * mse / self.span**2
