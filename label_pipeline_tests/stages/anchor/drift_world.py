"""Anchors for drift decisions: one perfectly repeatable judge on 0-3, and simulated noisy ones on 1-5.

Keep out: expectations.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.calibrators import AffineCalibrator
from label_pipeline.core.scale import Scale
from label_pipeline.stages.anchor.evidence import AnchorEvidence, AnchorRun
from label_pipeline_tests.results.drift import SCALE, Years

Array = NDArray[np.float64]

MODEL, FINGERPRINT = "judge-1", "fp_1"
START = datetime(2026, 3, 2, 4, tzinfo=UTC)
N = 150


LOST = ("malformed", "refused")


def first_pairs(count: int, n: int) -> NDArray[np.int64]:
    """One lost reply about each of the first ``count`` of n pairs."""
    return (np.arange(n) < count).astype(np.int64)


def when(number: int) -> datetime:
    """The end of run ``number``, baseline runs first; one per week."""
    return START + timedelta(weeks=number)


def repeatable(n: int = N) -> tuple[Array, Array]:
    """Gold and opinions (n,) on 0-3 of a judge whose errors, of sd .5, never change."""
    rng = np.random.default_rng(11)
    gold = rng.integers(0, 4, n).astype(float)
    return gold, gold + 0.5 * rng.normal(size=n)


def run(number: int, raw: Array, calibrated: Array | None = None, **changes: object) -> AnchorRun:
    """One whole run of readable replies by the certified model; so many lost replies are those of the first pairs."""
    changes = {name: first_pairs(value, len(raw)) if isinstance(value, int) and name in LOST else value
               for name, value in changes.items()}  # fmt: skip
    made = AnchorRun(
        epoch=number, ran_at=when(number), raw=raw, calibrated=raw if calibrated is None else calibrated,
        malformed=np.isnan(raw).astype(np.int64), refused=np.zeros(len(raw), dtype=np.int64), replies=len(raw),
        models=frozenset({MODEL}), fingerprints=frozenset({FINGERPRINT}),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]  # a factory: one field per test


def graded(opinions: Array) -> Array:
    """Opinions as grades 0-3."""
    grades: Array = np.rint(opinions).clip(0, 3)
    return grades


def anchored(watched: Sequence[Array], n: int = N, baseline_runs: int = 10, **changes: object) -> AnchorEvidence:
    """The repeatable judge's baseline and these later raw grades (n,)."""
    gold, opinions = repeatable(n)
    before = [run(number, graded(opinions)) for number in range(baseline_runs)]
    after = [run(baseline_runs + number, raw) for number, raw in enumerate(watched)]
    made = AnchorEvidence(
        collection="main", scale=Scale(0, 3), gold=gold, query_index=np.arange(n) // 10, baseline=tuple(before),
        watch=tuple(after), accepted_model=MODEL,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]  # a factory: one field per test


def same(n: int = N) -> Array:
    """The raw grades of every run of the repeatable judge."""
    return graded(repeatable(n)[1])


def of_year(years: Years, year: int, line: AffineCalibrator, weeks: int) -> AnchorEvidence:
    """One simulated year after ``weeks`` watched runs."""
    before, after = years.baseline[year], years.watched[year][:weeks]
    n = years.gold.shape[-1]
    return AnchorEvidence(
        collection="main", scale=SCALE, gold=years.gold[year], query_index=np.arange(n) // 10,
        baseline=tuple(run(number, raw, line.apply(raw)) for number, raw in enumerate(before)),
        watch=tuple(run(len(before) + number, raw, line.apply(raw)) for number, raw in enumerate(after)),
        accepted_model=MODEL,
    )  # fmt: skip
