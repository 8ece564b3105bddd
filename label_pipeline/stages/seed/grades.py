"""Human grades: the label and evaluation files, mapped to the project's scale, matched to queries and documents."""

from collections.abc import Iterable
from typing import Literal

import polars as pl

from label_pipeline.core.catalogue import EVALUATION, HUMAN_LABELS
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY, Table
from label_pipeline.stages.seed.known import known_rules, rejected_rules, with_known, with_named
from label_pipeline.stages.seed.notes import noted
from label_pipeline.stages.seed.oddities import nothing_oddity, number_oddities
from label_pipeline.stages.seed.quarantine import ALIVE, Rule, reject, set_aside, with_repeats
from label_pipeline.stages.seed.rubrics import GradeRubric
from label_pipeline.stages.seed.sample import beyond_sample
from label_pipeline.stages.seed.spelling import spelling_oddity, with_spellings
from label_pipeline.stages.seed.texts import Accepted
from label_pipeline.stages.seed.values import RawInput, features, id_rules, number, shown, stack
from label_pipeline.stages.seed.versions import with_rewritten

UNKNOWN_ANNOTATOR = "unknown"

MOST_PEOPLE = 10_000
"""People behind one mean: a larger number is something else."""


def accept_human_labels(
    inputs: Iterable[RawInput],
    queries: Accepted,
    documents: Accepted,
    scale: Scale,
    pairs_per_query: int | None,
    salt: str,
    rubric: GradeRubric | None = None,
) -> Accepted:
    """One row per (pair, annotator), at most ``pairs_per_query`` pairs per query; or one row of a panel's mean.

    A repeat by the same annotator is rejected: the same grade leaves the first row, different grades leave none.
    """
    rows = _judged(inputs, "human_labels", queries, documents, scale, rubric)
    rows = rows.with_columns(pl.col("annotator_id").fill_null(UNKNOWN_ANNOTATOR))
    rows = with_repeats(rows, (*PAIR_KEY, "annotator_id"), ("grade_value", "panel"))
    many = "; if several people graded it, map `annotator_id` to the column that names them"
    rows = reject(
        rows,
        [
            Rule(
                "one annotator, several grades of a pair",
                pl.col("contradicts"),
                pl.format(
                    "annotator {} graded this pair more than once and differently (first on {}); expected one grade a "
                    "(pair, annotator): keep the right row" + many,
                    shown("annotator_id"),
                    pl.col("first_at"),
                ),
            ),
            Rule(
                "repeats a grade",
                pl.col("is_repeat"),
                pl.format(
                    "repeats the grade of annotator {} on {}; expected one grade a (pair, annotator): drop this row"
                    + many,
                    shown("annotator_id"),
                    pl.col("first_at"),
                ),
            ),
        ],
    )
    if pairs_per_query is not None:
        rows = beyond_sample(rows, pairs_per_query, salt)
    return _accepted(rows, HUMAN_LABELS)


def accept_evaluation(
    inputs: Iterable[RawInput],
    queries: Accepted,
    documents: Accepted,
    scale: Scale,
    rubric: GradeRubric | None = None,
) -> Accepted:
    """One row per pair; identical repeats are merged, contradicting grades all rejected."""
    rows = with_repeats(_judged(inputs, "evaluation", queries, documents, scale, rubric), PAIR_KEY, ("grade_value",))
    contradiction = Rule(
        "several grades of a pair",
        pl.col("contradicts"),
        pl.format(
            "the pair has different evaluation grades (first on {}); expected one grade a pair: keep one, or put "
            "grades of several annotators in human_labels",
            pl.col("first_at"),
        ),
    )
    rows = set_aside(reject(rows, [contradiction]), pl.col("is_repeat"), "merged")
    return _accepted(rows, EVALUATION)


def _accepted(rows: pl.DataFrame, table: Table) -> Accepted:
    named = [name for name in ("annotator_id", "context_id") if name in rows.columns]
    rows = with_spellings(rows, named[0])
    found = [*number_oddities(rows.columns), spelling_oddity(named[0]), *(nothing_oddity(name) for name in named)]
    notes = noted(rows, table.name, found)
    return Accepted(table.conform(_typed(rows).select(list(table.schema))), rows, notes)


