"""Watching the certified judge: the sections that say how often it is asked again, and for how much.

Keep out: the other sections (knobs.py), the whole tree (tree.py), thresholds that follow
from simulation (stages/anchor).
"""

from pydantic import Field

from label_pipeline.settings.knobs import Knobs


class AnchorSettings(Knobs):
    """Re-judging the anchor: is it still the same judge? See statistics.md section 7."""

    required: bool = Field(
        True,
        description="nothing is labelled before a baseline stands; false is printed on verdicts and labels, for then a "
        "change of the judge after the gate may go unseen",
    )
    cap_usd: float = Field(
        0, ge=0, description="most a run may cost, baseline included; an amplification that lacks one makes it first"
    )
    baseline_runs: int = Field(
        10, ge=5, le=50, description="runs after certification everything later is compared with; 5 miss half the flips"
    )
    canary_pairs: int = Field(
        30, ge=0, le=300, description="anchor pairs asked first in every amplification; paid within amplify.cap_usd"
    )
    every_days: int = Field(7, ge=1, le=90, description="a certified judge not asked for so long is due")
    tolerance: float = Field(
        0.19, ge=0, le=10, description="drift that is accepted, NMSE points; .19 is .03 squared grades on 1-5"
    )
    cron: str = Field(
        "0 4 * * 1",
        pattern=r"^\S+( +\S+){4}$",
        description="anchor watch (UTC), weekly; off until turned on in the page",
    )


class WatchSettings(Knobs):
    """What the sensors may ask for by themselves. Looking is free and on; asking a model waits for a cap."""

    recalibration_cap_usd: float = Field(
        0,
        ge=0,
        description="most one automatic recalibration or anchor run may cost; 0: suspend, report and wait for a person",
    )
    grown_share: float = Field(
        0.10,
        ge=0,
        le=10,
        description="new human grades that start a recalibration, as a share of the pairs the judge was asked about; "
        "each recalibration spends one of a few looks at the holdout",
    )
    every_s: int = Field(
        300, ge=1, le=86_400, description="seconds between two looks; a look is one model list and a few table reads"
    )
    retry_after_s: int = Field(
        3_600, ge=0, le=604_800, description="pause before a run that failed without a verdict is tried once more"
    )
