"""What Dagster hands to assets and sensors: the project, and the record of the run.

When to add here: something an asset or sensor needs from outside that is no setting.
"""

from collections.abc import Mapping

import dagster as dg

from label_pipeline.core.ports import Clock, Progress
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.settings import Settings


def resources(settings: Settings, clock: Clock, progress: Progress) -> Mapping[str, object]:
    """``project``: settings and the doors to the outside world, as plain objects."""
    return {"project": Project(settings, clock, progress)}


def run_of(context: dg.AssetExecutionContext) -> Run:
    """The run as operations know it: its id, and its log."""
    return Run(context.run.run_id, context.log)
