"""A few anchor pairs asked before an amplification sends anything else: stop it when the judge is plainly not itself.

The canary only ever stops one amplification and leaves the question to an anchor run; suspending is for decision.py.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.scale import Scale, nmse
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.anchor.evidence import AnchorRun
from label_pipeline.stages.anchor.ordinary import ordinary_of
from label_pipeline.stages.anchor.thresholds import DEFAULT, DriftThresholds

MOST_UNGRADED = 0.5
"""A larger share of replies without a grade than this stops an amplification, unless the baseline had it too."""

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
        thresholds: give the p-value that stops; a healthy judge is stopped in less than one year of twenty.
    """
    others = sorted(run.models - {accepted_model})
    if others:
        return f"canary: model {', '.join(others)} answered, certified was {accepted_model}; {NEXT}"
    if run.missing_share > thresholds.failed_share:
        return (
            f"canary: {run.missing_share:.1%} of the replies never came, so the judge was not measured; nothing else "
            "was sent; run this one again when the provider answers"
        )
    # of the replies that came: what never came was looked at before
    bad = int((run.malformed + run.refused).sum())
    told = f"canary: {bad} of {run.replies} replies could not be read"
    usual, asked = sum(int((r.malformed + r.refused).sum()) for r in before), sum(r.replies for r in before)
    if bad > MOST_UNGRADED * run.replies and usual <= MOST_UNGRADED * asked:  # however few pairs a canary has
        beside = f"in the baseline {usual} of {asked}" if len(before) > 1 else "and there is no baseline yet"
        return f"{told}, {beside}; {NEXT}"
    if len(before) < 2:
        return None
    said, limit = ordinary_of(run, before, gold, scale), thresholds.canary_p
    if said.lost <= limit:
        return f"{told}, in the baseline {usual} of {asked}; {NEXT}"
    if said.loss <= limit:
        before_loss = np.mean([scale.loss(each.calibrated, gold).mean() for each in before])
        rise = nmse(float(scale.loss(run.calibrated, gold).mean() - before_loss))
        return (
            f"canary: the loss on {len(gold)} pairs rose by {rise:.2f} NMSE points, p {said.loss:.2g}, stops up to "
            f"{limit:.2g}; {NEXT}"
        )
    return None
