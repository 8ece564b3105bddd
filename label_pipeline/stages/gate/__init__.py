"""Decide whether a calibrated judge may label without a human, collection by collection.

policy.py the thresholds; evidence.py what is looked at; decision.py the verdict; ledger.py the rows and the looks it
spends; standing.py which verdicts still stand. Keep out: fetching rows, calling models, telling Dagster.
"""

from label_pipeline.stages.gate.decision import Criterion, Verdict, decide
from label_pipeline.stages.gate.evidence import Evidence, collect, holdout_hash
from label_pipeline.stages.gate.ledger import edited_policy, next_look, rows, suspension, verdict_id
from label_pipeline.stages.gate.policy import POLICIES, Policy, alpha_of_look, choose_policy
from label_pipeline.stages.gate.standing import Standing, standings

__all__ = [
    "POLICIES", "Criterion", "Evidence", "Policy", "Standing", "Verdict", "alpha_of_look", "choose_policy", "collect",
    "decide", "edited_policy", "holdout_hash", "next_look", "rows", "standings", "suspension", "verdict_id",
]  # fmt: skip
