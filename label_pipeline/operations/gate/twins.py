"""The holdout by its texts: a query that taught under another id, or in the prompt, is not looked at."""

import polars as pl

from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.query_text import shown_in
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.core.twins import learnt_twins
from label_pipeline.operations.project import Project


def without_known(project: Project, judge: JudgeVersion, gold: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """``gold`` without the queries the judge knows: calibrated on under another id, or shown to it in its prompt.

    Args:
        project: the project.
        judge: says which prompt it has.
        gold: graded pairs of test queries.
        notes: gets a sentence for each kind, with how many queries are left out.
    """
    store, prompt = project.store("gate"), project.member_of(judge).prompt
    queries = store.read("queries")
    shown = shown_in(queries, "\n".join((prompt.system, prompt.user, project.rubric.render())))
    for known, why in (
        (learnt_twins(store.read("splits"), queries), "have the text of a train or dev query"),
        (shown, "stand word for word in the judge's prompt or rubric"),
    ):
        kept = gold.join(known, on=list(QUERY_KEY), how="anti", maintain_order="left")
        if kept.height < gold.height:
            gone = gold.n_unique(list(QUERY_KEY)) - kept.n_unique(list(QUERY_KEY))
            notes.append(f"{gone} holdout queries {why} and are left out of the gate's figures")
        gold = kept
    return gold
