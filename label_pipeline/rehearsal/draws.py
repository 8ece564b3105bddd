"""Cheap single draws from one numpy Generator, for code that picks thousands of words.

Keep out: any distribution a numpy call draws as an array just as well.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draws:
    """Uniform draws served from blocks: a call of the Generator costs microseconds, an item of a list does not.

    Args:
        rng: where all chance comes from.
        block: numbers drawn at a time.
    """

    def __init__(self, rng: np.random.Generator, block: int = 1 << 14) -> None:
        self._rng = rng
        self._block = block
        self._left: list[float] = []

    def unit(self) -> float:
        """One draw from [0, 1)."""
        if not self._left:
            self._left = self._rng.random(self._block).tolist()
        return self._left.pop()

    def index(self, n: int) -> int:
        """One integer from 0 to n - 1, each equally likely."""
        return int(self.unit() * n)

    def pick(self, items: Sequence[T]) -> T:
        """One item, all equally likely."""
        return items[self.index(len(items))]

    def some(self, items: Sequence[T], n: int) -> list[T]:
        """``n`` different items (all of them when there are fewer), in random order."""
        left = list(items)
        return [left.pop(self.index(len(left))) for _ in range(min(n, len(left)))]

    def chance(self, probability: float) -> bool:
        """Whether an event of this probability happens."""
        return self.unit() < probability
