"""The gate at work: a look at the holdout in one of two lanes, and what may be labelled at this moment.

* look.py       the full lane, and how a look is settled: decided once, paid once
* recertify.py  the lane after a change from outside, beside the judge certified before
* twins.py      which holdout queries are left out, because their text taught
* standing.py   who may label what now, how many looks are left, and ending that: a suspension
"""

from collections.abc import Callable
from dataclasses import dataclass

from label_pipeline.core.codes.verdicts import FULL, RECERTIFY
from label_pipeline.core.errors import SettingsError
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.operations.gate.look import Looked, look_in_full, newest_judge
from label_pipeline.operations.gate.recertify import find_match, look_again
from label_pipeline.operations.gate.standing import (
    LookBudget,
    current_standings,
    ending,
    last_verdicts,
    look_budget,
    renewal,
    suspend,
    verdicts_of,
)
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending
from label_pipeline.stages import gate

__all__ = [
    "LANES",
    "LookBudget",
    "LookTaken",
    "Looked",
    "current_standings",
    "ending",
    "find_match",
    "last_verdicts",
    "look",
    "look_budget",
    "renewal",
    "suspend",
    "verdicts_of",
]  # fmt: skip

LANES: dict[str, Callable[[Run, Project, JudgeVersion, int, float], Looked]] = {
    FULL: look_in_full,
    RECERTIFY: look_again,
}
"""Lane: how a look in it is taken."""


@dataclass(frozen=True)
class LookTaken:
    """One look, and what follows from it for everybody.

    Attributes:
        judge: who was looked at.
        looked: what at.
        standings: every collection's standing right after it.
    """

    judge: JudgeVersion
    looked: Looked
    standings: dict[str, gate.Standing]


def look(run: Run, project: Project, lane: str = FULL, cap_usd: float | None = None) -> LookTaken:
    """One look at the newest judge; where it opens a collection, MLflow's alias moves to it.

    Args:
        run: who looks.
        project: the project.
        lane: of ``LANES``.
        cap_usd: most it may cost; None takes gate.cap_usd of the settings.

    Raises:
        SettingsError: there is no such lane.
        NotApplicableError: there is nothing to look at, or this lane cannot be taken.
        BudgetError: over the cap.
        ProviderUnavailableError: an outage, which must not burn a look.
    """
    if lane not in LANES:
        raise SettingsError(f"gate_verdict has lane {lane!r}, expected one of {sorted(LANES)}")
    with spending(project, run.log):
        judge, epoch = newest_judge(project)
        cap = project.settings.gate.cap_usd if cap_usd is None else cap_usd
        looked = LANES[lane](run, project, judge, epoch, cap)
        for name, why in looked.not_looked_at.items():
            run.log.warning(f"collection {name} was not looked at: {why}")
        standings = current_standings(project, "gate", project.collections())
        if any(found.open and found.judge_version == judge.judge_version for found in standings.values()):
            project.tracker.certify(judge.judge_version)
        return LookTaken(judge, looked, standings)
