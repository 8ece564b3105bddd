"""Tables of stage gate: decisions on judges, and the looks at the holdout they spent."""

import polars as pl

from label_pipeline.core.catalogue.columns import COLLECTION, JUDGE_VERSION, SERVED_BY, UTC
from label_pipeline.core.codes import verdicts
from label_pipeline.core.tables import Column, Table

LANE = Column(
    "lane", pl.String, "`full` gate, or `recertify` against the last judge a full gate certified; null = full",
    nullable=True, values=verdicts.LANES,
)  # fmt: skip
GENERATION = Column(
    "generation", pl.Int64, "which holdout was looked at: 1 + the holdouts retired before it; null = 1", nullable=True
)

VERDICTS = Table(
    "verdicts", "fact", "one gate decision, or its suspension", ("verdict_id",),
    (
        Column("verdict_id", pl.String, "content hash"),
        Column("kind", pl.String, "what the row is", values=verdicts.KINDS),
        LANE, JUDGE_VERSION, COLLECTION,
        Column("state", pl.String, "what was decided", values=verdicts.STATES),
        Column("open", pl.Boolean, "derived from failures: open = none"),
        Column("failures", pl.String, "JSON list of sentences"),
        Column("criteria", pl.String, "JSON list: name, figure, bound, threshold, status, sentence"),
        Column("policy", pl.String, "policy name"), Column("policy_hash", pl.String, "hash of every threshold"),
        Column("rubric_version", pl.String, "rubric the judge and the humans used"),
        Column("holdout_hash", pl.String, "hash of the pairs looked at and their grades"),
        Column("epoch", pl.Int64, "calibration epoch"), Column("look", pl.Int64, "number of the look", nullable=True),
        Column("alpha", pl.Float64, "alpha this look spent", nullable=True),
        Column("n_queries", pl.Int64, "queries looked at"), Column("n_pairs", pl.Int64, "pairs looked at"),
        SERVED_BY, Column("decided_at", UTC, "when"),
        Column("expires_at", UTC, "no longer current from then on", nullable=True),
    ),
    "gate",
)  # fmt: skip
HOLDOUT_LOOKS = Table(
    "holdout_looks", "fact", "one look at the holdout and the alpha it spent", ("verdict_id",),
    (
        Column("verdict_id", pl.String, "the verdict the look led to"), COLLECTION, LANE, GENERATION,
        Column("look", pl.Int64, "1, 2, ... in its lane and generation"), JUDGE_VERSION,
        Column("epoch", pl.Int64, "calibration epoch"),
        Column("holdout_hash", pl.String, "hash of the pairs looked at and their grades"),
        Column("policy_hash", pl.String, "hash of every threshold"), Column("alpha", pl.Float64, "alpha spent"),
        Column("open", pl.Boolean, "result bit"), Column("looked_at", UTC, "when"),
    ),
    "gate",
)  # fmt: skip
