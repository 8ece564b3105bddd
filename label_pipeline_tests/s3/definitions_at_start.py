"""What a process that Dagster starts loads: the project of the settings file, at the time these tests are set in.

A verdict expires, so the real clock would end these tests some day.
"""

import dagster as dg

from label_pipeline.defs.build import build
from label_pipeline.settings import load
from label_pipeline_tests.defs.projects import START


@dg.definitions
def definitions() -> dg.Definitions:
    """The graph."""
    return build(load(), clock=lambda: START)
