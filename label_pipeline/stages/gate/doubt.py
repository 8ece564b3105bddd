"""What today's rules doubt of a verdict that an older version gave: it stands, and whoever reads it is told."""

import json
from collections.abc import Mapping

from label_pipeline.core.codes.verdicts import DECISION
from label_pipeline.stages.gate.direction import SLOPE

AGAIN = "run job recalibrate with `fresh: true` (label-pipeline run --fresh); see docs/upgrading.md"


def doubts(verdict: Mapping[str, object], calibrator_slope: float | None) -> tuple[str, ...]:
    """Sentences about an open decision; none where it was held to today's rules.

    Args:
        verdict: a VERDICTS row.
        calibrator_slope: of its judge's calibrator for the verdict's collection; None where there is none.
    """
    if verdict["kind"] != DECISION or not verdict["open"]:
        return ()
    found = []
    if calibrator_slope is not None and calibrator_slope <= 0:
        found.append(
            f"the calibrator of judge {verdict['judge_version']} turns the scale round (slope {calibrator_slope:.2f}), "
            "and its labels were given as it reads it: recall them (label-pipeline recall), then " + AGAIN
        )
    looked_at = {criterion["name"] for criterion in json.loads(str(verdict["criteria"]))}
    if SLOPE not in looked_at:
        found.append(
            f"verdict {verdict['verdict_id']} was given by a version that judged the order of calibrated grades, not "
            "of those a ranker learns from: " + AGAIN
        )
    return tuple(found)
