"""Upkeep of a project: a job that is no asset, for it makes nothing new, and spends nothing.

When to add here: hardly ever. What is tidied is operations/maintain.py's business.
"""

import dagster as dg
import polars as pl

from label_pipeline.core.errors import BusyError
from label_pipeline.defs.names import Names
from label_pipeline.defs.report import markdown, refusing
from label_pipeline.operations.maintain import maintain
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run

NAME = "maintain"


def maintain_job(key: Names) -> dg.JobDefinition:
    """Tidies the tables and the journal, and asks every check about all rows; fails where one finds offenders."""

    @dg.op(name=key.of("tidy"), description="Compacts and vacuums every table, forgets old replies, looks at all rows.")
    def tidy(context: dg.OpExecutionContext, project: dg.ResourceParam[Project]) -> None:
        with refusing():
            try:
                done = maintain(Run(context.run_id, context.log), project)
            except BusyError as error:  # no trouble: the next upkeep finds the same files
                context.log.warning(f"nothing was tidied: {error}")
                return
        context.add_output_metadata(
            {"tables": markdown(pl.DataFrame([one._asdict() for one in done.tables]), most=40), "did": done.sentence}
        )
        if done.offenders:
            raise dg.Failure(f"rows of older days offend: {done.offenders}; see docs/runbook.md", allow_retries=False)

    @dg.job(
        name=key.of(NAME), tags=dict(key.tags),
        description="Keeps a night as cheap as the first, and looks at rows of all days. Spends nothing.",
    )  # fmt: skip
    def upkeep() -> None:
        tidy()

    return upkeep
