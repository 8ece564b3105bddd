"""How many holdout queries would show what a look could not: a figure that passes and whose bound misses.

From the data's own spread between queries: the clustered standard error of a figure falls with the square root of the
number of queries like these. Keep out: how many queries a policy asks for at least (criteria.py, renewal.py).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from scipy import stats

from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.stages.gate.criteria import Criterion
from label_pipeline.stages.gate.evidence import Evidence
from label_pipeline.stages.gate.policy import alpha_of_look

POWER: Final = 0.80
"""Share of looks at so many queries that would show it, were the figures at hand the truth."""

ENOUGH: Final = "queries that would open it"

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


def queries_to_show(margin: Margin, alpha: float) -> int | None:
    """Holdout queries whose bound at ``alpha`` passes with ``POWER``; None where no number of them would.

    None, too, where the spread between queries is not known, or was never seen.

    The smallest Q with (t_{1 - alpha, Q - 1} + z_{POWER}) s / sqrt(Q) <= distance, s = se sqrt(Q0) the spread of a
    query's contribution. An approximation for bounds that are studentised by other means too: of bootstrap-t and of the
    bound of rare events, which need somewhat more.
    """
    spread = margin.totals.se * math.sqrt(max(margin.totals.n_queries, 1))
    if not (margin.distance > 0 and math.isfinite(spread) and spread > 0):
        return None
    needed = 2
    for _ in range(20):  # the quantile depends on the number it gives; it settles in a few rounds
        reach = float(stats.t.ppf(1 - alpha, needed - 1)) + float(stats.norm.ppf(POWER))
        asked = max(2, math.ceil((reach * spread / margin.distance) ** 2))
        if asked == needed:
            break
        needed = min(asked, MOST)
    return None if needed >= MOST else needed


def _most(margins: Sequence[Margin], alpha: float) -> int | None:
    """Queries that all of them need together; None without any, or where one is not known."""
    needed = [queries_to_show(one, alpha) for one in margins]
    known = [one for one in needed if one is not None]
    return max(known) if known and len(known) == len(needed) else None


def enough_queries(
    missed: Sequence[Criterion], margins: Mapping[str, Margin], evidence: Evidence, look: int
) -> Criterion:
    """How many holdout queries would open a gate that did not, printed on the verdict; or that no number would.

    Args:
        missed: the criteria that were missed or are unknown.
        margins: by criterion, the figure whose bound may have missed although it passes.
        evidence: what was looked at.
        look: number of the look that was taken.
    """
    names = [one.name for one in missed]
    wrong = [name for name in names if name in margins and not margins[name].distance > 0]
    if wrong:
        told = f"no number of queries would open it: {', '.join(wrong)} miss by the figure itself"
        return Criterion(ENOUGH, "reported", None, None, None, told)
    narrow = [margins[name] for name in names if name in margins]
    again, anew = (_most(narrow, alpha_of_look(at)) for at in (look + 1, 1))
    if again is None or anew is None:
        told = "how many queries would open it is not known from these: see what was missed"
        return Criterion(ENOUGH, "reported", None, None, None, told)
    pairs = round(evidence.n_pairs / max(evidence.n_queries, 1))
    told = (
        f"these figures would open it in {POWER:.0%} of looks with about {again} holdout queries of {pairs} pairs at "
        f"look {look + 1} ({again * pairs:,} grades), or {anew} at the first look of a new holdout ({anew * pairs:,})"
    )
    return Criterion(ENOUGH, "reported", float(again), float(anew), None, told)
