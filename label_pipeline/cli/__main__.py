"""`python -m label_pipeline.cli` is `label-pipeline`."""

from label_pipeline.cli.app import main

main()
