"""What the gate looks at: one collection's holdout pairs with gold and the judge's grades."""

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.gold import graded_rows
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY


@dataclass(frozen=True)
class Evidence:
    """Holdout pairs of one collection, aligned arrays of length n.

    Attributes:
        collection: its name.
        scale: the grade scale.
        gold: panel mean of the human grades.
        raw: mean raw grade of the judge; nan where no reply held one.
        calibrated: calibrated grade of the judge; nan likewise.
        query_index: 0 .. n_queries - 1.
        n_queries: queries.
        ungraded: replies without a grade for whatever reason: unreadable, refused, rejected, failed.
        replies: replies asked for.
        holdout_hash: hash of the pairs and their gold, so that the same look is recognised.
    """

    collection: str
    scale: Scale
    gold: NDArray[np.float64]
    raw: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    query_index: NDArray[np.int64]
    n_queries: int
    ungraded: int
    replies: int
    holdout_hash: str

    @property
    def n_pairs(self) -> int:
        """Number of holdout pairs."""
        return len(self.gold)

    @property
    def pairs_per_query(self) -> NDArray[np.int64]:
        """(n_queries,) pairs of each query."""
        return np.bincount(self.query_index, minlength=self.n_queries)


def holdout_hash(gold: pl.DataFrame) -> str:
    """Hash of pair keys, query texts and gold means of one collection's holdout, whatever their order."""
    return hashlib.sha256(graded_rows(gold).encode()).hexdigest()[:16]


def collect(gold: pl.DataFrame, grades: pl.DataFrame, judge: JudgeVersion, scale: Scale) -> dict[str, Evidence]:
    """The evidence of every collection, by its name.

    Args:
        gold: GOLD rows of the holdout.
        grades: one row per pair from ``core.judge.pair_grades`` (raw, expected, ungraded and replies columns).
        judge: its calibrators turn expected grades into calibrated ones.
        scale: the grade scale.
    """
    joined = gold.join(grades, on=list(PAIR_KEY), how="left", nulls_equal=True).sort(PAIR_KEY, nulls_last=True)
    return {
        str(name): _evidence(str(name), rows, judge, scale)
        for (name,), rows in joined.group_by(["collection"], maintain_order=True)
    }


def _evidence(name: str, rows: pl.DataFrame, judge: JudgeVersion, scale: Scale) -> Evidence:
    expected = rows["expected_grade"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    codes = query_codes(rows)
    return Evidence(
        collection=name,
        scale=scale,
        gold=rows["gold_mean"].to_numpy(),
        raw=rows["raw_grade"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        calibrated=judge.calibrate(name, expected),
        query_index=codes,
        n_queries=int(codes.max()) + 1 if len(codes) else 0,
        ungraded=int(rows["ungraded"].fill_null(1).sum()),
        replies=int(rows["replies"].fill_null(1).sum()),
        holdout_hash=holdout_hash(rows),
    )
