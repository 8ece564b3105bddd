"""Tables of stage amplify: pairs to label, their labels, and the books."""

import polars as pl

from label_pipeline.core.catalogue.columns import COLLECTION, FEATURES, INCUMBENT, JUDGE_VERSION, PAIR, SERVED_BY, UTC
from label_pipeline.core.codes import labels
from label_pipeline.core.tables import PAIR_KEY, Column, Table

CANDIDATES = Table(
    "candidates", "snapshot", "one pair to label", PAIR_KEY,
    (*PAIR, Column("arrived_on", pl.Date, "UTC day it arrived; the daily partition"), FEATURES, INCUMBENT),
    "amplify",
)  # fmt: skip
LABELS = Table(
    "labels", "fact", "one production label, or a later status of it", (*PAIR_KEY, "judge_version", "status"),
    (
        *PAIR, Column("day", pl.Date, "partition the candidate arrived in"),
        Column("raw_grade", pl.Float64, "mean of the votes' grades"),
        Column("expected_grade", pl.Float64, "probability-weighted grade, else the mean of votes"),
        Column("calibrated_grade", pl.Float64, "for error and gate; never rounded, not for rank"),
        Column("confidence", pl.Float64, "minus the standard deviation of the grade's distribution", nullable=True),
        Column("status", pl.String, "where it is in its life", values=labels.STATUSES), JUDGE_VERSION,
        Column("verdict_id", pl.String, "the verdict that allowed it"), Column("run_id", pl.String, "the run"),
        Column("request_keys", pl.String, "JSON list: the requests whose replies it rests on"),
        Column("model_reported", pl.String, "model id as the provider reported it"),
        Column("rubric_version", pl.String, "rubric the judge used"),
        Column("cost_usd", pl.Float64, "US dollars"), Column("labelled_at", UTC, "when"),
        SERVED_BY,
        Column("anchored", pl.Boolean, "whether a baseline stood when it was given: false under anchor.required: "
               "false; null in rows of older versions", nullable=True),
        Column("outside_seed", pl.String, "JSON list of what lies outside what the collection's human seed covered: "
               "grade, length, language, source; null in rows of older versions", nullable=True),
    ),
    "amplify",
)  # fmt: skip
LABEL_RUNS = Table(
    "label_runs", "fact", "one chunk of one amplification of a day and collection",
    ("run_id", "day", "collection", "chunk"),
    (
        Column("run_id", pl.String, "the run"), Column("day", pl.Date, "partition"), COLLECTION,
        Column("chunk", pl.String, "hash of the pairs asked about together; null in rows of older versions: the day",
               nullable=True),
        Column("judge_version", pl.String, "null when nothing was allowed to label", nullable=True),
        Column("verdict_id", pl.String, "the verdict that allowed it", nullable=True),
        Column("pairs_in", pl.Int64, "candidate pairs = labelled + abstained + failed + refused + skipped"),
        Column("labelled", pl.Int64, "pairs with a label under this judge version"),
        Column("reused", pl.Int64, "of the labelled: those that rest on no request of this run"),
        Column("abstained", pl.Int64, "the model refused, the endpoint rejected, or the reply stayed unreadable"),
        Column("failed", pl.Int64, "no reply"),
        Column("refused", pl.Int64, "barred: no open verdict, over the cap, a canary that stopped it, another model"),
        Column("skipped", pl.Int64, "customer text and no endpoint inside the boundary"),
        Column("requests", pl.Int64, "requests sent"), Column("input_tokens", pl.Int64, "tokens"),
        Column("cached_tokens", pl.Int64, "input tokens served from cache"),
        Column("output_tokens", pl.Int64, "tokens"), Column("cost_usd", pl.Float64, "US dollars"),
        Column("seconds", pl.Float64, "wall time"),
        Column("refused_by", pl.String, "what refused pairs; null = nothing did, or an older version wrote the row",
               nullable=True, values=labels.REFUSERS),
        Column("reason", pl.String, "why pairs were refused, a sentence", nullable=True),
        Column("finished_at", UTC, "when"),
    ),
    "amplify",
)  # fmt: skip
