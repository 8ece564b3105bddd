"""The grade a ranker learns from: trained on by `rank`, and therefore what gate and leaderboard judge the order of.

Never the calibrated grade: a calibrator may flatten or turn the scale around, and nobody trains on what it says.
"""

from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from label_pipeline.core.scale import Scale

TrainingGrade = Literal["auto", "raw", "quarter"]
"""``raw``: the whole grade the judge gave. ``quarter``: the probability-weighted grade in quarters. ``auto``: quarters,
which are the raw grades where all of those are whole."""

AUTO: Final = "auto"

_STEPS: dict[TrainingGrade, int] = {"auto": 4, "raw": 1, "quarter": 4}


def training_column(mode: TrainingGrade) -> str:
    """The column of LABELS, or of a pair's grades, that a ranker learns from."""
    return "raw_grade" if mode == "raw" else "expected_grade"


def training_label(grade: ArrayLike, mode: TrainingGrade, scale: Scale) -> NDArray[np.float64]:
    """What LightGBM is given for ``grade`` (n,): steps of a grade or of a quarter above ``lo``, rounded half up.

    nan stays nan.
    """
    steps = (np.asarray(grade, dtype=np.float64) - scale.lo) * _STEPS[mode]
    return np.floor(steps + 0.5)


def as_trained(grades: pl.DataFrame, mode: TrainingGrade, scale: Scale) -> NDArray[np.float64]:
    """The rows' grades as a ranker would learn them, on the scale; nan without one.

    Args:
        grades: columns ``raw_grade`` and ``expected_grade``.
        mode: settings `rank.grades`.
        scale: the grade scale.
    """
    given = grades[training_column(mode)].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return scale.lo + training_label(given, mode, scale) / _STEPS[mode]
