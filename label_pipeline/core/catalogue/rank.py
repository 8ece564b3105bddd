"""Tables of stage rank: what was trained on what, and how good it is."""

import polars as pl

from label_pipeline.core.catalogue.columns import UTC
from label_pipeline.core.codes import ranking
from label_pipeline.core.tables import Column, Table

TRAINING_SETS = Table(
    "training_sets", "fact", "one manifest of training labels", ("training_set_id", "arm"),
    (
        Column("training_set_id", pl.String, "content hash of every label in it, and of when it was given"),
        Column("arm", pl.String, "experiment arm", values=ranking.LABEL_ARMS),
        Column("n_queries", pl.Int64, "queries"),
        Column("n_labels", pl.Int64, "rows"), Column("judge_versions", pl.String, "JSON list"),
        Column("verdict_ids", pl.String, "JSON list"),
        Column("excluded_queries", pl.Int64, "holdout and anchor queries kept out"),
        Column("other_rubric_labels", pl.Int64, "labels of another rubric left out; null in rows of older versions",
               nullable=True),
        Column("created_at", UTC, "when"),
    ),
    "rank",
)  # fmt: skip
RANKERS = Table(
    "rankers", "fact", "one trained ranker", ("ranker_id",),
    (
        Column("ranker_id", pl.String, "content hash of training set, features, parameters and seed"),
        Column("training_set_id", pl.String, "what it was trained on"),
        Column("arm", pl.String, "experiment arm", values=ranking.TRAINED_ARMS),
        Column("family", pl.String, "the learner", values=ranking.FAMILIES), Column("parameters", pl.String, "JSON"),
        Column("features", pl.String, "JSON list of feature names"), Column("model", pl.String, "the model as text"),
        Column("mlflow_uri", pl.String, "where MLflow keeps it", nullable=True), Column("created_at", UTC, "when"),
    ),
    "rank",
)  # fmt: skip
RANKER_METRICS = Table(
    "ranker_metrics", "fact", "one metric of one arm in one evaluation", ("evaluation_id", "arm", "metric"),
    (
        Column("evaluation_id", pl.String, "content hash of rankers and evaluation grades"),
        Column("ranker_id", pl.String, "the ranker; null for BM25 and incumbent", nullable=True),
        Column("arm", pl.String, "experiment arm, or the paired difference of two", values=ranking.ARMS),
        Column("metric", pl.String, "with its cut-off and gain", values=ranking.METRICS),
        Column("split", pl.String, "the queries it is about", values=ranking.TESTED_SPLITS),
        Column("estimate", pl.Float64, "mean over queries"),
        Column("low", pl.Float64, "lower 95 % bound, query bootstrap"),
        Column("high", pl.Float64, "upper 95 % bound, query bootstrap"),
        Column("p_value", pl.Float64, "paired randomisation; differences only", nullable=True),
        Column("n_queries", pl.Int64, "queries with a positive grade"), Column("n_pairs", pl.Int64, "graded pairs"),
        Column("evaluated_at", UTC, "when"),
    ),
    "rank",
)  # fmt: skip
