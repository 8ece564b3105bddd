"""Is a paired difference over queries more than chance? Randomisation test, paired bootstrap, Holm's correction.

The input is one difference per query (system A minus system B on the same query). A nan difference is a query where one
side has no figure: it is left out.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from label_pipeline.core.intervals import Estimate, percentile_interval, resample_counts

_BLOCK = 1000  # sign vectors drawn at once: bounds memory, not the result's meaning


def paired_randomisation(differences: ArrayLike, rng: np.random.Generator, n: int = 10_000) -> float:
    """Two-sided sign-flip test of "the mean difference is 0".

    Under the null each query's difference is as likely with the other sign. p = (1 + #{|mean*| >= |mean|}) / (n + 1)
    over ``n`` random sign vectors, so it is valid at any ``n`` and never 0.

    Args:
        differences: (Q,) per-query differences.
        rng: source of chance.
        n: random sign vectors.

    Returns:
        p in (0, 1]; nan without differences.

    Reference: Smucker, Allan and Carterette (CIKM 2007).
    """
    values = _known(differences)
    if len(values) == 0:
        return math.nan
    observed = abs(float(values.sum()))
    floor = observed - 1e-12 * float(np.abs(values).sum())  # equal sums must not differ by their order of addition
    extreme = 0
    for start in range(0, n, _BLOCK):
        signs = rng.choice(np.array([-1.0, 1.0]), size=(min(_BLOCK, n - start), len(values)))
        extreme += int((np.abs(signs @ values) >= floor).sum())
    return (1 + extreme) / (n + 1)


def paired_bootstrap(differences: ArrayLike, rng: np.random.Generator, b: int = 2000, level: float = 0.95) -> Estimate:
    """Mean difference with the percentile interval of ``b`` resamples of the queries; nan without differences."""
    values = _known(differences)
    if len(values) == 0:
        return Estimate(math.nan, math.nan, math.nan)
    replicates = resample_counts(len(values), rng, b) @ values / len(values)
    return percentile_interval(float(values.mean()), replicates, level)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjusted p-values, in the order given: reject where the result is <= alpha.

    p~_(i) = max_{j <= i} min(1, (m - j + 1) p_(j)). A nan p-value stays nan and still counts in m: a test that could
    not be computed was meant to be made.

    Reference: Holm (1979).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")  # nan last
    steps = np.minimum(1.0, (len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted


def _known(differences: ArrayLike) -> NDArray[np.float64]:
    """The differences that are numbers."""
    values = np.asarray(differences, dtype=np.float64)
    return values[~np.isnan(values)]
