"""Human grades know the rubric they were given by: the file says it, or it is the one in force at their first load.

The author's `version` label decides, not the text: a corrected comma voids no grade. What was given by another label
waits for new grades, unless a crosswalk says what its grades mean now.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from label_pipeline.core.catalogue import GRADE_RUBRICS
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.stages.seed.quarantine import ALIVE, NOT_SAMPLED, Rule
from label_pipeline.stages.seed.values import shown

_HASH = r"-[0-9a-f]{12}$"
"""What a full rubric version, as labels and sheets carry it, has after the author's label."""

_KEY = (*QUERY_KEY, "doc_id", "context_id", "annotator_id", "grade")
"""What one grade is remembered by: a file has no other name for it, and a document's text may change under it."""


@dataclass(frozen=True, eq=False)
class GradeRubric:
    """The rubric in force, and what is known of the grades of others.

    Attributes:
        label: the author's `version` of the rubric in force.
        remembered: GRADE_RUBRICS: what was in force when rows that do not say it were first loaded.
        crosswalk: older label: its grades to those of the rubric in force (settings `inputs.rubric_crosswalk`).
    """

    label: str
    remembered: pl.DataFrame = field(default_factory=GRADE_RUBRICS.empty)
    crosswalk: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def applied(self, rows: pl.DataFrame, table: str) -> pl.DataFrame:
        """Working ``rows`` with ``rubric_label``, ``rubric_stated``, ``grade_key``, ``crossed`` and ``void``.

        Grades of a crosswalk are mapped; the key is of the grade as the file gives it.
        """
        said = pl.col("rubric_version").str.strip_chars()
        rows = rows.with_columns(
            pl.when(said == self.label).then(said).otherwise(said.str.replace(_HASH, "")).alias("rubric_stated"),
            _grade_keys(rows, table),
            pl.lit(False).alias("crossed"),
        )
        known = self.remembered.select("grade_key", pl.col("rubric_label").alias("_remembered")).unique("grade_key")
        rows = rows.join(known, on="grade_key", how="left", maintain_order="left")
        rows = rows.with_columns(pl.coalesce("rubric_stated", "_remembered", pl.lit(self.label)).alias("rubric_label"))
        for label, grades in self.crosswalk.items():
            theirs = (pl.col("rubric_label") == label) & (pl.col("rubric_label") != self.label)
            mapped = _mapped(grades)
            crossed = theirs & mapped.is_not_null()
            rows = rows.with_columns(
                pl.when(crossed).then(mapped).otherwise("grade_value").alias("grade_value"),
                (pl.col("crossed") | crossed).alias("crossed"),
            )
        return rows.with_columns(((pl.col("rubric_label") != self.label) & ~pl.col("crossed")).alias("void"))

    def rule(self) -> Rule:
        """Rows of another rubric that nobody vouches for."""
        return Rule(
            "graded by another rubric",
            pl.col("void"),
            pl.format(
                f"graded by rubric {{}}, the rubric is now {self.label}; have it graded again, or state under "
                "inputs.rubric_crosswalk what its grade {} means now",
                shown("rubric_label"),
                shown("grade"),
            ),
        )


def label_of(version: str) -> str:
    """The author's label of a full rubric version; of a label, itself."""
    return re.sub(_HASH, "", version.strip())


def to_remember(rows: pl.DataFrame, table: str, remembered: pl.DataFrame) -> pl.DataFrame:
    """The kept rows whose file does not say the rubric, and which are not remembered yet: GRADE_RUBRICS.

    Without ``first_loaded_at``: whoever stores them knows the time.
    """
    if "rubric_stated" not in rows.columns:
        return GRADE_RUBRICS.empty().drop("first_loaded_at")
    # what a sample leaves out today it may take tomorrow
    loaded = ALIVE | (pl.col("fate") == NOT_SAMPLED)
    new = rows.filter(loaded, pl.col("rubric_stated").is_null()).select(
        "grade_key", pl.lit(table).alias("input"), "rubric_label"
    )
    return new.unique("grade_key", maintain_order=True).join(remembered.select("grade_key"), on="grade_key", how="anti")


def _mapped(grades: Mapping[int, int]) -> pl.Expr:
    """What a grade means by a crosswalk; a panel's mean lies as far between its neighbours' images as between them."""
    value, steps = pl.col("grade_value"), {float(grade): float(new) for grade, new in grades.items()}
    below, above = (
        side.replace_strict(list(steps), list(steps.values()), default=None, return_dtype=pl.Float64)
        for side in (value.floor(), value.ceil())
    )
    return below + (above - below) * (value - value.floor())


def _grade_keys(rows: pl.DataFrame, table: str) -> pl.Series:
    """(n,) what each grade is remembered by."""
    there = [name for name in _KEY if name in rows.columns]
    keys = [hashlib.sha256(json.dumps([table, *row]).encode()).hexdigest() for row in rows.select(there).iter_rows()]
    return pl.Series("grade_key", keys, dtype=pl.String)
