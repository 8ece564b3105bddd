"""Decide whether a calibrated judge may label without a human, collection by collection.

policy.py the thresholds; evidence.py what is looked at; measures.py its figures; criteria.py one criterion and its
sentence; direction.py which way round the judge reads the scale; foresee.py what is known before asking; decision.py
the full gate; reference.py and recertify.py the lane for changes from outside; ledger.py the rows and the looks they
spend, shared.py those spent under another name; renewal.py the next holdout; standing.py which verdicts still stand,
doubt.py what today's rules doubt of them, and together.py which collections would pass as one. Keep out: fetching
rows, calling models, telling Dagster.
"""

from label_pipeline.core.codes.verdicts import Lane
from label_pipeline.stages.gate import criteria
from label_pipeline.stages.gate.criteria import Criterion
from label_pipeline.stages.gate.decision import Verdict, decide
from label_pipeline.stages.gate.doubt import doubts
from label_pipeline.stages.gate.evidence import Evidence, collect, holdout_hash
from label_pipeline.stages.gate.foresee import foresee, foreseen_row, only_few_queries
from label_pipeline.stages.gate.ledger import edited_policy, looks_left, next_look, rows, suspension, verdict_id
from label_pipeline.stages.gate.policy import POLICIES, Policy, alpha_of_look, choose_policy
from label_pipeline.stages.gate.power import ENOUGH
from label_pipeline.stages.gate.recertify import Paired, recertify
from label_pipeline.stages.gate.reference import (
    ANCHOR_DAYS,
    ReferenceJudge,
    alike,
    comparable,
    find_reference,
    pair_up,
    paired_hash,
    refuse_own_change,
)
from label_pipeline.stages.gate.renewal import generation, queries_needed, queries_to_add, retire
from label_pipeline.stages.gate.shared import looks_elsewhere
from label_pipeline.stages.gate.standing import Standing, standings
from label_pipeline.stages.gate.together import enough_together, open_together

__all__ = [
    "ANCHOR_DAYS", "ENOUGH", "POLICIES", "Criterion", "Evidence", "Lane", "Paired", "Policy", "ReferenceJudge",
    "Standing", "Verdict", "alike", "alpha_of_look", "choose_policy", "collect", "comparable", "criteria", "decide",
    "doubts", "edited_policy", "enough_together", "find_reference", "foresee", "foreseen_row", "generation",
    "holdout_hash", "looks_elsewhere", "looks_left", "next_look", "only_few_queries", "open_together", "pair_up",
    "paired_hash", "queries_needed", "queries_to_add", "recertify", "refuse_own_change", "retire", "rows",
    "standings", "suspension", "verdict_id",
]  # fmt: skip
