"""What the sensors look at between runs; free, for nothing here sends a chat request.

* judges.py      the judges that label: what their replies reported, drift verdicts, canaries, verdicts since
* new_grades.py  input files that changed, pairs humans graded since the newest verdict
"""

from label_pipeline.operations.watch.judges import (
    answered,
    canaries_stopped,
    drift_seen,
    model_lists,
    opened,
    recorded,
    waiting,
    watched,
)
from label_pipeline.operations.watch.new_grades import growth, input_files

__all__ = [
    "answered", "canaries_stopped", "drift_seen", "growth", "input_files", "model_lists", "opened", "recorded",
    "waiting", "watched",
]  # fmt: skip
