"""By how many grades the human grade rises when the judge's rises by one: which way round a judge reads the scale.

A calibrator of negative slope repairs an upside-down judge for every figure of error, and the labels a ranker learns
from stay upside down; so the slope has a bound of its own.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from label_pipeline.core.intervals import ClusterTotals, cluster_totals

ALIKE = 1e-13
"""Variance, in squared grades, below which every grade is the same."""


def slope_totals(grades: ArrayLike, gold: ArrayLike, query_index: NDArray[np.int64], n_queries: int) -> ClusterTotals:
    """Slope b of the least-squares line from ``grades`` (n,) to ``gold`` (n,), as the mean of a quantity by pair.

    The quantity is b + (x - mean x) (g - mean g - b (x - mean x)) / Var(x): its mean is b and its clustered standard
    error the sandwich one (CR0 with Q / (Q - 1)), so the slope can be bounded by bootstrap-t like any clustered mean.

    Returns:
        Totals of the pairs where both are numbers; of nan where all grades or all gold grades are alike, for then there
        is nothing to tell up from down.
    """
    x, g = np.asarray(grades, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    read = np.isfinite(x) & np.isfinite(g)
    x, g, index = x[read], g[read], np.asarray(query_index)[read]
    if len(x) == 0 or x.var() <= ALIKE or g.var() <= ALIKE:
        return cluster_totals(np.full(len(x), np.nan), index, n_queries)
    away = x - x.mean()
    slope = float(away @ (g - g.mean())) / float(away @ away)
    residual = g - g.mean() - slope * away
    return cluster_totals(slope + away * residual / x.var(), index, n_queries)
