"""A few anchor pairs asked before an amplification sends anything else: stop it when the judge is plainly not itself.

The canary only ever stops one amplification and leaves the question to an anchor run; suspending is for decision.py.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.drift.detectors import excess_rate_p
from label_pipeline.core.drift.loss import baseline, jump_z, rises
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.anchor.evidence import AnchorRun
from label_pipeline.stages.anchor.thresholds import DEFAULT, DriftThresholds

MOST_UNGRADED = 0.5
"""Without a baseline: a larger share of replies without a grade than this stops an amplification."""

NEXT = "nothing else was sent; materialise anchor_run, which finds out what changed"


def choose(items: pl.DataFrame, count: int) -> pl.DataFrame:
    """The ``count`` pairs that are always the same of ``items``: by a hash of their key, so spread over queries."""
    hashed = [hashlib.sha256(json.dumps(key).encode()).hexdigest() for key in items.select(PAIR_KEY).iter_rows()]
    return items[sorted(sorted(range(items.height), key=hashed.__getitem__)[:count])]


def objection(
    run: AnchorRun,
    gold: NDArray[np.float64],
    before: Sequence[AnchorRun],
    accepted_model: str,
    scale: Scale,
    thresholds: DriftThresholds = DEFAULT,
) -> str | None:
    """Why the amplification must not go on, as a sentence; None when it may.

    Args:
        run: what the canary's replies say, n pairs.
        gold: (n,) human panel means of them.
        before: the baseline's runs, cut to the same pairs; fewer than two are no baseline yet.
        accepted_model: the model id that was certified.
        scale: the grade scale.
        thresholds: Bonferroni over a year of nights, for losses and for replies without a grade each. Simulated: a
            healthy judge whose replies can all be read is stopped in less than one year of twenty; one that loses
            1 % of them on some five nights per year, because what it wrote and nobody can read is the worst loss.
    """
    others = sorted(run.models - {accepted_model})
    if others:
        return f"canary: model {', '.join(others)} answered, certified was {accepted_model}; {NEXT}"
    if run.missing_share > thresholds.failed_share:
        return (
            f"canary: {run.missing_share:.1%} of the replies never came, so the judge was not measured; nothing else "
            "was sent; run this one again when the provider answers"
        )
    return _ungraded(run, before, thresholds) or _jump(run, gold, before, scale, thresholds.canary_z)


def _ungraded(run: AnchorRun, before: Sequence[AnchorRun], thresholds: DriftThresholds) -> str | None:
    # of the replies that came: what never came was looked at before
    bad = run.malformed + run.refused
    told = f"canary: {bad} of {run.replies} replies could not be read"
    if len(before) < 2:
        return f"{told}, and there is no baseline yet; {NEXT}" if bad > MOST_UNGRADED * run.replies else None
    usual, asked = sum(r.malformed + r.refused for r in before), sum(r.replies for r in before)
    limit = thresholds.alpha / thresholds.canaries_per_year
    if bad and excess_rate_p(bad, run.replies, usual, asked) < limit:
        return f"{told}, in the baseline {usual} of {asked}; {NEXT}"
    return None


def _jump(
    run: AnchorRun, gold: NDArray[np.float64], before: Sequence[AnchorRun], scale: Scale, limit: float
) -> str | None:
    if len(before) < 2:
        return None
    base = baseline(scale.loss(np.stack([r.calibrated for r in before]), gold))
    rise = rises(scale.loss(run.calibrated[None, :], gold), base)
    z = float(jump_z(rise, base)[0])
    if z <= limit:
        return None
    return (
        f"canary: the loss on {len(gold)} pairs rose by {100 * float(rise[0]):.2f} NMSE points, z {z:.1f}, "
        f"limit {limit:.1f}; {NEXT}"
    )
