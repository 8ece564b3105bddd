"""How many holdout queries would show what a look could not: a figure that passes and whose bound misses.

From the data's own spread between queries: the clustered standard error of a figure falls with the square root of the
number of queries like these. Keep out: how many queries a policy asks for at least (criteria.py, renewal.py).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from scipy import stats

from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.stages.gate.criteria import LOOKS, QUERIES, Criterion
from label_pipeline.stages.gate.evidence import Evidence
from label_pipeline.stages.gate.policy import alpha_of_look
from label_pipeline.stages.seed.effort import Prices

POWER: Final = 0.80
"""Share of looks at so many queries that would show it, were the figures at hand the truth."""

ENOUGH: Final = "queries that would open it"

BY_QUERIES: Final = (QUERIES, LOOKS)
"""Criteria without a figure that more queries, or a new holdout of them, meet."""

PRICES: Final = Prices()
"""What a grade takes where nobody says otherwise: 30 s (`plan-humans --seconds`)."""

MOST: Final = 100_000
"""More queries than that are no advice."""


class Margin(NamedTuple):
    """One figure against its threshold.

    Attributes:
        totals: the quantity a one-sided bound is made for, by query.
        threshold: what the bound must pass, in the unit of ``totals``.
        above: the lower bound must be above it; else the upper bound below it.
    """

    totals: ClusterTotals
    threshold: float
    above: bool

    @property
    def distance(self) -> float:
        """How far the figure is on the right side; negative on the wrong one, nan where it is not known."""
        gap = self.totals.mean - self.threshold
        return gap if self.above else -gap


def queries_to_show(margin: Margin, alpha: float, power: float = POWER) -> int | None:
    """Holdout queries whose bound at ``alpha`` passes with ``power``; None where no number of them would.

    None, too, where the spread between queries is not known, or was never seen.

    The smallest Q with (t_{1 - alpha, Q - 1} + z_power) s / sqrt(Q) <= distance, s = se sqrt(Q0) the spread of a
    query's contribution; then as many more as the holdout has queries that take no part in the figure. An approximation
    for bounds that are studentised by other means: bootstrap-t and the bound of rare events need somewhat more.
    """
    taking_part = margin.totals.n_queries
    spread = margin.totals.se * math.sqrt(max(taking_part, 1))
    if not (margin.distance > 0 and math.isfinite(spread) and spread > 0):
        return None
    needed = 2
    for _ in range(20):  # the quantile depends on the number it gives; it settles in a few rounds
        reach = float(stats.t.ppf(1 - alpha, needed - 1)) + float(stats.norm.ppf(power))
        asked = max(2, math.ceil((reach * spread / margin.distance) ** 2))
        if asked == needed:
            break
        needed = min(asked, MOST)
    needed = math.ceil(needed * len(margin.totals.counts) / taking_part)
    return None if needed >= MOST else needed


def narrowed(found: Criterion, margins: Mapping[str, Margin], alpha: float) -> Criterion:
    """Where only the bound misses, a better judge is no advice: more queries are."""
    needed = queries_to_show(margins[found.name], alpha) if found.status == "missed" and found.name in margins else None
    if needed is None:
        return found
    told = found.sentence.partition("; ")[0]
    return found._replace(
        sentence=f"{told}; the figure passes and only its bound misses: about {needed} holdout queries like these "
        f"would show it in {POWER:.0%} of looks at this alpha"
    )


def enough_queries(
    criteria: Sequence[Criterion], margins: Mapping[str, Margin], evidence: Evidence, look: int, looks_allowed: int
) -> Criterion:
    """How many holdout queries would open a gate that did not, printed on the verdict; or that no number would.

    For all figures together: each of k of them gets power 1 - (1 - POWER) / k, also those whose bound passed now, for a
    later look has less alpha.

    Args:
        criteria: everything that was decided.
        margins: by criterion, the figure whose bound may miss although it passes.
        evidence: what was looked at.
        look: number of the look that was taken.
        looks_allowed: the holdout's budget of looks.
    """
    missed = [one.name for one in criteria if one.status in {"missed", "unknown"}]
    wrong = [name for name in missed if name in margins and margins[name].distance <= 0]
    if wrong:
        told = f"no number of queries would open it: {', '.join(wrong)} miss by the figure itself"
        return Criterion(ENOUGH, "reported", None, None, None, told)
    again, anew = (_all_of(missed, margins, alpha_of_look(at)) for at in (look + 1, 1))
    if anew is None or again is None or any(name not in margins and name not in BY_QUERIES for name in missed):
        told = "how many queries would open it is not known from these: see what was missed"
        return Criterion(ENOUGH, "reported", None, None, None, told)
    pairs = round(evidence.n_pairs / max(evidence.n_queries, 1))
    told = f"figures like these would open it in {POWER:.0%} of looks with about "
    left = look + 1 <= looks_allowed
    if left:
        told += f"{_work(again, pairs)} at look {look + 1}, or "
    told += f"{_work(anew, pairs)} at the first look of a new holdout"
    return Criterion(ENOUGH, "reported", float(again) if left else None, float(anew), None, told)


def _work(queries: int, pairs: int) -> str:
    grades, seconds = queries * pairs, PRICES.seconds
    work = f"{grades:,} grades, {PRICES.hours(grades):.0f} hours at {seconds:g} s"
    return f"{queries} holdout queries of {pairs} pairs ({work})"


def _all_of(missed: Sequence[str], margins: Mapping[str, Margin], alpha: float) -> int | None:
    """Queries at which all figures pass together in ``POWER`` of looks; None where a missed one's are not known.

    A figure that passed and whose spread was never seen, such as no gross error at all, asks for nothing.
    """
    power = 1 - (1 - POWER) / max(len(margins), 1)
    needed = {name: queries_to_show(one, alpha, power) for name, one in margins.items()}
    if any(needed.get(name, 0) is None for name in missed):
        return None
    return max((one for one in needed.values() if one is not None), default=None)
