"""The jobs people, schedules and sensors launch.

When to add here: a selection of assets that somebody launches by one name.
"""

from collections.abc import Mapping

from dagster import AssetSelection, define_asset_job

from label_pipeline.defs.dagster_private import UnresolvedAssetJobDefinition
from label_pipeline.defs.names import Names

SELECTIONS = {
    "recalibrate": (
        "seed_inputs", "annotator_agreement", "gold_labels", "seed_splits",
        "judge_leaderboard", "calibrated_judge", "gate_verdict",
    ),
    "nightly_amplification": ("candidate_pairs", "amplified_labels"),
    "train_ranker": ("training_set", "trained_ranker", "ranker_evaluation"),
    "anchor_watch": ("anchor_run", "drift_verdict"),
    "load_seed": ("seed_inputs", "annotator_agreement", "gold_labels", "seed_splits"),
}  # fmt: skip
"""Job: the assets it materialises."""

_ABOUT = {
    "recalibrate": "Read the seed again, calibrate every candidate, and let the gate decide. Spends within its caps.",
    "nightly_amplification": "Load a day's candidates and label them under an open verdict. Spends within its cap.",
    "train_ranker": "Train the ranker on every current label and prove it on human grades. Spends nothing.",
    "anchor_watch": "Ask the certified judge about the anchor once more and decide on drift. Spends within its cap.",
    "load_seed": "Read the seed files again: human labels, agreement, gold grades, splits. Spends nothing.",
}


def jobs(key: Names) -> Mapping[str, UnresolvedAssetJobDefinition]:
    """One job for every entry of ``SELECTIONS``, by its name without a prefix."""
    return {
        name: define_asset_job(
            key.of(name), AssetSelection.assets(*map(key, names)), tags=dict(key.tags), description=_ABOUT[name]
        )
        for name, names in SELECTIONS.items()
    }
