"""Who may label what now, read from the tables. Used by the gate, amplify, status and checks.

Keep out: the rule (stages/gate/standing.py).
"""

from collections.abc import Sequence

from label_pipeline.defs.project import Project
from label_pipeline.stages import gate


def current_standings(project: Project, stage: str, collections: Sequence[str]) -> dict[str, gate.Standing]:
    """The standing of every collection in ``collections`` at this moment."""
    return gate.standings(
        project.store(stage).read("verdicts"),
        collections,
        policy_hash=project.policy.policy_hash,
        rubric_version=project.rubric_version,
        now=project.clock(),
    )
