"""Holdouts for the gate: one healthy by construction, and simulated ones whose truth is known.

Keep out: expectations.
"""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.calibrators import fit_affine
from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.core.scale import Scale
from label_pipeline.stages import gate

Array = NDArray[np.float64]

GOLD = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 3], dtype=float)
"""Of every query of the healthy holdout. Mean 1.3, variance 2.9 - 1.69 = 1.21; 50 - (9 + 9 + 4 + 4) / 2 = 37 pairs."""

JUDGE = np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 3], dtype=float)
"""One error up and one down: MSE .2, bias 0; 3 ties with gap 1 from the third document, 2 from the ninth."""


def healthy(n_queries: int = 44, judge: Array = JUDGE, human: Array = GOLD, **changes: object) -> gate.Evidence:
    """Queries that are copies of one another: resampling them changes nothing, so every bound is its figure."""
    fields: dict[str, object] = {
        "collection": "main", "scale": Scale(0, 3), "gold": np.tile(human, n_queries),
        "trained": np.tile(judge.clip(0, 3), n_queries), "calibrated": np.tile(judge, n_queries),
        "query_index": np.repeat(np.arange(n_queries), len(human)), "n_queries": n_queries,
        "ungraded": unread(0, n_queries, len(human)), "holdout_hash": "h1",
    }  # fmt: skip
    return gate.Evidence(**(fields | changes))  # type: ignore[arg-type]  # a factory: one field per test


def unread(texts: int, n_queries: int = 44, per_query: int = 10) -> ClusterTotals:
    """So many texts without a grade, dealt round the queries."""
    sums = np.bincount(np.arange(texts) % n_queries, minlength=n_queries).astype(float)
    return ClusterTotals(sums, np.full(n_queries, float(per_query)))


def decide(evidence: gate.Evidence, policy: str = "single-standard", **changes: object) -> gate.Verdict:
    """A first look at ``evidence``."""
    fields: dict[str, object] = {
        "look": 1, "alpha": gate.alpha_of_look(1), "looks_allowed": 5, "rng": np.random.default_rng(0),
        "resamples": 1000,
    }  # fmt: skip
    return gate.decide(evidence, gate.POLICIES[policy], **(fields | changes))  # type: ignore[arg-type]


def criterion(verdict: gate.Verdict, name: str) -> gate.Criterion:
    """The criterion called ``name``."""
    return next(found for found in verdict.criteria if found.name == name)


def simulated(rng: np.random.Generator, noise: float, n_queries: int = 60, per_query: int = 10) -> gate.Evidence:
    """Latent relevance with query effects; a human and a judge who see it with noise; a calibrator of other queries.

    Args:
        rng: draws the world.
        noise: standard deviation of the judge's error beside relevance of variance 1 (the human's is .4).
        n_queries: holdout queries; 42 more teach the calibrator.
        per_query: pairs per query.
    """
    index, human, judge = _graded(rng, noise, n_queries + 42, per_query)
    inside = index < n_queries
    calibrated = fit_affine(judge[~inside], human[~inside], Scale(0, 3)).apply(judge[inside])
    return replace(
        healthy(n_queries), gold=human[inside], trained=judge[inside], calibrated=calibrated, query_index=index[inside],
    )  # fmt: skip


def off_by_two(rng: np.random.Generator, rate: float, n_queries: int = 44, per_query: int = 10) -> gate.Evidence:
    """A judge who is right but for errors of two grades, up and down alike, of true rate ``rate``.

    A query's own rate is Beta(19 rate, 19 (1 - rate)): intra-query correlation 1 / 20. On the 0-3 scale with all
    grades alike R2 is 1 - 4 rate / 1.25, and bias is 0.
    """
    index = np.repeat(np.arange(n_queries), per_query)
    human = rng.integers(0, 4, len(index)).astype(float)
    wrong = rng.random(len(index)) < rng.beta(19 * rate, 19 * (1 - rate), n_queries)[index]
    judge = np.where(wrong, (human + 2) % 4, human)
    return replace(healthy(n_queries), gold=human, trained=judge, calibrated=judge, query_index=index)


def biased(rng: np.random.Generator, share: float, n_queries: int = 44, per_query: int = 10) -> gate.Evidence:
    """A judge whose error has mean ``share`` of R, query effects of sd .2 and noise of sd .4 grades."""
    index = np.repeat(np.arange(n_queries), per_query)
    human = rng.integers(0, 4, len(index)).astype(float)
    error = 3 * share + rng.normal(0, 0.2, n_queries)[index] + rng.normal(0, 0.4, len(index))
    return replace(healthy(n_queries), gold=human, trained=human, calibrated=human + error, query_index=index)


def _graded(
    rng: np.random.Generator, noise: float, n_queries: int, per_query: int
) -> tuple[NDArray[np.int64], Array, Array]:
    index = np.repeat(np.arange(n_queries), per_query)
    relevance = np.sqrt(0.2) * rng.normal(size=n_queries)[index] + np.sqrt(0.8) * rng.normal(size=len(index))
    seen = (relevance + sd * rng.normal(size=len(index)) for sd in (0.4, noise))
    human, judge = (np.digitize(value, [-0.6, 0.3, 1.1]).astype(float) for value in seen)
    return index, human, judge


CERTIFIED = datetime(2026, 3, 1, tzinfo=UTC)


def paired(judge: Array = JUDGE, reference: Array = JUDGE, n_queries: int = 44, **changes: object) -> gate.Paired:
    """Two judges on the healthy holdout; ``changes`` are fields of the changed judge's evidence."""
    theirs = healthy(n_queries, judge=reference, human=np.asarray(changes.get("human", GOLD), dtype=float))
    ours = healthy(n_queries, judge=judge, **changes)  # type: ignore[arg-type]  # a factory: one field per test
    return gate.Paired(ours, theirs, "old", CERTIFIED, n_anchor=4, n_unpaired=0)


def recertify(pair: gate.Paired, policy: str = "single-standard", **changes: object) -> gate.Verdict:
    """A first look in the lane."""
    fields: dict[str, object] = {
        "look": 1, "alpha": gate.alpha_of_look(1), "looks_allowed": 5, "rng": np.random.default_rng(0),
        "resamples": 1000,
    }  # fmt: skip
    return gate.recertify(pair, gate.POLICIES[policy], **(fields | changes))  # type: ignore[arg-type]


def worse_by_the_margin(rng: np.random.Generator, broken: float | None, n_queries: int, per_query: int) -> gate.Paired:
    """A certified judge of R2 .6, and one in its place whose true R2 is .5: exactly the margin worse.

    Grades are uniform on 0-3, variance 1.25; the certified judge's error has variance .5, a fifth of it shared by a
    query. The other's further error has variance .125: spread over all pairs, or, with ``broken``, all of it in that
    share of the queries, which it misreads.
    """
    index = np.repeat(np.arange(n_queries), per_query)
    human = rng.integers(0, 4, len(index)).astype(float)
    certified = human + np.sqrt(0.1) * rng.normal(size=n_queries)[index] + np.sqrt(0.4) * rng.normal(size=len(index))
    share = 1.0 if broken is None else broken
    hit = (rng.random(n_queries) < share)[index]
    changed = certified + np.where(hit, np.sqrt(0.125 / share) * rng.normal(size=len(index)), 0.0)
    one = replace(healthy(n_queries), gold=human, trained=human, calibrated=certified, query_index=index)
    return gate.Paired(replace(one, calibrated=changed), one, "old", CERTIFIED, n_anchor=0, n_unpaired=0)
