"""Which labels speak of the rubric in force: those given under it, and those of an older one the user maps onto it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from label_pipeline.core.errors import SettingsError
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY


@dataclass(frozen=True)
class RubricInForce:
    """The rubric a training set is made for.

    Attributes:
        version: version and hash of the rubric, as labels carry it.
        crosswalk: for each older rubric version the user vouches for, its grades to those of this one (settings
            `rank.crosswalk`).
    """

    version: str
    crosswalk: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def current(self, labels: pl.DataFrame, scale: Scale, notes: list[str]) -> pl.DataFrame:
        """One row a pair: its label under this rubric, else the last one given under a rubric with a crosswalk.

        Args:
            labels: LABELS rows with ``given_at``, at most one a pair and rubric.
            scale: the scale of this rubric.
            notes: gets a sentence for each other rubric: labels mapped, or left out.

        Raises:
            SettingsError: a crosswalk maps off the scale, or lacks a grade that a label has.
        """
        mine = labels.filter(pl.col("rubric_version") == self.version)
        mapped = []
        for (version,), rows in labels.join(mine, on=list(PAIR_KEY), how="anti", nulls_equal=True).group_by(
            ["rubric_version"], maintain_order=True
        ):
            if str(version) in self.crosswalk:
                mapped.append(self.in_its_grades(rows, str(version), scale))
                notes.append(f"amplified: {rows.height} labels of rubric {version} came in by rank.crosswalk.")
            else:
                notes.append(
                    f"amplified: {rows.height} labels of rubric {version} are left out, the rubric is now "
                    f"{self.version}; where its grades still mean something, state rank.crosswalk."
                )
        return pl.concat([mine, last_given(pl.concat(mapped))]) if mapped else mine

    def in_its_grades(self, rows: pl.DataFrame, version: str, scale: Scale) -> pl.DataFrame:
        """``rows`` given under rubric ``version`` in the grades of this one; as they are where it has no crosswalk.

        Args:
            rows: with ``raw_grade`` and ``expected_grade``.
            version: the rubric they were given under.
            scale: the scale of this rubric.

        Raises:
            SettingsError: the crosswalk maps off the scale, or lacks a grade that a row has.
        """
        grades = self.crosswalk.get(version)
        return rows if not grades or version == self.version else _mapped(rows, version, grades, scale)


def last_given(labels: pl.DataFrame) -> pl.DataFrame:
    """Of every pair the label that was given last, whatever the rubric."""
    ordered = labels.sort("given_at", "judge_version", descending=[True, False])
    return ordered.unique(PAIR_KEY, keep="first", maintain_order=True)


def _mapped(rows: pl.DataFrame, version: str, grades: Mapping[int, int], scale: Scale) -> pl.DataFrame:
    """``rows`` in the grades of the rubric in force; a grade between two whole ones lies between their images."""
    named = f"rank.crosswalk of rubric {version}"
    off = sorted({new for new in grades.values() if not scale.contains(new)})
    if off:
        raise SettingsError(f"{named} maps to {off}, expected grades of the scale {scale.lo} to {scale.hi}")
    old = sorted(grades)
    held = [rows[name].cast(pl.Float64) for name in ("raw_grade", "expected_grade")]
    seen = sorted(
        {float(whole) for grade in held for whole in (grade.floor(), grade.ceil()) for whole in whole.unique()}
    )
    missing = [int(grade) for grade in seen if int(grade) not in grades]
    if missing:
        raise SettingsError(f"{named} says nothing of {missing}, which its labels have; expected all of their grades")
    new = [grades[grade] for grade in old]
    return rows.with_columns(pl.Series(grade.name, np.interp(grade.to_numpy(), old, new)) for grade in held)
