"""Every table of the project, declared once: the store, the tests' empty frames and docs/tables.md come from here.

Keep out: behaviour (core/tables.py). A column's meaning states its unit; one quantity has one name everywhere.
"""

import polars as pl

from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY, Column, Table

UTC = pl.Datetime("us", "UTC")

TASK = Column("task", pl.String, "what is graded; `relevance` unless settings say otherwise")
COLLECTION = Column("collection", pl.String, "the body of documents a calibrator and a verdict belong to")
QUERY_ID = Column("query_id", pl.String, "the query's id in the user's files")
DOC_ID = Column("doc_id", pl.String, "the document's id in the user's files")
DOC_VERSION = Column("doc_version", pl.String, "hash of the document text a grader saw")
CONTEXT_ID = Column("context_id", pl.String, "user, locale or moment the grade depends on; null = none", nullable=True)
QUERY = (TASK, COLLECTION, QUERY_ID)
PAIR = (*QUERY, DOC_ID, DOC_VERSION, CONTEXT_ID)
FEATURES = Column("features", pl.String, "the pair's own `feature_*` columns, a JSON object of numbers", nullable=True)
INCUMBENT = Column("incumbent_score", pl.Float64, "score of the ranker in production, higher is better", nullable=True)
JUDGE_VERSION = Column("judge_version", pl.String, "content hash of everything that could change a grade")

QUERIES = Table(
    "queries", "snapshot", "one query", QUERY_KEY,
    (*QUERY, Column("query", pl.String, "query text"), Column("language", pl.String, "ISO code", nullable=True)),
    "seed",
)  # fmt: skip
DOCUMENTS = Table(
    "documents", "snapshot", "one document", ("doc_id",),
    (
        DOC_ID, DOC_VERSION,
        Column("title", pl.String, "title; shown to the judge above the text", nullable=True),
        Column("text", pl.String, "body text"),
        Column("source", pl.String, "system it comes from: wiki, mail, ...", nullable=True),
        Column("language", pl.String, "ISO code", nullable=True),
        Column("created_on", pl.Date, "date of the document", nullable=True),
        Column("boundary", pl.String, "`customer` = may only be sent to endpoints declared inside", nullable=True),
    ),
    "seed",
)  # fmt: skip
HUMAN_LABELS = Table(
    "human_labels", "snapshot", "one annotator's grade of one pair", (*PAIR_KEY, "annotator_id"),
    (
        *PAIR, Column("annotator_id", pl.String, "who graded; `unknown` where the file does not say"),
        Column("grade", pl.Int64, "grade on the project's scale"),
        Column("rationale", pl.String, "the annotator's reason", nullable=True), FEATURES, INCUMBENT,
    ),
    "seed", hides_test_queries_before="gate",
)  # fmt: skip
EVALUATION = Table(
    "evaluation", "snapshot", "one human grade of a pair that tests the ranker", PAIR_KEY,
    (*PAIR, Column("grade", pl.Int64, "grade on the project's scale"), FEATURES, INCUMBENT),
    "seed", readable_from="rank",
)  # fmt: skip
QUARANTINE = Table(
    "quarantine", "snapshot", "one rejected input row", ("input", "partition", "source", "line", "reason"),
    (
        Column("input", pl.String, "the input table the row was meant for"),
        Column("partition", pl.String, "day of the load, or `all`"),
        Column("source", pl.String, "file name"),
        Column("line", pl.Int64, "line (CSV, JSONL, TREC) or row number (Parquet), from 1"),
        Column("reason", pl.String, "why it was rejected and what to do"),
        Column("row", pl.String, "the row's ids and grade as read, JSON; never its text"),
    ),
    "seed",
)  # fmt: skip
AGREEMENT = Table(
    "agreement", "snapshot", "one agreement figure of one collection", ("collection", "metric"),
    (
        COLLECTION, Column("metric", pl.String, "field name, e.g. `krippendorff_alpha_ordinal`"),
        Column("estimate", pl.Float64, "value; null where not applicable", nullable=True),
        Column("low", pl.Float64, "lower 95 % bound, query bootstrap", nullable=True),
        Column("high", pl.Float64, "upper 95 % bound, query bootstrap", nullable=True),
        Column("n_queries", pl.Int64, "queries with at least one pair"), Column("n_pairs", pl.Int64, "pairs"),
        Column("n_annotators", pl.Int64, "annotators"),
        Column("status", pl.String, "`usable`, `tentative`, `unusable` or `not applicable`"),
        Column("reason", pl.String, "the sentence behind the status"),
    ),
    "seed",
)  # fmt: skip
GOLD = Table(
    "gold", "snapshot", "one pair's gold grade", PAIR_KEY,
    (
        *PAIR, Column("gold_mean", pl.Float64, "panel mean"),
        Column("gold_variance", pl.Float64, "sample variance of the panel; null for one grade", nullable=True),
        Column("n_grades", pl.Int64, "annotators who graded it"),
        Column("gold_grade", pl.Int64, "panel mean rounded half up"),
        Column("gold_source", pl.String, "`panel` or `adjudicated`"), FEATURES, INCUMBENT,
    ),
    "seed", hides_test_queries_before="gate",
)  # fmt: skip
SPLITS = Table(
    "splits", "snapshot", "one query's split, for ever", QUERY_KEY,
    (*QUERY, Column("split", pl.String, "train, dev, holdout or anchor"), Column("dealt_at", UTC, "when it was dealt")),
    "seed",
)  # fmt: skip

