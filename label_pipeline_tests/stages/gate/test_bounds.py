"""How often the gate's bound of pairwise accuracy is above the truth, where the truth is known by construction."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core import intervals
from label_pipeline.core.scale import Scale
from label_pipeline.stages import gate
from label_pipeline.stages.gate import measures
from label_pipeline.stages.gate.evidence import Evidence

ALPHA = gate.alpha_of_look(2)
LOOKS = 1000
QUERIES, PAIRS = 44, 10
MISREAD = (0.1, 0.2)


def holdout(rng: np.random.Generator, n_queries: int, misread: float) -> Evidence:
    """A holdout whose judge adds noise to the gold grade and grades a share of the queries at random."""
    shape = (n_queries, PAIRS)
    gold = rng.choice(4, size=shape, p=(0.4, 0.3, 0.2, 0.1)).astype(np.float64)
    lost = (rng.random(n_queries) < misread)[:, None]
    noise = rng.normal(0, 1, shape) * np.where(lost, 0.1, 0.8)
    seen = np.clip(np.where(lost, rng.choice(4, size=shape), gold) + noise, 0, 3)
    index = np.repeat(np.arange(n_queries), PAIRS)
    return Evidence(
        "main", Scale(0, 3), gold.ravel(), seen.ravel(), seen.ravel(), index, n_queries, 0, gold.size, "simulated"
    )


def share_above_truth(misread: float, bound: Callable[[Evidence, NDArray[np.int64], float], float]) -> float:
    """In how many of ``LOOKS`` holdouts the lower bound exceeds the true accuracy: alpha of them, were it exact."""
    truth = measures.order(holdout(np.random.default_rng(0), 20_000, misread)).mean
    rng = np.random.default_rng(1)
    looks = (holdout(rng, QUERIES, misread) for _ in range(LOOKS))
    return float(np.mean([bound(one, intervals.resample_counts(QUERIES, rng, b=1000), ALPHA) > truth for one in looks]))


def percentile(evidence: Evidence, counts: NDArray[np.int64], alpha: float) -> float:
    return intervals.percentile_bounds(intervals.replicate_means(measures.order(evidence), counts), alpha)[0]


def test_the_bound_of_pairwise_accuracy_keeps_its_level_where_some_queries_are_misread() -> None:
    assert np.mean([share_above_truth(misread, measures.order_low) for misread in MISREAD]) <= 2 * ALPHA


def test_percentiles_would_not_keep_it() -> None:
    assert np.mean([share_above_truth(misread, percentile) for misread in MISREAD]) >= 3 * ALPHA
