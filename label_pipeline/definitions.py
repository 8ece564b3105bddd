"""What Dagster loads: the graph of the project named by LABEL_PIPELINE_CONFIG (default: the sample project).

Several projects in one workspace are one code location each: a file with ``defs = definitions_of("settings.yaml")``,
which `label-pipeline ui --config A --config B` writes by itself.
"""

from pathlib import Path

import dagster as dg

from label_pipeline.defs.build import build
from label_pipeline.settings import load


@dg.definitions
def definitions() -> dg.Definitions:
    """Builds the graph when Dagster asks for it, not when this module is imported."""
    return definitions_of(None)


def definitions_of(settings_file: Path | str | None) -> dg.Definitions:
    """The graph of the project of one settings file; None takes LABEL_PIPELINE_CONFIG, else the sample."""
    return build(load(settings_file))
