"""Tables of stage calibrate: what judges said, how they compare, and the judges that were frozen."""

import polars as pl

from label_pipeline.core.catalogue.columns import COLLECTION, JUDGE_VERSION, PAIR, SERVED_BY, UTC
from label_pipeline.core.codes import outcomes, purposes
from label_pipeline.core.tables import PAIR_KEY, Column, Respelled, Table

EPOCHS = Table(
    "epochs", "fact", "one opened epoch", ("epoch",),
    (
        Column("epoch", pl.Int64, "its number, counted over all purposes"),
        Column("purpose", pl.String, "what it was opened for", values=purposes.EPOCH_PURPOSES),
        Column("collection", pl.String, "the collection it is about; null = all", nullable=True),
        Column("run_id", pl.String, "the run that opened it"),
        Column("opened_at", UTC, "when, before its first request"),
    ),
    "calibrate",
)  # fmt: skip
JUDGEMENTS = Table(
    "judgements", "fact", "one grade inside one reply", ("request_key", "position", "purpose", *PAIR_KEY),
    (
        Column("purpose", pl.String, "what it was asked for", values=purposes.PURPOSES),
        Column("epoch", pl.Int64, "within one epoch identical requests are answered from the journal"),
        Column("run_id", pl.String, "the run that wanted it"), Column("member", pl.String, "candidate or judge member"),
        Column("member_hash", pl.String, "hash of endpoint, model, prompt, rubric and parameters"),
        Column("request_key", pl.String, "hash of endpoint, exact body, sample index and epoch"),
        Column("position", pl.Int64, "place of the grade inside the reply, from 0"),
        Column("sample_index", pl.Int64, "vote number, from 0"), *PAIR,
        Column("outcome", pl.String, "graded, or why there is no grade; `refused` by the model, `rejected` by the "
               "endpoint, `failed`: no reply, `over_cap`: not sent", values=outcomes.OUTCOMES),
        Column("grade", pl.Int64, "grade read from the reply; null unless graded", nullable=True),
        Column("expected_grade", pl.Float64, "probability-weighted grade; null without logprobs", nullable=True),
        Column("grade_mass", pl.Float64, "probability on the scale's tokens before renormalising, 0-1", nullable=True),
        Column("rationale", pl.String, "the judge's reason; null for customer text", nullable=True),
        Column("detail", pl.String, "why there is no grade", nullable=True),
        Column("model_reported", pl.String, "model id as the provider reported it", nullable=True),
        Column("fingerprint", pl.String, "system_fingerprint of the reply", nullable=True),
        SERVED_BY,
        Column("input_tokens", pl.Int64, "tokens"), Column("cached_tokens", pl.Int64, "input tokens served from cache"),
        Column("output_tokens", pl.Int64, "tokens"), Column("cost_usd", pl.Float64, "US dollars; 0 when re-used"),
        Column("latency_s", pl.Float64, "seconds"), Column("attempt", pl.Int64, "reading attempt, from 0"),
        Column("reused", pl.Boolean, "answered from the journal without a request"),
        Column("judged_at", UTC, "when the reply became durable"),
    ),
    "calibrate",
    respelled=(
        # Rows from before these words: the first was told by a sentence, the second by no model having spoken.
        Respelled("outcome", outcomes.OVER_CAP, "`failed` with a detail that begins with `over the cap`",
                  (pl.col("outcome") == outcomes.FAILED) & pl.col("detail").str.starts_with("over the cap"),
                  ("outcome", "detail")),
        Respelled("outcome", outcomes.REJECTED, "`refused` without a `model_reported`",
                  (pl.col("outcome") == outcomes.REFUSED) & pl.col("model_reported").is_null(),
                  ("outcome", "model_reported")),
    ),
)  # fmt: skip
PAYMENTS = Table(
    "payments", "fact", "what one run paid one member for one purpose in one epoch, collection and day, as the journal "
    "wrote it down when it was paid", ("batch", "run_id", "purpose", "epoch", "member_hash", "collection", "day"),
    (
        Column("batch", pl.String, "names the receipts it adds up: booked once"),
        Column("run_id", pl.String, "the run that asked"),
        Column("purpose", pl.String, "what for", values=purposes.PURPOSES),
        Column("epoch", pl.Int64, "epoch of the requests"),
        Column("member", pl.String, "candidate or judge member"),
        Column("member_hash", pl.String, "hash of endpoint, model, prompt, rubric and parameters"), COLLECTION,
        Column("day", pl.Date, "the day that was labelled; null for other purposes", nullable=True),
        Column("requests", pl.Int64, "requests sent, further tries of one not counted"),
        Column("replies", pl.Int64, "of these, answered"), Column("input_tokens", pl.Int64, "tokens"),
        Column("cached_tokens", pl.Int64, "input tokens served from cache"),
        Column("output_tokens", pl.Int64, "tokens"), Column("cost_usd", pl.Float64, "US dollars paid"),
        Column("lost", pl.Int64, "tries that went out and whose answer never came: the provider may charge for them"),
        Column("possibly_usd", pl.Float64, "US dollars these may have cost at most"),
        Column("paid_at", UTC, "when the last of them ended"),
    ),
    "calibrate",
)  # fmt: skip
LEADERBOARD = Table(
    "leaderboard", "fact", "one candidate in one calibration", ("calibration_id", "candidate"),
    (
        Column("calibration_id", pl.String, "hash of seed, candidates that could be asked, and epoch"),
        Column("epoch", pl.Int64, "epoch of the calibration"),
        Column("candidate", pl.String, "name in settings"), Column("member_hash", pl.String, "its member hash"),
        Column("loss", pl.Float64, "out-of-fold calibrated NMSE, 0-100; unreadable replies count 100", nullable=True),
        Column("loss_low", pl.Float64, "lower 95 % bound, query-clustered", nullable=True),
        Column("loss_high", pl.Float64, "upper 95 % bound, query-clustered", nullable=True),
        Column("difference", pl.Float64, "paired loss difference to the best candidate, NMSE points", nullable=True),
        Column("difference_se", pl.Float64, "query-clustered standard error of the difference", nullable=True),
        Column("pairwise_accuracy", pl.Float64, "within-query, gold gap >= 1", nullable=True),
        Column("quadratic_kappa", pl.Float64, "raw grade against rounded gold", nullable=True),
        Column("unreadable_share", pl.Float64, "replies without a grade, for whatever reason; 0-1", nullable=True),
        Column("slope", pl.Float64, "grades the human one rises by, a grade of the candidate as it trains; null in "
               "rows of older versions", nullable=True),
        Column("slope_low", pl.Float64, "its one-sided lower 95 % bound, query-clustered; 0 or less is not chosen",
               nullable=True),
        Column("cost_per_1000_usd", pl.Float64, "US dollars a thousand pairs", nullable=True),
        Column("n_pairs", pl.Int64, "pairs judged"), Column("chosen", pl.Boolean, "became the judge"),
        Column("reason", pl.String, "why it was or was not chosen"), Column("calibrated_at", UTC, "when"),
    ),
    "calibrate",
)  # fmt: skip
JUDGE_VERSIONS = Table(
    "judge_versions", "fact", "one frozen judge", ("judge_version",),
    (
        JUDGE_VERSION, Column("candidate", pl.String, "the candidate it was made from"),
        Column("calibration_id", pl.String, "the calibration that chose it"),
        Column("epoch", pl.Int64, "epoch of that calibration"),
        Column("members", pl.String, "JSON: endpoint, model asked and served, prompt hash and text, parameters, votes"),
        Column("calibrators", pl.String, "JSON: one calibrator a collection"),
        Column("rubric_version", pl.String, "version and hash of the rubric"),
        Column("model_served", pl.String, "model id as the provider reported it"),
        Column("cost_per_1000_usd", pl.Float64, "US dollars a thousand pairs"),
        Column("parent", pl.String, "judge version it replaced", nullable=True), Column("created_at", UTC, "when"),
    ),
    "calibrate",
)  # fmt: skip