JUDGEMENTS = Table(
    "judgements", "fact", "one grade inside one reply", ("request_key", "position", "purpose", *PAIR_KEY),
    (
        Column("purpose", pl.String, "calibrate, gate, amplify, anchor or canary"),
        Column("epoch", pl.Int64, "within one epoch identical requests are answered from the journal"),
        Column("run_id", pl.String, "the run that wanted it"), Column("member", pl.String, "candidate or judge member"),
        Column("member_hash", pl.String, "hash of endpoint, model, prompt, rubric and parameters"),
        Column("request_key", pl.String, "hash of endpoint, exact body, sample index and epoch"),
        Column("position", pl.Int64, "place of the grade inside the reply, from 0"),
        Column("sample_index", pl.Int64, "vote number, from 0"), *PAIR,
        Column("outcome", pl.String, "graded, malformed, cut, refused, out_of_scale, wrong_model or failed"),
        Column("grade", pl.Int64, "grade read from the reply; null unless graded", nullable=True),
        Column("expected_grade", pl.Float64, "probability-weighted grade; null without logprobs", nullable=True),
        Column("grade_mass", pl.Float64, "probability on the scale's tokens before renormalising, 0-1", nullable=True),
        Column("rationale", pl.String, "the judge's reason; null for customer text", nullable=True),
        Column("detail", pl.String, "why there is no grade", nullable=True),
        Column("model_reported", pl.String, "model id as the provider reported it", nullable=True),
        Column("fingerprint", pl.String, "system_fingerprint of the reply", nullable=True),
        Column("input_tokens", pl.Int64, "tokens"), Column("cached_tokens", pl.Int64, "input tokens served from cache"),
        Column("output_tokens", pl.Int64, "tokens"), Column("cost_usd", pl.Float64, "US dollars; 0 when re-used"),
        Column("latency_s", pl.Float64, "seconds"), Column("attempt", pl.Int64, "reading attempt, from 0"),
        Column("reused", pl.Boolean, "answered from the journal without a request"),
        Column("judged_at", UTC, "when the reply became durable"),
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
        Column("unreadable_share", pl.Float64, "malformed, cut, refused, out of scale, failed; 0-1", nullable=True),
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
VERDICTS = Table(
    "verdicts", "fact", "one gate decision, or its suspension", ("verdict_id",),
    (
        Column("verdict_id", pl.String, "content hash"), Column("kind", pl.String, "`decision` or `suspension`"),
        JUDGE_VERSION, COLLECTION, Column("state", pl.String, "open, closed, insufficient or suspended"),
        Column("open", pl.Boolean, "derived from failures: open = none"),
        Column("failures", pl.String, "JSON list of sentences"),
        Column("criteria", pl.String, "JSON list: name, figure, bound, threshold, status, sentence"),
        Column("policy", pl.String, "policy name"), Column("policy_hash", pl.String, "hash of every threshold"),
        Column("rubric_version", pl.String, "rubric the judge and the humans used"),
        Column("holdout_hash", pl.String, "hash of the holdout pairs and grades"),
        Column("epoch", pl.Int64, "calibration epoch"), Column("look", pl.Int64, "number of the look", nullable=True),
        Column("alpha", pl.Float64, "alpha this look spent", nullable=True),
        Column("n_queries", pl.Int64, "holdout queries"), Column("n_pairs", pl.Int64, "holdout pairs"),
        Column("decided_at", UTC, "when"), Column("expires_at", UTC, "no longer current from then on", nullable=True),
    ),
    "gate",
)  # fmt: skip
HOLDOUT_LOOKS = Table(
    "holdout_looks", "fact", "one look at the holdout and the alpha it spent", ("verdict_id",),
    (
        Column("verdict_id", pl.String, "the verdict the look led to"), COLLECTION,
        Column("look", pl.Int64, "1, 2, ..."), JUDGE_VERSION, Column("epoch", pl.Int64, "calibration epoch"),
        Column("holdout_hash", pl.String, "hash of the holdout pairs and grades"),
        Column("policy_hash", pl.String, "hash of every threshold"), Column("alpha", pl.Float64, "alpha spent"),
        Column("open", pl.Boolean, "result bit"), Column("looked_at", UTC, "when"),
    ),
    "gate",
)  # fmt: skip

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
        Column("status", pl.String, "provisional, confirmed, superseded or recalled"), JUDGE_VERSION,
        Column("verdict_id", pl.String, "the verdict that allowed it"), Column("run_id", pl.String, "the run"),
        Column("request_keys", pl.String, "JSON list: the requests whose replies it rests on"),
        Column("model_reported", pl.String, "model id as the provider reported it"),
        Column("rubric_version", pl.String, "rubric the judge used"),
        Column("cost_usd", pl.Float64, "US dollars"), Column("labelled_at", UTC, "when"),
    ),
    "amplify",
)  # fmt: skip
LABEL_RUNS = Table(
    "label_runs", "fact", "one amplification of one day and collection", ("run_id", "day", "collection"),
    (
        Column("run_id", pl.String, "the run"), Column("day", pl.Date, "partition"), COLLECTION,
        Column("judge_version", pl.String, "null when nothing was allowed to label", nullable=True),
        Column("verdict_id", pl.String, "the verdict that allowed it", nullable=True),
        Column("pairs_in", pl.Int64, "candidate pairs = labelled + abstained + failed + refused + skipped"),
        Column("labelled", pl.Int64, "pairs with a label under this judge version"),
        Column("reused", pl.Int64, "of the labelled: those that rest on no request of this run"),
        Column("abstained", pl.Int64, "the model refused, or its reply stayed unreadable, cut or out of scale"),
        Column("failed", pl.Int64, "no reply"), Column("refused", pl.Int64, "no open verdict, or over the cap"),
        Column("skipped", pl.Int64, "customer text and no endpoint inside the boundary"),
        Column("requests", pl.Int64, "requests sent"), Column("input_tokens", pl.Int64, "tokens"),
        Column("cached_tokens", pl.Int64, "input tokens served from cache"),
        Column("output_tokens", pl.Int64, "tokens"), Column("cost_usd", pl.Float64, "US dollars"),
        Column("seconds", pl.Float64, "wall time"),
        Column("reason", pl.String, "why pairs were refused", nullable=True),
        Column("finished_at", UTC, "when"),
    ),
    "amplify",
)  # fmt: skip

