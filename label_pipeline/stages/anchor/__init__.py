"""Is it still the same judge? Repeated runs over a fixed human reference, and what follows from them.

* runs        one run: what is asked, what it says, the row that is kept
* canary      a few pairs asked before an amplification
* evidence    what a drift decision looks at
* certificate whether the baseline is of the judge the gate certified
* population  the stream against the anchor
* thresholds  what counts as a change
* ordinary    one run against the judge's own ordinary; readings: the detectors over every run; signals: sentences
* exposure    how many labels can be given between a change and its alarm
* causes      from what fired to a cause and an action; decision: the verdict
* verdicts    the row a decision leaves
* labels      confirming and recalling labels; recall: who was trained on them

Keep out: asking, storing, telling Dagster.
"""

from label_pipeline.core.judging.spent import Spent, spent
from label_pipeline.stages.anchor import canary
from label_pipeline.stages.anchor.decision import DriftVerdict, decide_drift
from label_pipeline.stages.anchor.evidence import AnchorEvidence, AnchorRun, Cadence, Certificate
from label_pipeline.stages.anchor.labels import confirmed, recalled, usable
from label_pipeline.stages.anchor.population import Population, compare
from label_pipeline.stages.anchor.recall import AffectedRanker, affected_rankers
from label_pipeline.stages.anchor.runs import measure, run_row, snapshot
from label_pipeline.stages.anchor.thresholds import DriftThresholds
from label_pipeline.stages.anchor.verdicts import drift_row

__all__ = [
    "AffectedRanker", "AnchorEvidence", "AnchorRun", "Cadence", "Certificate", "DriftThresholds", "DriftVerdict",
    "Population", "Spent", "affected_rankers", "canary", "compare", "confirmed", "decide_drift", "drift_row", "measure",
    "recalled", "run_row", "snapshot", "spent", "usable",
]  # fmt: skip
