"""Do the annotators agree enough to teach anything? Figures per collection, and the verdict on them.

Keep out: the coefficients (core/agreement.py) and what a disagreeing team should do beyond the one sentence.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.agreement import (
    alpha_interval,
    applicable,
    gwet_ac2,
    human_mse,
    quadratic_kappa,
)
from label_pipeline.core.catalogue import AGREEMENT
from label_pipeline.core.codes.inputs import (
    KNOWN_AGREEMENT,
    NO_VARIATION,
    NOT_APPLICABLE,
    NOT_KNOWN,
    TENTATIVE,
    UNUSABLE,
    AgreementStatus,
)
from label_pipeline.core.codes.inputs import USABLE as USABLE_STATUS
from label_pipeline.core.intervals import Estimate
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY

HEADLINE = "krippendorff_alpha_ordinal"
USABLE = 0.80
FLOOR = 0.667
"""Krippendorff's conventional limits: reliable from .80, not to be used below .667."""

LEAST_PAIRS, LEAST_QUERIES = 30, 10
"""Pairs graded twice, and queries they are of, from which on an alpha is known: one pair alike gives 1.0."""

_BIAS_SHARE_OF_SPAN = 0.10  # |bias| above it: look at the annotator (0.4 on a 1-5 scale)
_KAPPA_BELOW_MEDIAN = 0.15


@dataclass(frozen=True)
class AgreementVerdict:
    """Whether the human labels may teach a judge.

    Attributes:
        failures: what is wrong, one sentence per collection; empty = passed.
        notes: the sentences of the collections that pass, "not applicable" included.
    """

    failures: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Derived from the failures: nothing unknown passes."""
        return not self.failures


@dataclass(frozen=True)
class _Panel:
    """One collection's grades: (annotators, pairs), nan = did not grade."""

    ratings: NDArray[np.float64]
    annotators: tuple[str, ...]
    query_index: NDArray[np.int64]
    n_queries: int


def annotator_agreement(
    human_labels: pl.DataFrame, scale: Scale, rng: np.random.Generator, resamples: int = 2000
) -> pl.DataFrame:
    """Every agreement figure of every collection.

    Args:
        human_labels: HUMAN_LABELS.
        scale: the project's scale.
        rng: source of chance of the intervals.
        resamples: bootstrap resamples of queries.

    Returns:
        AGREEMENT rows, the headline (Krippendorff's alpha, ordinal) first in each collection. Every row carries the
        status the headline gives its collection: ``usable`` (alpha >= .80), ``tentative`` (.667 to .80), ``unusable``;
        ``not known`` below ``LEAST_PAIRS`` pairs graded twice of ``LEAST_QUERIES`` queries, ``no variation`` where all
        their grades are one, ``not applicable`` where no pair has two grades. Also: alpha (interval), AC2, human-human
        MSE (squared grades), the share of pairs with two grades or more, and per annotator the bias against the others
        (grades) and the mean quadratic kappa with them, weighted by common pairs.
    """
    people = human_labels
    if "grade_mean" in human_labels.columns:  # a mean hides who differed
        people = human_labels.with_columns(pl.when(pl.col("grade_mean").is_null()).then("grade").alias("grade"))
    frames = [
        _collection_rows(str(name), labels, scale, rng, resamples)
        for (name,), labels in people.sort(*PAIR_KEY, "annotator_id").group_by("collection", maintain_order=True)
    ]
    return AGREEMENT.conform(pl.concat(frames)) if frames else AGREEMENT.empty()


