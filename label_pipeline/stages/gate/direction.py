"""Whether a judge reads the scale the right way up: the criteria that no calibrator can repair.

A calibrator of negative slope makes an upside-down judge right in every figure of error; a ranker learns from the grade
as given.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core import intervals
from label_pipeline.stages.gate import measures
from label_pipeline.stages.gate.criteria import Criterion, above
from label_pipeline.stages.gate.evidence import Evidence

SLOPE: Final = "slope of human grades on the judge's"
SAME_ORDER: Final = "slope of calibrated grades on the judge's"

_FLAT = 1e-9
"""A slope nearer to 0 than this is rounding noise."""


def direction(evidence: Evidence, counts: NDArray[np.int64], alpha: float) -> tuple[Criterion, Criterion]:
    """Human grades must rise with the grade that trains, and calibrated grades must rise with it too.

    Args:
        evidence: the holdout, or what the lane compares on.
        counts: the decision's resampling matrix.
        alpha: one-sided level of the first bound; the second is a property of the calibrator and has none.
    """
    rises, calibrated = measures.slope(evidence), measures.calibrator_slope(evidence)
    calibrated = 0.0 if abs(calibrated) < _FLAT else calibrated
    return (
        above(
            SLOPE, rises.mean, intervals.bootstrap_t_lower(rises, counts, alpha), 0.0,
            "the judge may read the scale upside down, and a ranker would learn that: look at the confusion table, at "
            "the order of the rubric's grades and at how a reply becomes a grade",
        ),
        above(
            SAME_ORDER, calibrated, calibrated, 0.0,
            "the calibrated order contradicts the raw one, which is the one that trains: calibrate again on more pairs",
        ),
    )  # fmt: skip
