"""A frozen judge: its member, its calibrator per collection, and the hash that names both; and a pair's grade."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.calibrators import AffineCalibrator
from label_pipeline.core.codes.outcomes import GRADED, NO_ANSWER
from label_pipeline.core.tables import PAIR_KEY


@dataclass(frozen=True)
class JudgeVersion:
    """What the gate certifies and amplify sends.

    Attributes:
        candidate: name of the candidate it was made from.
        members: JSON list of what each member is (``Member.describe``; one member today).
        calibrators: one calibrator per collection.
        rubric_version: version and hash of the rubric.
        model_served: model id as the provider reported it.
    """

    candidate: str
    members: str
    calibrators: Mapping[str, AffineCalibrator]
    rubric_version: str
    model_served: str

    @property
    def calibrators_json(self) -> str:
        """The calibrators as canonical JSON."""
        return json.dumps({name: fit.to_dict() for name, fit in sorted(self.calibrators.items())}, sort_keys=True)

    @property
    def member_hash(self) -> str:
        """Names its member in table judgements; the first one where it has several."""
        return str(json.loads(self.members)[0]["member_hash"])

    @property
    def judge_version(self) -> str:
        """Content hash of everything that could change a grade; not the name, the price or the fingerprint."""
        hashes = [member["member_hash"] for member in json.loads(self.members)]
        parts = json.dumps([hashes, json.loads(self.calibrators_json), self.model_served])
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    def calibrate(self, collection: str, expected: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated grades; all nan for a collection without a calibrator, because calibrators do not travel."""
        fit = self.calibrators.get(collection)
        return np.full(len(expected), np.nan) if fit is None else fit.apply(expected)


def judge_from_row(row: Mapping[str, object]) -> JudgeVersion:
    """The judge of one JUDGE_VERSIONS row."""
    stored = json.loads(str(row["calibrators"]))
    return JudgeVersion(
        candidate=str(row["candidate"]),
        members=str(row["members"]),
        calibrators={name: AffineCalibrator.from_dict(values) for name, values in stored.items()},
        rubric_version=str(row["rubric_version"]),
        model_served=str(row["model_served"]),
    )


def hosts(judgements: pl.DataFrame) -> str | None:
    """Who answered, of JUDGEMENTS rows: every host once, separated by commas; None where nobody knows."""
    return ", ".join(judgements["served_by"].drop_nulls().unique().sort()) or None


def pair_grades(judgements: pl.DataFrame) -> pl.DataFrame:
    """One row per pair from JUDGEMENTS rows of one judge and purpose.

    Returns:
        Pair key, ``raw_grade`` (mean of the votes that were read), ``expected_grade`` (mean of the probability-weighted
        grades, a vote's own grade where it has none), ``confidence`` (minus the votes' standard deviation, null for
        one), ``ungraded`` (votes without a grade, for whatever reason) and ``replies`` (counts), ``request_keys``
        (list, of the votes read), ``cost_usd``, ``model_reported``, ``reused``, ``outcome`` and ``detail``. The outcome
        is ``graded`` where any vote was read and every vote was answered: a judge of five votes was certified with
        five, and a grade of three is another judge's. Else it is that of the first vote without an answer, else of the
        first vote. Order follows the input.
    """
    graded, missing = pl.col("outcome") == GRADED, pl.col("outcome").is_in(NO_ANSWER)
    soft = pl.coalesce("expected_grade", pl.col("grade").cast(pl.Float64)).filter(graded)
    return judgements.group_by(PAIR_KEY, maintain_order=True).agg(
        pl.col("grade").filter(graded).mean().alias("raw_grade"),
        soft.mean().alias("expected_grade"),
        (-soft.std()).alias("confidence"),
        (~graded).sum().cast(pl.Int64).alias("ungraded"),
        pl.len().cast(pl.Int64).alias("replies"),
        pl.col("request_key").filter(graded).alias("request_keys"),
        pl.col("cost_usd").sum(),
        pl.col("model_reported").drop_nulls().first(),
        pl.col("reused").all(),
        pl.when(missing.any())
        .then(pl.col("outcome").filter(missing).first())
        .when(graded.any())
        .then(pl.lit(GRADED))
        .otherwise(pl.col("outcome").first())
        .alias("outcome"),
        pl.col("detail").drop_nulls().first(),
    )