def agreement_verdict(agreement: pl.DataFrame, floor: float = FLOOR) -> AgreementVerdict:
    """Every known alpha (the estimate) must reach ``floor``; one that is not known or cannot apply passes, and is said.

    A figure that should be there and is not fails.
    """
    failures: list[str] = []
    notes: list[str] = []
    for (collection,), rows in agreement.group_by("collection", maintain_order=True):
        headline = rows.filter(pl.col("metric") == HEADLINE).to_dicts()
        if not headline:
            failures.append(f"{collection}: no {HEADLINE} was computed; materialise annotator_agreement again")
            continue
        alpha, status, reason = (headline[0][name] for name in ("estimate", "status", "reason"))
        if status not in KNOWN_AGREEMENT:
            notes.append(f"{collection}: {reason}")
        elif alpha is None or not alpha >= floor:
            found = "unknown" if alpha is None or math.isnan(alpha) else f"{alpha:.3f}"
            failures.append(
                f"{collection}: annotators agree at alpha {found}, the floor is {floor:g}; sharpen the rubric where "
                "they differ, grade again, and do not calibrate on these labels"
            )
        else:
            notes.append(f"{collection}: {reason}")
    if not failures and not notes:
        failures.append("there are no agreement figures; load human labels and materialise annotator_agreement")
    return AgreementVerdict(tuple(failures), tuple(notes))


def _collection_rows(
    collection: str, labels: pl.DataFrame, scale: Scale, rng: np.random.Generator, resamples: int
) -> pl.DataFrame:
    panel = _panel(labels)
    ratings = panel.ratings
    graded_twice = float((np.isfinite(ratings).sum(axis=0) >= 2).mean())
    figures: list[tuple[str, Estimate, str]] = []
    if applicable(ratings):
        alpha, interval_alpha = (
            alpha_interval(ratings, panel.query_index, panel.n_queries, level, rng, resamples)
            for level in ("ordinal", "interval")
        )
        status, why_not = _status(alpha.value, panel)
        figures += [
            (HEADLINE, alpha, why_not or _headline_reason(alpha, status)),
            ("krippendorff_alpha_interval", interval_alpha, "reliability on the scale of squared errors"),
            ("gwet_ac2", _point(gwet_ac2(ratings, scale.grades)), "stable where one grade dominates"),
            ("human_human_mse", _point(human_mse(ratings)), "how far two people differ, in squared grades"),
        ]
    else:
        status = NOT_APPLICABLE
        why = (
            f"no pair has grades of two annotators ({len(panel.annotators)} in the files), so agreement cannot be "
            "measured and is not held against the labels; have a second person grade some pairs to know it"
        )
        if means := int(labels["grade"].null_count()):
            why += f" ({means} rows are means of several people, which hide how far these differ)"
        figures.append((HEADLINE, _point(math.nan), why))
    figures.append(("share_of_pairs_with_two_grades", _point(graded_twice), "pairs the figures above rest on"))
    if applicable(ratings):
        figures += _annotator_figures(panel, scale)
    return pl.DataFrame(
        {
            "collection": [collection] * len(figures),
            "metric": [metric for metric, _, _ in figures],
            "estimate": [estimate.value for _, estimate, _ in figures],
            "low": [estimate.low for _, estimate, _ in figures],
            "high": [estimate.high for _, estimate, _ in figures],
            "n_queries": [panel.n_queries] * len(figures),
            "n_pairs": [ratings.shape[1]] * len(figures),
            "n_annotators": [len(panel.annotators)] * len(figures),
            "status": [status] * len(figures),
            "reason": [reason for _, _, reason in figures],
        }
    ).with_columns(pl.col("estimate", "low", "high").cast(pl.Float64).fill_nan(None))


def _panel(labels: pl.DataFrame) -> _Panel:
    """The grades as an array; a unit is a pair (text version and context included), a cluster a query."""
    annotators = tuple(labels["annotator_id"].unique().sort())
    coded = labels.select(
        pl.col("annotator_id").rank("dense").sub(1).cast(pl.Int64).alias("rater"),
        pl.struct(PAIR_KEY).rank("dense").sub(1).cast(pl.Int64).alias("unit"),
        pl.struct("task", "query_id").rank("dense").sub(1).cast(pl.Int64).alias("query"),
        "grade",
    )
    raters, units, queries, grades = (coded[name].to_numpy() for name in ("rater", "unit", "query", "grade"))
    ratings = np.full((len(annotators), int(units.max()) + 1), np.nan)
    ratings[raters, units] = grades
    query_index = np.zeros(ratings.shape[1], dtype=np.int64)
    query_index[units] = queries
    return _Panel(ratings, annotators, query_index, int(queries.max()) + 1)


