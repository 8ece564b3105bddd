"""Which labelled pairs lie outside what the human seed covered: the certificate says nothing about those.

They are labelled all the same, with a mark, and coverage counts them.
"""

import json

import polars as pl

from label_pipeline.core.codes.labels import BEYOND, GRADE, LANGUAGE, LENGTH, SOURCE

FACTS = ("characters", "source", "language", "query_language")
"""What is known of a pair beside the judge's grade: characters of the document as shown, its source and language, and
the query's language."""


def outside_seed(labelled: pl.DataFrame, seed: pl.DataFrame) -> pl.Series:
    """For each row of ``labelled`` a JSON list of what in it the seed never had, in the order of ``BEYOND``.

    A missing language or source is a value like another: a seed without it does not cover it.

    Args:
        labelled: ``grade`` (whole or not; rounded half up) and ``FACTS``, of one collection.
        seed: the same of its human-graded pairs, ``grade`` being what this judge gave them, null where it gave none.
    """
    beyond = {
        GRADE: ~_whole("grade").is_in(seed.select(_whole("grade")).to_series().drop_nulls().implode()),
        LENGTH: ~pl.col("characters").is_between(
            pl.lit(seed["characters"].min(), dtype=pl.Int64), pl.lit(seed["characters"].max(), dtype=pl.Int64)
        ),
        LANGUAGE: _unseen("language", seed) | _unseen("query_language", seed),
        SOURCE: _unseen("source", seed),
    }
    found = labelled.select(rule.fill_null(True).alias(name) for name, rule in beyond.items())
    lists = [json.dumps([name for name in BEYOND if row[name]]) for row in found.iter_rows(named=True)]
    return pl.Series("outside_seed", lists, dtype=pl.String)


def _whole(column: str) -> pl.Expr:
    return (pl.col(column) + 0.5).floor().cast(pl.Int64)


def _unseen(column: str, seed: pl.DataFrame) -> pl.Expr:
    return ~pl.col(column).is_in(seed[column].unique().implode(), nulls_equal=True)
