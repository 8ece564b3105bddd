"""Agreement between raters: chance-corrected coefficients and the human-human error, as pure functions of arrays.

Ratings come as a (raters, units) array of numbers with nan for "did not rate". Keep out: which coefficient is good
enough (the seed stage says) and any frame. With no data every figure is nan; where the expected disagreement is zero
because a single grade was ever used, a chance-corrected coefficient is 1.0 by convention: nobody disagreed.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from label_pipeline.core.intervals import Estimate, percentile_interval, resample_counts

Level = Literal["nominal", "ordinal", "interval", "ratio"]
"""Level of measurement: which differences between grades count, and how much."""


def applicable(ratings: ArrayLike) -> bool:
    """Whether any unit has two ratings or more; without one, agreement is not applicable rather than bad."""
    matrix = _matrix(ratings)
    return bool((np.isfinite(matrix).sum(axis=0) >= 2).any())


def krippendorff_alpha(ratings: ArrayLike, level: Level = "ordinal") -> float:
    """Krippendorff's alpha, alpha = 1 - D_o / D_e.

    The share by which raters disagree less than chance would make them: 1 is perfect agreement, 0 is what grades
    dealt at random to the units would give, below 0 is systematic disagreement. Any number of raters, missing
    ratings allowed. With two raters, no missing data and the nominal level it is Scott's pi with a correction for
    small samples; with more raters, Fleiss' kappa so corrected.

    Coincidences o_ck = sum_u n_uc (n_uk - [c = k]) / (m_u - 1) over units with m_u >= 2 ratings, n_c = sum_k o_ck,
    n = sum_c n_c; D_o = sum o_ck d_ck / n; D_e = sum n_c n_k d_ck / (n (n - 1)). The squared difference d_ck is
    [c != k] (nominal), (sum_{g=c..k} n_g - (n_c + n_k) / 2)^2 (ordinal), (c - k)^2 (interval) or
    ((c - k) / (c + k))^2 (ratio).

    Args:
        ratings: (raters, units) numbers, nan = missing. A unit with one rating says nothing about agreement and is
            left out, also from the expected disagreement.
        level: level of measurement; grades of relevance are ordinal.

    Returns:
        alpha; nan when no unit has two ratings; 1.0 when only one grade occurs (zero expected disagreement).

    Reference: Krippendorff, Computing Krippendorff's alpha-reliability (2011). ``irrCAC``'s "ordinal" weights are
    Gwet's and give another number.
    """
    matrix = _matrix(ratings)
    values = np.unique(matrix[np.isfinite(matrix)])
    return float(_alpha(_coincidences(matrix, values).sum(axis=0), values, level))


def alpha_interval(
    ratings: ArrayLike,
    query_index: ArrayLike,
    n_queries: int,
    level: Level,
    rng: np.random.Generator,
    b: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Krippendorff's alpha with a percentile interval from resampling queries with all their units.

    Args:
        ratings: (raters, units) numbers, nan = missing.
        query_index: (units,) integers 0 .. n_queries-1.
        n_queries: number of queries.
        level: level of measurement.
        rng: source of chance.
        b: resamples.
        confidence: two-sided confidence of the interval.

    Returns:
        alpha and its interval, all nan when no unit has two ratings. Ordinal distances are recomputed from each
        resample's own marginals.
    """
    matrix = _matrix(ratings)
    values = np.unique(matrix[np.isfinite(matrix)])
    by_query = np.zeros((n_queries, len(values), len(values)))
    np.add.at(by_query, np.asarray(query_index, dtype=np.int64), _coincidences(matrix, values))
    drawn = resample_counts(n_queries, rng, b).astype(np.float64) @ by_query.reshape(n_queries, -1)
    replicates = _alpha(drawn.reshape(b, len(values), len(values)), values, level)
    return percentile_interval(float(_alpha(by_query.sum(axis=0), values, level)), replicates, confidence)


def cohen_kappa(a: ArrayLike, b: ArrayLike) -> float:
    """Cohen's kappa of two raters, (p_o - p_e) / (1 - p_e), unweighted.

    Units where either rating is nan are left out; every value that occurs is a category of its own, on the scale or
    not. nan without units; 1.0 when both raters gave one and the same grade throughout.
    """
    first, second = _both(a, b)
    if len(first) == 0:
        return math.nan
    values = np.unique(np.concatenate([first, second]))
    p_first = (first[:, None] == values).mean(axis=0)
    p_second = (second[:, None] == values).mean(axis=0)
    expected = float(p_first @ p_second)
    observed = float((first == second).mean())
    return 1.0 if len(values) == 1 else (observed - expected) / (1 - expected)


def quadratic_kappa(a: ArrayLike, b: ArrayLike, grades: Sequence[int]) -> float:
    """Quadratically weighted kappa (QWK), 1 - mean (a - b)^2 / mean over all rating pairs (a_i - b_j)^2.

    Equal to 1 - sum w O / sum w E with w_ij = (i - j)^2 / (K - 1)^2 and E the outer product of the marginals.

    Args:
        a: (n,) grades of one rater, nan = missing (the unit is left out).
        b: (n,) grades of the other.
        grades: the scale's grades; round a calibrated score before it is compared here.

    Returns:
        kappa; nan without units; 1.0 when both raters gave one and the same grade throughout.

    Raises:
        ValueError: for a rating that is not one of ``grades``.
    """
    first, second = _both(a, b)
    _refuse_foreign(np.concatenate([first, second]), grades)
    if len(first) == 0:
        return math.nan
    expected = float(first.var() + second.var() + (first.mean() - second.mean()) ** 2)
    return 1.0 if expected == 0 else 1 - float(((first - second) ** 2).mean()) / expected