def _annotator_figures(panel: _Panel, scale: Scale) -> list[tuple[str, Estimate, str]]:
    biases = {name: _bias(panel.ratings, row) for row, name in enumerate(panel.annotators)}
    kappas = {name: _mean_kappa(panel.ratings, row, scale) for row, name in enumerate(panel.annotators)}
    known = [kappa for kappa in kappas.values() if math.isfinite(kappa)]
    median = float(np.median(known)) if known else math.nan
    figures: list[tuple[str, Estimate, str]] = []
    limit = _BIAS_SHARE_OF_SPAN * scale.span
    for name, bias in biases.items():
        odd = abs(bias) > limit
        advice = f"beyond {limit:g}: go through the rubric with this person" if odd else f"within {limit:g}"
        figures.append(
            (f"annotator_bias:{name}", _point(bias), f"mean grade above the others' on common pairs, {advice}")
        )
    for name, kappa in kappas.items():
        odd = kappa < median - _KAPPA_BELOW_MEDIAN
        advice = "far below the other annotators: look at these grades" if odd else "in line with the other annotators"
        figures.append((f"annotator_kappa:{name}", _point(kappa), f"mean quadratic kappa with the others, {advice}"))
    return figures


def _bias(ratings: NDArray[np.float64], row: int) -> float:
    """Mean of own grade minus the mean of the others', over pairs both sides graded; nan without any."""
    others = np.delete(ratings, row, axis=0)
    common = np.isfinite(ratings[row]) & np.isfinite(others).any(axis=0)
    if not common.any():
        return math.nan
    return float((ratings[row, common] - np.nanmean(others[:, common], axis=0)).mean())


def _mean_kappa(ratings: NDArray[np.float64], row: int, scale: Scale) -> float:
    """Mean QWK with each other annotator, weighted by the pairs both graded; nan without any."""
    others = [other for other in range(len(ratings)) if other != row]
    common = np.array([(np.isfinite(ratings[row]) & np.isfinite(ratings[other])).sum() for other in others])
    if not common.sum():
        return math.nan
    kappas = [quadratic_kappa(ratings[row], ratings[other], scale.grades) if n else 0.0
              for other, n in zip(others, common, strict=True)]  # fmt: skip
    return float(np.average(kappas, weights=common))


def _point(value: float) -> Estimate:
    return Estimate(value, math.nan, math.nan)


def _status(alpha: float, panel: _Panel) -> tuple[AgreementStatus, str]:
    """What an alpha says of the labels; and why it says nothing, a sentence, empty where it says something."""
    twice = np.isfinite(panel.ratings).sum(axis=0) >= 2
    pairs, queries = int(twice.sum()), len(np.unique(panel.query_index[twice]))
    grades = np.unique(panel.ratings[:, twice][np.isfinite(panel.ratings[:, twice])])
    if pairs < LEAST_PAIRS or queries < LEAST_QUERIES:
        return NOT_KNOWN, (
            f"alpha {alpha:.3f} rests on {pairs} pairs graded twice, of {queries} queries, and is not known below "
            f"{LEAST_PAIRS} of {LEAST_QUERIES}: have a second person grade more"
        )
    if len(grades) == 1:
        return NO_VARIATION, (
            f"all {pairs} pairs graded twice have grade {grades[0]:g}: nothing varies, so agreement says nothing; have "
            "pairs of other grades graded twice"
        )
    if alpha >= USABLE:
        return USABLE_STATUS, ""
    return (TENTATIVE if alpha >= FLOOR else UNUSABLE), ""


def _headline_reason(alpha: Estimate, status: str) -> str:
    found = f"alpha {alpha.value:.3f} [{alpha.low:.3f}, {alpha.high:.3f}]"
    return {
        USABLE_STATUS: f"{found}: annotators agree, at or above {USABLE:.2f}",
        TENTATIVE: f"{found}: between {FLOOR:g} and {USABLE:.2f}; go on with care, sharpen the rubric meanwhile",
        UNUSABLE: f"{found}: below {FLOOR:g}; the rubric does not mean the same to all, revise it before calibrating",
    }[status]
