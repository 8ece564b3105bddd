"""May a ranker be champion? Only where it is known what it learnt from, and none of that was taken back since.

One rule for promoting and for demoting.
"""

from collections.abc import Iterable

import polars as pl

from label_pipeline.core.codes.ranking import AMPLIFIED
from label_pipeline.stages.rank.membership import MembershipInputs, recalled_inside

AGAIN = "materialise training_set and trained_ranker again"


def objection(
    ranker_id: str, rankers: pl.DataFrame, training_sets: pl.DataFrame, inputs: MembershipInputs
) -> str | None:
    """Why this ranker may not be champion, however good it is; None when it may. Unknown is a failure.

    Args:
        ranker_id: the ranker.
        rankers: RANKERS rows; ``ranker_id`` and ``training_set_id`` are looked at.
        training_sets: TRAINING_SETS rows.
        inputs: what training sets are made from, as it is now.
    """
    sets = rankers.filter(pl.col("ranker_id") == ranker_id)["training_set_id"]
    if sets.is_empty():
        return f"ranker {ranker_id} is not in table rankers, so what it learnt from is unknown; {AGAIN}."
    mine = training_sets.filter(pl.col("training_set_id") == sets[0], pl.col("arm") == AMPLIFIED).sort("created_at")
    if mine.is_empty():
        return f"ranker {ranker_id} has no manifest of training set {sets[0]}, so its labels are unknown; {AGAIN}."
    count = recalled_inside(mine.row(0, named=True), inputs)
    return f"{count} labels ranker {ranker_id} learnt from were recalled since; {AGAIN}." if count else None


def successor(
    candidates: Iterable[str], rankers: pl.DataFrame, training_sets: pl.DataFrame, inputs: MembershipInputs
) -> str | None:
    """The first of ``candidates`` that may be champion; None where none may.

    Args:
        candidates: ids of the rankers that beat the seed-only one, the one evaluated last first.
        rankers: RANKERS rows.
        training_sets: TRAINING_SETS rows.
        inputs: what training sets are made from, as it is when the champion is replaced.
    """
    return next((found for found in candidates if objection(found, rankers, training_sets, inputs) is None), None)
