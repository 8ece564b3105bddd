"""Written by `label-pipeline ui`: what Dagster loads as code location sample."""

from label_pipeline.definitions import definitions_of

defs = definitions_of("/work/main/label_pipeline/rehearsal/sample/settings.yaml")
