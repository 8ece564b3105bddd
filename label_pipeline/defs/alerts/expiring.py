"""Verdicts that end soon: told once each, while there is still time to grade and to look."""

from collections.abc import Mapping
from dataclasses import dataclass

from label_pipeline.adapters.webhook import Alert
from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.defs.alerts.notices import Graph
from label_pipeline.operations.gate import Renewal, renewals
from label_pipeline.operations.project import Project


@dataclass(frozen=True)
class Expiring:
    """An open verdict that ends within `gate.expiry_warning_days`."""

    renewal: Renewal

    def alert(self, graph: Graph) -> Alert:
        """What people are told about it."""
        return Alert(
            alert_id=f"{graph.instance_id}:expires:{self.renewal.verdict_id}",
            title=f"the verdict of collection {self.renewal.collection} ends on {self.renewal.expires_at:%Y-%m-%d}",
            sentence=self.renewal.sentence, severity="WARN", link=graph.link("automation"),
            runbook=graph.runbook("judge_gate"),
        )  # fmt: skip


def expiring(project: Project) -> Mapping[str, Expiring]:
    """Every verdict that ends soon, by a name that no sensor has; none while tables cannot be read.

    That is the heartbeat's trouble to tell.
    """
    try:
        return {f"verdict {one.verdict_id}": Expiring(one) for one in renewals(project, "anchor")}
    except LabelPipelineError:
        return {}
