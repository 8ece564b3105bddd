"""`plan-humans`: what people have to grade for each claim, how long it takes, and whether a judge pays at all."""

from dataclasses import replace
from pathlib import Path

import polars as pl
from rich.console import Console

from label_pipeline.cli.exits import DONE
from label_pipeline.cli.terminal import as_table, say
from label_pipeline.core.errors import SettingsError
from label_pipeline.operations.gate import last_verdicts
from label_pipeline.operations.project import Project
from label_pipeline.settings import load
from label_pipeline.stages.gate.policy import POLICIES
from label_pipeline.stages.seed.effort import Needs, Prices, better_buy, claims

MOST_PRICE, MOST_PAIRS = 1_000_000, 10**12

PANEL = Needs(queries=60, pairs=4, graders=3)
"""The panel policy (statistics.md section 11): 60 holdout queries x 4 pairs x 3 people, 100 x 4 recommended."""


def plan_humans(
    console: Console, policy: str, overlap: float, pool: int, prices: Prices, renewals: int, config: Path | None = None
) -> int:
    """Prints grades and hours of every claim, and the better buy for ``pool`` pairs.

    With a project (``config``) whose last look did not open the gate, what that look said of its own judge comes first.

    Returns:
        0.

    Raises:
        SettingsError: an unknown policy, or a number out of its range.
    """
    names = [*POLICIES, "panel"]
    if policy not in names:
        raise SettingsError(f"--policy {policy!r} is unknown; expected one of {', '.join(names)}")
    above = (prices.seconds, prices.hourly_usd)
    finite = (*above, prices.label_usd_per_1000)
    fine = all(0 <= number <= MOST_PRICE for number in finite) and min(above) > 0
    if not (fine and 0 <= overlap <= 1 and 1 <= pool <= MOST_PAIRS and 0 <= renewals <= MOST_PRICE):
        raise SettingsError(
            f"expected an overlap of 0 to 1, a pool of 1 to {MOST_PAIRS:,}, renewals and label price from 0 to "
            f"{MOST_PRICE:,}, seconds and hourly rate above 0 to there; got {overlap:g}, {pool}, {renewals}, "
            f"{prices.label_usd_per_1000:g}, {prices.seconds:g}, {prices.hourly_usd:g}"
        )
    single = POLICIES.get(policy)
    needs = replace(
        PANEL if single is None else Needs(queries=single.min_queries, pairs=single.min_pairs), overlap=overlap
    )
    for sentence in last_verdicts(Project(load(config))) if config else ():
        say(console, sentence, "bold")
    found = claims(needs)
    rows, total = [], 0
    for claim in found:
        once = claim.claim != "each renewal of the holdout"
        total += claim.grades if once else 0
        rows.append((claim.claim, claim.queries, claim.pairs, claim.grades, total if once else None,
                     f"{prices.hours(claim.grades):.1f}"))  # fmt: skip
    schema = {"claim": pl.String, "queries": pl.Int64, "pairs": pl.Int64, "grades": pl.Int64, "so far": pl.Int64}
    console.print(
        as_table(
            f"\nwhat each claim adds, policy {policy}, {prices.seconds:g} s a grade",
            pl.DataFrame(rows, schema=schema | {"hours": pl.String}, orient="row"),
        )
    )
    for claim in found:
        say(console, f"  {claim.claim}: {claim.how}")
    yearly = found[-1].grades * renewals
    say(
        console,
        f"a year of renewals: {renewals} x {found[-1].grades:,} = {yearly:,} grades, {prices.hours(yearly):,.1f} hours",
    )
    bought = sum(claim.grades for claim in found[:3])
    buy = better_buy(pool, bought, needs.training_pairs, prices)
    heading = {"humans": "people's grades alone", "either": "about the same", "seed": "a seed and a judge"}[buy.better]
    say(console, f"\nthe better buy for {pool:,} pairs: {heading}", "bold")
    for reason in buy.reasons:
        say(console, f"  {reason}")
    return DONE
