"""Tables of stage seed: the user's inputs, and what is known of them: agreement, gold, splits."""

import polars as pl

from label_pipeline.core import splits
from label_pipeline.core.catalogue.columns import (
    COLLECTION,
    DOC_ID,
    DOC_VERSION,
    FEATURES,
    INCUMBENT,
    PAIR,
    QUERY,
    RUBRIC_LABEL,
    UTC,
)
from label_pipeline.core.codes import inputs
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY, Column, Table

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
        Column("boundary", pl.String, "its text may only be sent to endpoints declared inside; null = to any",
               nullable=True, values=inputs.BOUNDARIES),
    ),
    "seed",
)  # fmt: skip
HUMAN_LABELS = Table(
    "human_labels", "snapshot", "one annotator's grade of one pair", (*PAIR_KEY, "annotator_id"),
    (
        *PAIR, Column("annotator_id", pl.String, "who graded; `unknown` where the file does not say"),
        Column("grade", pl.Int64, "grade on the project's scale; of a panel's mean, that mean rounded half up"),
        Column("grade_mean", pl.Float64, "mean of a panel, where the row is one; null = one person's grade",
               nullable=True),
        Column("n_grades", pl.Int64, "people behind that mean; null = one", nullable=True),
        Column("rationale", pl.String, "the annotator's reason", nullable=True), FEATURES, INCUMBENT, RUBRIC_LABEL,
    ),
    "seed", hides_test_queries_before="gate",
)  # fmt: skip
EVALUATION = Table(
    "evaluation", "snapshot", "one human grade of a pair that tests the ranker", PAIR_KEY,
    (*PAIR, Column("grade", pl.Int64, "grade on the project's scale"), FEATURES, INCUMBENT, RUBRIC_LABEL),
    "seed", readable_from="rank",
)  # fmt: skip
QUARANTINE = Table(
    "quarantine", "snapshot", "one rejected input row", ("input", "partition", "source", "line", "reason"),
    (
        Column("input", pl.String, "the input table the row was meant for", values=inputs.INPUTS),
        Column("partition", pl.String, "day of the load, or `all`"),
        Column("source", pl.String, "file name"),
        Column("line", pl.Int64, "line (CSV, JSONL, TREC) or row number (Parquet, JSON), from 1"),
        Column("reason", pl.String, "why it was rejected and what to do"),
        Column("row", pl.String, "the row's ids and grade as read, JSON; never its text"),
        Column("cause", pl.String, "the kind of reason, the same words for every such row; null in older rows",
               nullable=True),
    ),
    "seed",
)  # fmt: skip
INPUT_BOOKS = Table(
    "input_books", "snapshot", "where the rows of one input went at the newest load", ("input",),
    (
        Column("input", pl.String, "the input table of the seed"),
        Column("read", pl.Int64, "rows found in its files"), Column("kept", pl.Int64, "rows of the table"),
        Column("quarantined", pl.Int64, "rejected with a reason"),
        Column("foreign", pl.Int64, "of these: of no query or document of this project, or of customer text"),
        Column("repeated", pl.Int64, "of these: the same grade of the same annotator once more"),
        Column("other_rubric", pl.Int64, "of these: graded by another rubric; null in older rows", nullable=True),
        Column("unstated", pl.Int64, "kept rows whose file does not say the rubric; null in older rows", nullable=True),
        Column("waiting", pl.Int64, "of other_rubric: rows whose file does not say it; null in older rows",
               nullable=True),
        Column("merged", pl.Int64, "repeats of a kept row that say nothing new"),
        Column("not_judged", pl.Int64, "grades the mapping calls not judged"),
        Column("not_sampled", pl.Int64, "rows of pairs beyond `inputs.pairs_per_query`"),
    ),
    "seed",
)  # fmt: skip
INPUT_NOTES = Table(
    "input_notes", "snapshot", "one kind of value of one file that was left out, or is worth a look; its rows stay",
    ("input", "partition", "source", "column", "note"),
    (
        Column("input", pl.String, "the input table the rows are of", values=inputs.INPUTS),
        Column("partition", pl.String, "day of the load, or `all`"),
        Column("source", pl.String, "file name"),
        Column("column", pl.String, "column of the input table, or `feature_*`"),
        Column("note", pl.String, "what is so, what became of the value and what to do"),
        Column("rows", pl.Int64, "rows of the file it is so in, of those that were kept"),
        Column("example", pl.String, "the first such value, shortened; null where it may not be shown", nullable=True),
        Column("line", pl.Int64, "its line (CSV, JSONL, TREC) or row number (Parquet, JSON), from 1"),
    ),
    "seed",
)  # fmt: skip
GRADE_RUBRICS = Table(
    "grade_rubrics", "fact", "one human grade whose file does not say by which rubric it was given", ("grade_key",),
    (
        Column("grade_key", pl.String, "hash of input, task, collection, query, document, context, annotator, grade"),
        Column("input", pl.String, "the input table the row is of", values=inputs.INPUTS),
        Column("rubric_label", pl.String, "the author's `version` of the rubric in force then"),
        Column("first_loaded_at", UTC, "when it was first loaded"),
    ),
    "seed",
)  # fmt: skip
RUBRICS = Table(
    "rubrics", "fact", "one text of a rubric that grades under its label may rest on", ("label", "version_hash"),
    (
        Column("label", pl.String, "the author's `version` of the rubric"),
        Column("version_hash", pl.String, "hash of label and content"),
        Column("text", pl.String, "the rubric as a judge is shown it"),
        Column("said_by", pl.String, "who said that it means what the texts before it meant; null = the first of its "
               "label", nullable=True),
        Column("known_at", UTC, "when it was first loaded, or that was said"),
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
        Column("status", pl.String, "what the headline figure says of the labels", values=inputs.AGREEMENT_STATUSES),
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
        Column("gold_source", pl.String, "who set it", values=inputs.GOLD_SOURCES), FEATURES, INCUMBENT,
        RUBRIC_LABEL,
    ),
    "seed", hides_test_queries_before="gate",
)  # fmt: skip
SPLITS = Table(
    "splits", "snapshot", "one query's split, for ever, unless its holdout is retired", QUERY_KEY,
    (
        *QUERY, Column("split", pl.String, "what its pairs are used for", values=splits.SPLITS),
        Column("dealt_at", UTC, "when it was dealt"),
        Column(
            "retired", pl.Int64, "generation of the holdout it served in before that joined dev; null = never moved",
            nullable=True,
        ),
        Column("text_key", pl.String, "version of the normaliser, and hash of the query's text, by which it is known: "
               "queries of one text are dealt together; null in older rows", nullable=True),
    ),
    "seed",
)  # fmt: skip
