"""Coverage: how often each bound lies on the wrong side of the truth, where the truth has a closed form."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from label_pipeline.core import intervals
from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.stages import gate
from label_pipeline.stages.gate import measures
from label_pipeline_tests.stages.gate.world import biased, off_by_two
from label_pipeline_tests.study.cells import Cell, share
from label_pipeline_tests.study.gates import POLICY, little_skill

COVERAGE, RESAMPLES = "Bounds that lie beyond the truth", 1000
Beyond = Callable[[np.random.Generator, float], bool]


def _counts(evidence: gate.Evidence, rng: np.random.Generator) -> np.ndarray:
    return intervals.resample_counts(evidence.n_queries, rng, b=RESAMPLES)


def skill(rng: np.random.Generator, alpha: float) -> bool:
    return measures.skill_low(little_skill(rng), alpha) > POLICY.r2_low


def gross(rng: np.random.Generator, alpha: float) -> bool:
    evidence = off_by_two(rng, 0.10)
    return intervals.rare_event_upper(measures.gross_errors(evidence), _counts(evidence, rng), alpha) < 0.10


def bias(rng: np.random.Generator, alpha: float) -> bool:
    evidence = biased(rng, 0.05)
    return intervals.bootstrap_t_upper(measures.bias(evidence), _counts(evidence, rng), alpha) < 0.05


def order(rng: np.random.Generator, alpha: float) -> bool:
    """Each query is 0, 0, 1, 1 and a judge that turns a query round with probability .2: accuracy .8."""
    turned = rng.random(44) < 0.2
    human = np.tile([0.0, 0.0, 1.0, 1.0], 44)
    said = np.where(np.repeat(turned, 4), 1 - human, human)
    evidence = replace(biased(rng, 0.0, 44, 4), gold=human, trained=said)
    return measures.order_low(evidence, _counts(evidence, rng), alpha) > 0.8


def lost(rng: np.random.Generator, alpha: float) -> bool:
    """Texts without a grade by query: one query in twenty-five loses half of its ten texts."""
    gone = ((rng.random((90, 1)) < 0.04) & (rng.random((90, 10)) < 0.5)).sum(axis=1).astype(float)
    totals = ClusterTotals(gone, np.full(90, 10.0))
    return intervals.rare_event_upper(totals, intervals.resample_counts(90, rng, b=RESAMPLES), alpha) < 0.02


BOUNDS: dict[str, Beyond] = {
    "skill R², 44 x 10": skill, "gross errors by query, 44 x 10": gross, "bias, 44 x 10": bias,
    "pairwise accuracy, whole queries turned, 44 x 4": order, "texts without a grade by query, 90 x 10": lost,
}  # fmt: skip


def coverage(trials: int, seed: int) -> Iterator[Cell]:
    """At the alpha of a first look and at .05."""
    for world, beyond in BOUNDS.items():
        for alpha in (0.05, gate.alpha_of_look(1)):
            found = share(lambda rng: beyond(rng, alpha), trials, seed)  # noqa: B023
            yield Cell(COVERAGE, world, f"bound at {alpha:.4f} is beyond", found, trials, alpha)
