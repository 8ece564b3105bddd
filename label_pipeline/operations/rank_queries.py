"""A ranker's queries by their texts: what it may learn from, what it is tested on, and what it has learnt from."""

import polars as pl

from label_pipeline.core.codes.ranking import AMPLIFIED
from label_pipeline.core.query_text import with_text_key
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.core.twins import splits_by_text
from label_pipeline.operations.project import Project
from label_pipeline.stages import rank


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
    held = rank.members(row, inputs).labels.select(QUERY_KEY)
    learnt = pl.concat([held, store.query("rank/human_seed").select(QUERY_KEY)]).unique()
    texts = with_text_key(learnt, queries).drop_nulls("text_key").select("task", "text_key").unique()
    everywhere = with_text_key(queries.select(QUERY_KEY), queries)
    return everywhere.join(texts, on=["task", "text_key"], how="semi").select(QUERY_KEY)
