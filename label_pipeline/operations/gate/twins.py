"""The holdout by its texts: a query that taught under another id is not looked at."""

import polars as pl

from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.core.twins import learnt_twins
from label_pipeline.operations.project import Project


def without_twins(project: Project, gold: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """``gold`` without the queries whose text a judge was calibrated on under another id; and how many those are."""
    store = project.store("gate")
    twins = learnt_twins(store.read("splits"), store.read("queries"))
    kept = gold.join(twins, on=list(QUERY_KEY), how="anti", maintain_order="left")
    return kept, gold.n_unique(list(QUERY_KEY)) - kept.n_unique(list(QUERY_KEY))
