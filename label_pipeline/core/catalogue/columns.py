"""Columns that several tables share: one quantity has one name everywhere."""

import polars as pl

from label_pipeline.core.tables import Column

UTC = pl.Datetime("us", "UTC")

SERVED_BY = Column(
    "served_by", pl.String, "hosts that answered, without port, and the provider a reply names; null in older rows",
    nullable=True,
)  # fmt: skip

TASK = Column("task", pl.String, "what is graded; `relevance` unless settings say otherwise")
COLLECTION = Column("collection", pl.String, "the body of documents a calibrator and a verdict belong to")
QUERY_ID = Column("query_id", pl.String, "the query's id in the user's files")
DOC_ID = Column("doc_id", pl.String, "the document's id in the user's files")
DOC_VERSION = Column("doc_version", pl.String, "hash of the document text a grader saw")
CONTEXT_ID = Column("context_id", pl.String, "user, locale or moment the grade depends on; null = none", nullable=True)
QUERY = (TASK, COLLECTION, QUERY_ID)
PAIR = (*QUERY, DOC_ID, DOC_VERSION, CONTEXT_ID)
RUBRIC_LABEL = Column(
    "rubric_label", pl.String, "the author's `version` of the rubric the grade was given by; null in older rows",
    nullable=True,
)  # fmt: skip
FEATURES = Column("features", pl.String, "the pair's own `feature_*` columns, a JSON object of numbers", nullable=True)
INCUMBENT = Column("incumbent_score", pl.Float64, "score of the ranker in production, higher is better", nullable=True)
JUDGE_VERSION = Column("judge_version", pl.String, "content hash of everything that could change a grade")
