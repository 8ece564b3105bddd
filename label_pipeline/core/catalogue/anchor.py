"""Tables of stage anchor: the fixed human reference, its repeated judgements, and what followed from them."""

import polars as pl

from label_pipeline.core.catalogue.columns import COLLECTION, JUDGE_VERSION, PAIR, RUBRIC_LABEL, UTC
from label_pipeline.core.codes import drift
from label_pipeline.core.tables import PAIR_KEY, Column, Table

BASELINE_EPOCH = Column("baseline_epoch", pl.Int64, "epoch of the first run of the baseline it belongs to")

ANCHOR_ITEMS = Table(
    "anchor_items", "fact", "one anchor pair of one baseline, as it was when the baseline began",
    ("judge_version", "baseline_epoch", *PAIR_KEY),
    (
        JUDGE_VERSION, BASELINE_EPOCH, *PAIR,
        Column("query", pl.String, "query text, byte for byte"),
        Column("document", pl.String, "document as the judge is shown it, byte for byte"),
        Column("customer", pl.Boolean, "customer text: sent to endpoints declared inside only"),
        Column("title", pl.String, "title of the document", nullable=True),
        Column("source", pl.String, "system the document comes from", nullable=True),
        Column("created_on", pl.Date, "date of the document", nullable=True),
        Column("gold_mean", pl.Float64, "panel mean"), Column("n_grades", pl.Int64, "annotators who graded it"),
        RUBRIC_LABEL,
        Column("snapshot_at", UTC, "when the baseline began"),
    ),
    "anchor", readable_from="anchor",
)  # fmt: skip
ANCHOR_RUNS = Table(
    "anchor_runs", "fact", "one repeated judgement of the anchor, or of the canary", ("epoch", "collection"),
    (
        Column("run_id", pl.String, "the run"), JUDGE_VERSION, COLLECTION,
        Column("epoch", pl.Int64, "its own epoch: no reply of another run is re-used"),
        Column("baseline_epoch", pl.Int64, "the baseline it is compared with; null for a canary before any",
               nullable=True),
        Column("kind", pl.String, "what it was made for", values=drift.RUN_KINDS),
        Column("n_pairs", pl.Int64, "pairs asked about"),
        Column("graded", pl.Int64, "pairs with a grade"),
        Column("malformed", pl.Int64, "replies that are malformed, cut or out of scale"),
        Column("refused", pl.Int64, "replies in which the model refused, and texts the endpoint rejects"),
        Column("failed", pl.Int64, "requests without a reply"),
        Column("loss", pl.Float64, "calibrated NMSE, 0-100; unreadable pairs count 100", nullable=True),
        Column("bias", pl.Float64, "mean calibrated error in shares of R; null without a grade", nullable=True),
        Column("flip_share", pl.Float64, "share of pairs off their modal grade of the baseline, 0-1; null without one",
               nullable=True),
        Column("models", pl.String, "JSON list: model ids as reported"),
        Column("fingerprints", pl.String, "JSON list: system fingerprints as reported"),
        Column("requests", pl.Int64, "requests sent"), Column("input_tokens", pl.Int64, "tokens"),
        Column("cached_tokens", pl.Int64, "input tokens served from cache"),
        Column("output_tokens", pl.Int64, "tokens"), Column("cost_usd", pl.Float64, "US dollars"),
        Column("seconds", pl.Float64, "wall time"),
        Column("reason", pl.String, "canary: why it stopped the amplification; null where it did not", nullable=True),
        Column("ran_at", UTC, "when its last reply was in"),
    ),
    "anchor",
)  # fmt: skip
DRIFT_VERDICTS = Table(
    "drift_verdicts", "fact", "one decision whether a judge is still the one that was certified", ("drift_id",),
    (
        Column("drift_id", pl.String, "content hash of the decision, its figures, and the id of the verdict before it"),
        JUDGE_VERSION, COLLECTION, Column("epoch", pl.Int64, "epoch of the newest run it rests on"),
        BASELINE_EPOCH, Column("n_runs", pl.Int64, "baseline and watch runs it rests on"),
        Column("state", pl.String, "what was decided", values=drift.STATES),
        Column("cause", pl.String, "row of the cause table; `none` while healthy", values=drift.CAUSES),
        Column("action", pl.String, "what to do, a sentence"),
        Column("signals", pl.String, "JSON list: code (not in older rows), name, figure, threshold, fired, sentence"),
        Column("suspends", pl.Boolean, "nothing labels until a judge is certified again"),
        Column("run_again", pl.Boolean, "asks for one more anchor run now"),
        Column("healthy", pl.Boolean, "the judge is the one that was certified: its labels are confirmed"),
        Column("change_point", UTC, "the last healthy run before the estimated change; null without one",
               nullable=True),
        Column("decided_at", UTC, "when"),
    ),
    "anchor",
)  # fmt: skip
