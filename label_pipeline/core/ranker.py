"""The protocol behind which a learner of rankings stands, and the rows it learns from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Parameters = Mapping[str, float | int | str | bool]


@dataclass(frozen=True, eq=False)
class RankingRows:
    """Graded pairs, the rows of one query next to each other.

    Attributes:
        features: (n, p), nan = unknown.
        labels: (n,) integers from 0, higher is better.
        query_index: (n,) ascending integers, one for each query.
        gains: gain of each label, ``gains[label]``; 2^g - 1 for grades from 0.

    Raises:
        ValueError: when shapes differ, queries are not contiguous and ascending, or a label has no gain.
    """

    features: Floats
    labels: Ints
    query_index: Ints
    gains: tuple[float, ...]

    def __post_init__(self) -> None:
        n = len(self.features)
        if not n or len(self.labels) != n or len(self.query_index) != n:
            raise ValueError(
                f"ranking rows need one label and one query for each of at least one row, got {n} rows, "
                f"{len(self.labels)} labels, {len(self.query_index)} queries"
            )
        if (np.diff(self.query_index) < 0).any():
            raise ValueError("ranking rows must be sorted by query_index; sort them before")
        if self.labels.min() < 0 or self.labels.max() >= len(self.gains):
            raise ValueError(
                f"labels run from {self.labels.min()} to {self.labels.max()}, expected 0 to {len(self.gains) - 1}"
            )

    @property
    def group_sizes(self) -> Ints:
        """(Q,) rows of each query, in order."""
        return np.unique(self.query_index, return_counts=True)[1]

    def where(self, kept: NDArray[np.bool_]) -> "RankingRows":
        """The rows where ``kept`` (n,) is true."""
        return RankingRows(self.features[kept], self.labels[kept], self.query_index[kept], self.gains)


class Ranker(Protocol):
    """A trained ranker."""

    @property
    def family(self) -> str:
        """Name of the learner: ``lambdamart`` or ``ridge``."""
        ...

    @property
    def parameters(self) -> Parameters:
        """What it was trained with."""
        ...

    @property
    def text(self) -> str:
        """The whole model as text; ``RankerTrainer.load`` gives back a ranker with the same scores."""
        ...

    def score(self, features: Floats) -> Floats:
        """(n,) scores of (n, p) features, higher is better; comparable within one query only."""
        ...


class RankerTrainer(Protocol):
    """A learner. The same rows and seed give the same rankers."""

    @property
    def family(self) -> str:
        """Name of the learner."""
        ...

    def path(self, rows: RankingRows, seed: int) -> tuple[Ranker, ...]:
        """One ranker for each strength of regularisation, strongest first; always the same number of them."""
        ...

    def load(self, text: str) -> Ranker:
        """The ranker whose ``text`` this is.

        Raises:
            TableError: when the text is no model of this learner.
        """
        ...
