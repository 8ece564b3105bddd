"""Queries by their text: what is left out of the gate, and what a ranker learns from and is tested on."""

import polars as pl

from label_pipeline.core.codes.ranking import AMPLIFIED
from label_pipeline.core.query_text import with_text_key
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.core.twins import learnt_twins, splits_by_text
from label_pipeline.operations.project import Project
from label_pipeline.stages import rank


def without_twins(project: Project, gold: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """``gold`` without the queries whose text a judge was calibrated on under another id; and how many those are."""
    store = project.store("gate")
    twins = learnt_twins(store.read("splits"), store.read("queries"))
    kept = gold.join(twins, on=list(QUERY_KEY), how="anti", maintain_order="left")
    return kept, gold.n_unique(list(QUERY_KEY)) - kept.n_unique(list(QUERY_KEY))


def ranker_splits(project: Project) -> pl.DataFrame:
    """The splits as texts have them: what a ranker may learn from and be tested on."""
    store = project.store("rank")
    return splits_by_text(store.read("splits"), store.read("queries"))


def learnt_from(project: Project, rankers: pl.DataFrame, inputs: rank.MembershipInputs) -> pl.DataFrame:
    """The queries (QUERY_KEY) whose text the amplified ranker in ``rankers`` has learnt from.

    Those of its labels and of the human seed: a query may have been graded, and dealt to a test, after that.

    Args:
        project: the project.
        rankers: RANKERS rows of one training.
        inputs: what training sets are made from.
    """
    store, name = project.store("rank"), rankers.filter(pl.col("arm") == AMPLIFIED)["training_set_id"][0]
    queries = store.read("queries")
    manifest = store.read("training_sets").filter(pl.col("training_set_id") == name, pl.col("arm") == AMPLIFIED)
    if manifest.is_empty():
        return queries.select(QUERY_KEY).clear()
    row = manifest.row(0, named=True)
    dealt_by_then = inputs.splits.filter(pl.col("dealt_at").is_null() | (pl.col("dealt_at") <= row["created_at"]))
    held = rank.members(row, inputs._replace(splits=dealt_by_then)).labels.select(QUERY_KEY)
    learnt = pl.concat([held, store.query("rank/human_seed").select(QUERY_KEY)]).unique()
    texts = with_text_key(learnt, queries).drop_nulls("text_key").select("task", "text_key").unique()
    everywhere = with_text_key(queries.select(QUERY_KEY), queries)
    return everywhere.join(texts, on=["task", "text_key"], how="semi").select(QUERY_KEY)