def gwet_ac2(ratings: ArrayLike, grades: Sequence[int]) -> float:
    """Gwet's AC2 with quadratic weights, (p_a - p_e) / (1 - p_e): stable where one grade dominates (kappa paradox).

    p_a is the weighted agreement of rater pairs, averaged over units with two ratings or more;
    p_e = sum_kl w_kl / (K (K - 1)) sum_k pi_k (1 - pi_k), with pi_k the mean share of grade k over all rated units and
    w_kl = 1 - (k - l)^2 / (K - 1)^2.

    Args:
        ratings: (raters, units) grades, nan = missing.
        grades: the K grades of the scale, ascending and evenly spaced, also those nobody used.

    Returns:
        AC2; nan when no unit has two ratings.

    Raises:
        ValueError: for a rating that is not one of ``grades``.
    """
    matrix = _matrix(ratings)
    _refuse_foreign(matrix[np.isfinite(matrix)], grades)
    if not applicable(matrix):
        return math.nan
    scale = np.asarray(grades, dtype=np.float64)
    k = len(scale)
    weights = 1 - ((scale[:, None] - scale) / (scale[-1] - scale[0])) ** 2
    table = _grade_counts(matrix, scale)
    m = table.sum(axis=1)
    paired, rated = m >= 2, m >= 1
    weighted = table[paired] * (table[paired] @ weights - 1)
    observed = float((weighted.sum(axis=1) / (m[paired] * (m[paired] - 1))).mean())
    shares = (table[rated] / m[rated, None]).mean(axis=0)
    expected = float(weights.sum() / (k * (k - 1)) * (shares * (1 - shares)).sum())
    return (observed - expected) / (1 - expected)


def human_mse(ratings: ArrayLike) -> float:
    """Human-human MSE: mean over units of the mean of (h_a - h_b)^2 over its rater pairs, in squared grades.

    The mean over pairs is twice the sample variance. Units with one rating are left out; nan when none has two.
    """
    matrix = _matrix(ratings)
    rated = np.isfinite(matrix)
    paired = matrix[:, rated.sum(axis=0) >= 2]
    return float((2 * np.nanvar(paired, axis=0, ddof=1)).mean()) if paired.size else math.nan


def _matrix(ratings: ArrayLike) -> NDArray[np.float64]:
    """The ratings as a two-dimensional float array."""
    matrix = np.asarray(ratings, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"ratings must be a (raters, units) array, got shape {matrix.shape}")
    return matrix


def _both(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The units both raters rated."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"two raters need the same units, got shapes {first.shape} and {second.shape}")
    both = np.isfinite(first) & np.isfinite(second)
    return first[both], second[both]


def _refuse_foreign(values: NDArray[np.float64], grades: Sequence[int]) -> None:
    """Raises ValueError naming the values that are no grade."""
    foreign = sorted(set(values.tolist()) - {float(grade) for grade in grades})
    if foreign:
        raise ValueError(f"found ratings {foreign[:5]} outside the grades {list(grades)}; round or map them first")


def _grade_counts(matrix: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """n_uc: how many raters gave unit u the value c, shape (units, values)."""
    return np.stack([(matrix == value).sum(axis=0) for value in values], axis=1).astype(np.float64)


def _coincidences(matrix: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each unit's contribution n_uc (n_uk - [c = k]) / (m_u - 1) to the coincidence matrix, (units, values, values)."""
    if len(values) == 0:
        return np.zeros((matrix.shape[1], 0, 0))
    table = _grade_counts(matrix, values)
    m = table.sum(axis=1)
    ordered = table[:, :, None] * (table[:, None, :] - np.eye(len(values)))
    return ordered * np.where(m >= 2, 1 / np.maximum(m - 1, 1), 0.0)[:, None, None]


def _distances(marginals: NDArray[np.float64], values: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    """Squared differences d_ck, (values, values), or one such matrix a resample for the ordinal level."""
    gaps = values[:, None] - values
    if level == "nominal":
        gaps = (gaps != 0).astype(np.float64)
    elif level == "ordinal":
        # sum_{g=c..k} n_g - (n_c + n_k) / 2 is the difference of mid-ranks
        midranks = np.cumsum(marginals, axis=-1) - marginals / 2
        gaps = midranks[..., :, None] - midranks[..., None, :]
    elif level == "ratio":
        sums = np.where(gaps != 0, values[:, None] + values, 1.0)
        gaps = gaps / sums
    elif level != "interval":
        raise ValueError(f"unknown level {level!r}; choose nominal, ordinal, interval or ratio")
    return np.square(gaps)


def _alpha(coincidences: NDArray[np.float64], values: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    """The alpha = 1 - D_o / D_e of coincidence matrices (..., values, values)."""
    marginals = coincidences.sum(axis=-1)
    n = marginals.sum(axis=-1)
    distances = _distances(marginals, values, level)
    observed = (coincidences * distances).sum(axis=(-2, -1))
    expected = (marginals[..., :, None] * marginals[..., None, :] * distances).sum(axis=(-2, -1))
    ratio = np.divide((n - 1) * observed, expected, out=np.zeros_like(expected), where=expected > 0)
    return np.where(n > 0, 1 - ratio, np.nan)
