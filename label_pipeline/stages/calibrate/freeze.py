"""Freeze the chosen candidate: fit its calibrator a collection on all of train and dev, and name it by content."""

import hashlib
import json
from collections.abc import Sequence

import polars as pl

from label_pipeline.core import calibrators
from label_pipeline.core.codes.outcomes import GRADED
from label_pipeline.core.errors import ServedModelError
from label_pipeline.core.gold import graded_rows
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY


def freeze(
    gold: pl.DataFrame,
    grades: pl.DataFrame,
    scale: Scale,
    *,
    candidate: str,
    members: str,
    rubric_version: str,
    model_served: str,
) -> JudgeVersion:
    """The judge made of one candidate's grades on train and dev.

    Args:
        gold: GOLD rows of train and dev.
        grades: one row per pair (``core.judge.pair_grades``).
        scale: the grade scale.
        candidate: its name.
        members: JSON text of what its members are.
        rubric_version: version and hash of the rubric it was shown.
        model_served: model id as the provider reported it.
    """
    joined = gold.join(grades, on=list(PAIR_KEY), how="left", nulls_equal=True).sort(PAIR_KEY, nulls_last=True)
    fitted = {
        str(name): calibrators.fit_affine(
            rows["expected_grade"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
            rows["gold_mean"].to_numpy(),
            scale,
        )
        for (name,), rows in joined.group_by(["collection"], maintain_order=True)
    }
    return JudgeVersion(candidate, members, fitted, rubric_version, model_served)


def served_model(judgements: pl.DataFrame, candidate: str) -> str | None:
    """The one model id behind every grade in ``judgements``; None without a grade.

    Args:
        judgements: JUDGEMENTS rows (``outcome``, ``model_reported``) of one candidate in one calibration.
        candidate: its name.

    Raises:
        ServedModelError: two accepted ids. One calibrator over both would describe neither, and the gate, which accepts
            the frozen id alone, would refuse the other's replies.
    """
    graded = judgements.filter(pl.col("outcome") == GRADED, pl.col("model_reported").is_not_null())
    counts = graded["model_reported"].value_counts(sort=True).sort("count", "model_reported", descending=[True, False])
    if counts.height > 1:
        told = " and ".join(f"{name} ({count} grades)" for name, count in counts.iter_rows())
        raise ServedModelError(
            f"candidate {candidate!r} was served by {counts.height} models in one calibration: {told}; a judge is one "
            "model: name a dated model in candidates, or take the other out of served_as, and calibrate again with "
            "`fresh: true` (label-pipeline run --fresh)"
        )
    return str(counts["model_reported"][0]) if counts.height else None


def calibration_id(gold: pl.DataFrame, member_hashes: Sequence[str], epoch: int) -> str:
    """Names one calibration: the same human grades, candidates and epoch are the same calibration."""
    text = json.dumps([sorted(member_hashes), epoch]) + graded_rows(gold)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
