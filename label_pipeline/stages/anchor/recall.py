"""Who was trained on labels that are taken back."""

from typing import NamedTuple

import polars as pl

from label_pipeline.core.codes.ranking import AMPLIFIED
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.rank.membership import MembershipInputs, members

LABEL = (*PAIR_KEY, "judge_version", "given_at")
"""One giving of a label: a pair may be labelled again by the same judge after a recall."""


class AffectedRanker(NamedTuple):
    """One ranker that learnt from a recalled label.

    Attributes:
        ranker_id: the ranker.
        arm: its arm.
        training_set_id: what it was trained on.
        labels: recalled labels in it.
        exact: whether the training set could be rebuilt; else it held at most so many.
    """

    ranker_id: str
    arm: str
    training_set_id: str
    labels: int
    exact: bool


def affected_rankers(
    taken: pl.DataFrame, rankers: pl.DataFrame, training_sets: pl.DataFrame, inputs: MembershipInputs
) -> tuple[AffectedRanker, ...]:
    """Every ranker with a label of ``taken`` in its training set, and none besides.

    Args:
        taken: labels that are taken back: pair key, ``judge_version``, ``given_at``.
        rankers: RANKERS rows.
        training_sets: TRAINING_SETS rows.
        inputs: what training sets are made from.
    """
    manifests = training_sets.filter(pl.col("arm") == AMPLIFIED).sort("created_at")
    found = []
    for manifest in manifests.unique("training_set_id", keep="first", maintain_order=True).iter_rows(named=True):
        held = members(manifest, inputs)
        count = held.labels.join(taken, on=list(LABEL), how="semi", nulls_equal=True).height
        if count:
            trained = rankers.filter(pl.col("training_set_id") == manifest["training_set_id"])
            found += [
                AffectedRanker(ranker_id, arm, str(manifest["training_set_id"]), count, held.exact)
                for ranker_id, arm in trained.select("ranker_id", "arm").unique(maintain_order=True).iter_rows()
            ]
    return tuple(found)
