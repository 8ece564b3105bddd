"""What the gate saw of a certified judge: what its baseline is compared with."""

import polars as pl

from label_pipeline.core.codes.purposes import GATE
from label_pipeline.core.codes.verdicts import DECISION
from label_pipeline.core.intervals import cluster_totals
from label_pipeline.core.judge import pair_grades
from label_pipeline.core.pairs import cluster_codes
from label_pipeline.core.splits import HOLDOUT
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.anchor_reference import Anchor
from label_pipeline.operations.project import Project
from label_pipeline.stages import anchor


def certificate_of(project: Project, found: Anchor) -> anchor.Certificate | None:
    """What the gate saw in the look that certified the judge; None where nothing of it is stored."""
    store = project.store("anchor")
    decided = store.read("verdicts").filter(
        pl.col("judge_version") == found.judge.judge_version, pl.col("collection") == found.collection,
        pl.col("kind") == DECISION, pl.col("open"),
    ).sort("epoch", "decided_at")  # fmt: skip
    if decided.is_empty():
        return None
    verdict = decided.row(-1, named=True)
    said = store.query(
        "calibrate/member_judgements",
        {"member_hash": found.member.member_hash, "purpose": GATE, "epochs": [verdict["epoch"]]},
        {"judgements": {"member_hash": found.member.member_hash, "purpose": GATE, "epoch": verdict["epoch"]}},
    ).filter(pl.col("collection") == found.collection)  # fmt: skip
    if said.is_empty():
        return None
    gold = store.query("seed/graded_pairs", {"splits": [HOLDOUT]})
    looked_at = gold.join(pair_grades(said), on=list(PAIR_KEY), how="inner", nulls_equal=True)
    beside = said.join(found.items, on=list(PAIR_KEY), how="semi", nulls_equal=True)
    codes = cluster_codes(looked_at)
    expected = looked_at["expected_grade"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    lost = project.settings.grade_scale.loss(
        found.judge.calibrate(found.collection, expected), looked_at["gold_mean"].to_numpy()
    )
    return anchor.Certificate(
        verdict["decided_at"],
        cluster_totals(lost, codes, int(codes.max()) + 1 if len(codes) else 0),
        None if beside.is_empty() or found.items.is_empty() else anchor.measure(
            found.items, beside, found.judge, epoch=int(verdict["epoch"]), ran_at=verdict["decided_at"]
        ),
    )  # fmt: skip
