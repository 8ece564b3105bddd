"""Choose the judge that disagrees least with humans on train and dev, and freeze it.

leaderboard.py compares and chooses; freeze.py fits and names. Keep out: asking models, the holdout.
"""

from label_pipeline.stages.calibrate.freeze import calibration_id, freeze, served_model
from label_pipeline.stages.calibrate.leaderboard import UNGRADED_LIMIT, Candidate, Entry, board, compare

__all__ = [
    "UNGRADED_LIMIT", "Candidate", "Entry", "board", "calibration_id", "compare", "freeze", "served_model",
]  # fmt: skip
