"""Gold grades: what the panel of annotators says about one pair, and the text that names a set of graded pairs.

The plain panel mean, because gate and judge error must not rest on a rater model.
"""

import polars as pl

from label_pipeline.core.codes.inputs import PANEL
from label_pipeline.core.tables import PAIR_KEY

CARRIED = ("features", "incumbent_score", "rubric_label")
"""Columns of the pair itself that pass through when the input has them."""


def graded_rows(gold: pl.DataFrame) -> str:
    """Graded pairs as one text, whatever their order: what names a holdout or a calibration is a hash of it.

    Pair keys, gold means and counts, and the query's text where the rows carry it; ``doc_version`` stands for the
    document's.
    """
    text_too = [name for name in ("query",) if name in gold.columns]
    return repr(gold.select(*PAIR_KEY, "gold_mean", "n_grades", *text_too).sort(PAIR_KEY, nulls_last=True).rows())


def panel_gold(human_labels: pl.DataFrame) -> pl.DataFrame:
    """One row per pair: mean, variance and number of its human grades.

    Args:
        human_labels: one row per (pair, annotator) with the pair key columns and ``grade``. A null grade ("cannot
            judge") is no grade; a pair with none has no gold row. A null ``context_id`` is a context of its own. A row
            with ``grade_mean`` is the mean of its ``n_grades`` people and counts as so many.

    Returns:
        The pair key, ``gold_mean`` (grades), ``gold_variance`` (sample variance, squared grades; null for one grade,
        and where a mean hides it), ``n_grades``, ``gold_grade`` (the mean rounded half up: 1.5 is 2), ``gold_source`` =
        "panel", then ``features``, ``incumbent_score`` and ``rubric_label`` where the input has them (the smallest
        non-null value, should rows differ). Sorted by the pair key, nulls first, whatever the order of the input.
    """
    carried = [pl.col(name).min() for name in CARRIED if name in human_labels.columns]
    means = "grade_mean" in human_labels.columns and human_labels["grade_mean"].is_not_null().any()
    panels = _with_means() if means else [
        # exact integer sums: a float mean may depend on the order of the rows
        (pl.col("grade").cast(pl.Int64).sum() / pl.len()).alias("gold_mean"),
        pl.col("grade").sort().cast(pl.Float64).var(ddof=1).alias("gold_variance"),
        pl.len().cast(pl.Int64).alias("n_grades"),
    ]  # fmt: skip
    return (
        human_labels.filter(pl.col("grade").is_not_null())
        .group_by(PAIR_KEY)
        .agg(
            *panels,
            *carried,
        )
        .with_columns(
            (pl.col("gold_mean") + 0.5).floor().cast(pl.Int64).alias("gold_grade"),
            pl.lit(PANEL).alias("gold_source"),
        )
        .select(
            *PAIR_KEY,
            "gold_mean",
            "gold_variance",
            "n_grades",
            "gold_grade",
            "gold_source",
            *(name for name in CARRIED if name in human_labels.columns),
        )
        .sort(PAIR_KEY, nulls_last=False)
    )


def _with_means() -> list[pl.Expr]:
    """The same where some rows are means of several people: each counts as its people, and hides how they differ."""
    people = pl.col("n_grades").fill_null(1)
    mean = (pl.coalesce("grade_mean", pl.col("grade").cast(pl.Float64)) * people).sort().sum() / people.sum()
    alone = pl.col("grade_mean").is_null().all()
    return [
        pl.when(alone).then(pl.col("grade").cast(pl.Int64).sum() / pl.len()).otherwise(mean).alias("gold_mean"),
        pl.when(alone).then(pl.col("grade").sort().cast(pl.Float64).var(ddof=1)).alias("gold_variance"),
        people.sum().cast(pl.Int64).alias("n_grades"),
    ]
