"""Verdicts that end soon: told once each, while there is still time to grade and to look."""

from collections.abc import Mapping
from dataclasses import dataclass

from label_pipeline.adapters.webhook import Alert
from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.defs.alerts.notices import Graph
from label_pipeline.operations.gate import ending, renewal
from label_pipeline.operations.project import Project
from label_pipeline.stages import gate

ENDS = "verdict "
"""What the names of verdicts that end soon begin with; no sensor is called so."""

_STAGE = "anchor"


@dataclass(frozen=True)
class Expiring:
    """An open verdict that ends within `gate.expiry_warning_days`."""

    project: Project
    standing: gate.Standing

    def alert(self, graph: Graph) -> Alert:
        """What people are told about it."""
        ends = self.standing.expires_at
        return Alert(
            alert_id=f"{graph.instance_id}:expires:{self.standing.verdict_id}",
            title=f"the verdict of collection {self.standing.collection} ends on {ends:%Y-%m-%d}",
            sentence=renewal(self.project, _STAGE, self.standing), severity="WARN", link=graph.link("automation"),
            runbook=graph.runbook("judge_gate"),
        )  # fmt: skip


def expiring(project: Project) -> Mapping[str, Expiring] | None:
    """Every verdict that ends soon, by its name; None while tables cannot be read, which the heartbeat tells."""
    try:
        return {f"{ENDS}{one.verdict_id}": Expiring(project, one) for one in ending(project, _STAGE)}
    except LabelPipelineError:
        return None
