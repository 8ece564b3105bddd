"""One cell of the study: a world whose truth is known, a question, and how often the answer came."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

Ask = Callable[[np.random.Generator], bool]
"""One trial: whether it happened."""


@dataclass(frozen=True)
class Cell:
    """A share of trials, and what was promised of it.

    Attributes:
        section: where it stands in the page.
        world: what is true.
        question: what happened in the share.
        share: of the trials.
        trials: how many.
        promise: what the share was to be; None where nothing was promised.
        at_most: the promise is an upper limit, else a lower one.
        note: beside it, such as a median.
    """

    section: str
    world: str
    question: str
    share: float
    trials: int
    promise: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def noise(self) -> float:
        """Two standard errors of the share, from the promise where there is one."""
        p = self.share if self.promise is None else self.promise
        return 2 * float(np.sqrt(max(p * (1 - p), 1 / self.trials) / self.trials))

    @property
    def kept(self) -> bool | None:
        """Whether the promise is kept, within the noise of so many trials; None where nothing was promised."""
        if self.promise is None:
            return None
        return self.share <= self.promise + self.noise if self.at_most else self.share >= self.promise - self.noise

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Clopper-Pearson interval of the share."""
        hits, n = round(self.share * self.trials), self.trials
        low = float(stats.beta.ppf(0.025, hits, n - hits + 1)) if hits else 0.0
        return low, float(stats.beta.ppf(0.975, hits + 1, n - hits)) if hits < n else 1.0


def share(ask: Ask, trials: int, seed: int) -> float:
    """The share of ``trials`` in which it happened; trial number t has the seed (seed, t)."""
    return sum(ask(np.random.default_rng([seed, number])) for number in range(trials)) / trials