def _judged(
    inputs: Iterable[RawInput],
    table: Literal["human_labels", "evaluation"],
    queries: Accepted,
    documents: Accepted,
    scale: Scale,
    rubric: GradeRubric | None,
) -> pl.DataFrame:
    """The working rows after every rule that looks at one row."""
    rows = with_known(_graded_as(_with_panel(stack(inputs, table))), queries.table, documents.table)
    rows = with_named(rows, queries.rows, documents.rows)
    rows = rows if rubric is None else rubric.applied(rows, table)
    annotator = ("annotator_id",) if table == "human_labels" else ()
    rows = reject(rows, id_rules(["query_id", "doc_id"], ("context_id", "task", "collection", *annotator)))
    rows = set_aside(rows, pl.col("not_judged"), "not judged")
    customer = Rule(
        "customer text",
        pl.col("customer_text"),
        pl.format(
            f"document {{}} is customer text, which is never shown to people; remove it from {table} (expected "
            "documents without `boundary: customer`)",
            shown("doc_id"),
        ),
    )
    other_text = Rule(
        "graded on another text",
        pl.col("graded_version") != pl.col("doc_version"),
        pl.format(
            "the graded text was version {}, document {} is now {}; expected grades of today's text: have it graded "
            "again, or leave doc_version empty if the change does not matter",
            shown("graded_version"),
            shown("doc_id"),
            pl.col("doc_version"),
        ),
    )
    rows = with_rewritten(rows, documents.table, "graded_version", "graded_with_other_ends")
    line_ends = Rule(
        "graded on the text with other line ends",
        pl.col("graded_with_other_ends"),
        pl.format(
            "the graded text of document {} differs from today's in its line ends alone (LF and CRLF), as git rewrites "
            "them; check the file out with its own (`*.csv -text` in .gitattributes), or leave doc_version empty",
            shown("doc_id"),
        ),
    )
    rules = [*_grade_rules(scale), *rejected_rules(), *known_rules(), customer, line_ends, other_text]
    return reject(rows, rules if rubric is None else [rubric.rule(), *rules])


def _graded_as(rows: pl.DataFrame) -> pl.DataFrame:
    """``graded_version``: of the text a grader saw, where the file says it (`seed import` does); else null."""
    named = "doc_version" in rows.columns
    return rows.rename({"doc_version": "graded_version"}) if named else rows.with_columns(
        pl.lit(None, dtype=pl.String).alias("graded_version")
    )  # fmt: skip


def _with_panel(rows: pl.DataFrame) -> pl.DataFrame:
    """``panel``: how many people's mean the grade is, from ``n_grades``; null where it is one person's.

    A row that names its annotator is that person's grade, whatever the file counts beside it.
    """
    told = number("n_grades") if "n_grades" in rows.columns else pl.lit(None, dtype=pl.Float64)
    if "annotator_id" in rows.columns:
        told = pl.when(pl.col("annotator_id").is_null()).then(told)
    texts = [name for name in ("n_grades", "rubric_version") if name not in rows.columns]
    return rows.with_columns(
        *(pl.lit(None, dtype=pl.String).alias(name) for name in texts),
        pl.when(told == 1).then(None).otherwise(told).alias("panel"),
    )


def _grade_rules(scale: Scale) -> list[Rule]:
    wanted = f"expected a whole number {scale.lo} to {scale.hi}"
    value = pl.col("grade_value")
    return [
        Rule(
            "no grade",
            pl.col("grade").is_null() & value.is_null(),
            pl.lit(f"no grade; {wanted}: fill it in, or drop the row if nobody judged the pair"),
        ),
        Rule(
            "grade is not in the mapping",
            pl.col("unmapped"),
            pl.format(
                "grade {} is not in this input's `grades:` mapping ({}); add it there, or map it to null if it means "
                "not judged",
                shown("grade"),
                pl.col("mapping"),
            ),
        ),
        Rule(
            "n_grades is no number of people",
            pl.col("n_grades").is_not_null()
            & ~(
                number("n_grades").is_between(1, MOST_PEOPLE) & (number("n_grades") == number("n_grades").round())
            ).fill_null(False),
            pl.format(
                f"n_grades {{}} is no number of people; expected 1 to {MOST_PEOPLE}: the grade is the mean of so many",
                shown("n_grades"),
            ),
        ),
        Rule(
            "grade is not whole",
            value.is_null() | ((value != value.round()) & pl.col("panel").is_null()),
            pl.format(
                f"grade {{}} is not a whole number; {wanted}: correct it, map it under `grades:`, or, where it is the "
                "mean of several people, name no annotator and say of how many in column n_grades",
                shown("grade"),
            ),
        ),
        Rule(
            "grade is outside the scale",
            (value < scale.lo) | (value > scale.hi),
            pl.format(
                f"grade {{}}{{}} is outside the scale; {wanted}, and grades are never clipped: if the file uses "
                "another scale, say so with a `grades:` mapping on this input",
                shown("grade"),
                pl.when(pl.col("mapping").is_null())
                .then(pl.lit(""))
                .otherwise(pl.format(", mapped to {},", value.cast(pl.Int64, strict=False))),
            ),
        ),
    ]


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(ALIVE).with_columns(
        (pl.col("grade_value") + 0.5).floor().cast(pl.Int64).alias("grade"),
        pl.when(pl.col("panel").is_not_null()).then("grade_value").alias("grade_mean"),
        pl.col("panel").cast(pl.Int64).alias("n_grades"),
        pl.col("rubric_label") if "rubric_label" in rows.columns else pl.lit(None).alias("rubric_label"),
        number("incumbent_score").alias("incumbent_score"),
        features(rows.columns),
    )