TRAINING_SETS = Table(
    "training_sets", "fact", "one manifest of training labels", ("training_set_id", "arm"),
    (
        Column("training_set_id", pl.String, "content hash of every label in it"),
        Column("arm", pl.String, "`amplified` or `seed_only`"), Column("n_queries", pl.Int64, "queries"),
        Column("n_labels", pl.Int64, "rows"), Column("judge_versions", pl.String, "JSON list"),
        Column("verdict_ids", pl.String, "JSON list"),
        Column("excluded_queries", pl.Int64, "holdout and anchor queries kept out"),
        Column("created_at", UTC, "when"),
    ),
    "rank",
)  # fmt: skip
RANKERS = Table(
    "rankers", "fact", "one trained ranker", ("ranker_id",),
    (
        Column("ranker_id", pl.String, "content hash of training set, features, parameters and seed"),
        Column("training_set_id", pl.String, "what it was trained on"), Column("arm", pl.String, "experiment arm"),
        Column("family", pl.String, "`lambdamart` or `ridge`"), Column("parameters", pl.String, "JSON"),
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
        Column("arm", pl.String, "bm25, incumbent, seed_only, amplified, permuted, or `amplified - seed_only`"),
        Column("metric", pl.String, "e.g. `nDCG@10` with its gain"), Column("split", pl.String, "`holdout+anchor`"),
        Column("estimate", pl.Float64, "mean over queries"),
        Column("low", pl.Float64, "lower 95 % bound, query bootstrap"),
        Column("high", pl.Float64, "upper 95 % bound, query bootstrap"),
        Column("p_value", pl.Float64, "paired randomisation; differences only", nullable=True),
        Column("n_queries", pl.Int64, "queries with a positive grade"), Column("n_pairs", pl.Int64, "graded pairs"),
        Column("evaluated_at", UTC, "when"),
    ),
    "rank",
)  # fmt: skip

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        QUERIES, DOCUMENTS, HUMAN_LABELS, EVALUATION, QUARANTINE, AGREEMENT, GOLD, SPLITS,
        JUDGEMENTS, LEADERBOARD, JUDGE_VERSIONS, VERDICTS, HOLDOUT_LOOKS,
        CANDIDATES, LABELS, LABEL_RUNS, TRAINING_SETS, RANKERS, RANKER_METRICS,
    )
}  # fmt: skip
"""Every declared table by name, in the order of the stages."""
