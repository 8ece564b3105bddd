"""What Dagster loads: the graph of the project named by LABEL_PIPELINE_CONFIG (default: the sample project)."""

import dagster as dg

from label_pipeline.defs.build import build
from label_pipeline.settings import load


@dg.definitions
def definitions() -> dg.Definitions:
    """Builds the graph when Dagster asks for it, not when this module is imported."""
    return build(load())
