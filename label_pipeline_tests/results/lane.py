"""The re-certification lane on recorded grades: GPT-4o is the certified judge, others are served in its place.

Deals of the same 97 queries, as in recorded.py, at three sizes; the stages' own functions, no request. Keep out: the
order of the page (page.py).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.splits import Shares, assign_splits
from label_pipeline.stages import gate
from label_pipeline.stages.gate.recertify import PAIRWISE_ACCURACY_MARGIN, R2_MARGIN
from label_pipeline.stages.seed.quarantine import ALIVE
from label_pipeline.stages.seed.sample import beyond_sample
from label_pipeline_tests.results.recorded import POLICY, SCALE, freeze, grades_of
from label_pipeline_tests.results.sentences import text
from label_pipeline_tests.results.tables import name, table
from label_pipeline_tests.trecdl.project import GPT4O, LLAMA70B

DEALS = 60
FLIPPED = 0.15
HARMLESS = f"{GPT4O}, 15 % of grades moved by one"
IN_ITS_PLACE = (
    HARMLESS, LLAMA70B, "llama3-8b-sun-decomp", "llama3-8b-4prompts", "llama3-8b-baseline3210", "flant5-4prompts",
)  # fmt: skip
"""Who answers instead of the certified GPT-4o."""

EIGHT_B = IN_ITS_PLACE[2:5]

SIZES: Mapping[str, tuple[Shares, int, int | None]] = {
    "44 x 10": (Shares(), 10, 44),
    "63 x 20": (Shares(), 20, None),
    "80 x 20": (Shares(train=0.06, dev=0.115, holdout=0.70, anchor=0.125), 20, None),
}
"""Queries x pairs compared: split shares, pairs per query, and how many of the holdout and anchor queries are kept."""

LANE = {"size": pl.String, "deal": pl.Int64, "judge": pl.String, "open": pl.Boolean, "r2": pl.Float64,
        "accuracy": pl.Float64}  # fmt: skip
"""One decision: whether it opened, and the two differences to GPT-4o."""


def decisions(pairs: pl.DataFrame, size: str, numbers: range, *, look: int = 1) -> pl.DataFrame:
    """LANE rows of every judge in the deals ``numbers``.

    Args:
        pairs: recorded.judged_pairs().
        size: key of ``SIZES``.
        numbers: of the deals.
        look: number of the look in the lane, from 1.
    """
    return pl.DataFrame(
        [row for number in numbers for row in _deal(pairs, size, number, look)], schema=LANE, orient="row"
    )


def findings(pairs: pl.DataFrame, say: Callable[[str], None]) -> pl.DataFrame:
    """LANE rows of ``DEALS`` deals at every size."""
    say(f"re-certification lane: {DEALS} deals at {len(SIZES)} sizes")
    return pl.concat([decisions(pairs, size, range(DEALS)) for size in SIZES])


def section(found: pl.DataFrame) -> list[str]:
    """The page's part about the lane."""
    return [
        "### The re-certification lane",
        text(
            "What happens when the provider replaces the served model: GPT-4o is the certified judge and another "
            "answers in its place, calibrated anew on train and dev. The lane compares the two, pair by pair, on the "
            f"holdout and anchor queries; a first look, margins {R2_MARGIN:g} of R² and "
            f"{PAIRWISE_ACCURACY_MARGIN:g} of pairwise accuracy, {found['deal'].n_unique()} deals of the same queries. "
            "Sizes are queries x pairs compared. A harmless change needs queries to be seen as harmless; an 8B model "
            "in GPT-4o's place must never pass."
        ),
        shares(found),
    ]


def shares(found: pl.DataFrame) -> str:
    """How often the lane opens for each judge at each size, and the mean differences at the largest."""
    rows = []
    largest = list(SIZES)[-1]
    for judge in IN_ITS_PLACE:
        mine = found.filter(pl.col("judge") == judge)
        opened = [f"{share_open(mine, size, judge):.1%}" for size in SIZES]
        lost = mine.filter(pl.col("size") == largest).select(pl.col("r2", "accuracy").mean()).row(0)
        rows.append((name(judge) if judge != HARMLESS else judge, *opened, *(f"{value:+.3f}" for value in lost)))
    return table(
        ("served in its place", *(f"opens at {size}" for size in SIZES), "difference of R²", "of pairwise accuracy"),
        rows,
    )


def share_open(found: pl.DataFrame, size: str, judge: str) -> float:
    """In what share of the deals the lane opens for ``judge``."""
    return float(found.filter(pl.col("size") == size, pl.col("judge") == judge).select(pl.col("open").mean()).item())


def _deal(pairs: pl.DataFrame, size: str, number: int, look: int) -> Iterator[tuple[object, ...]]:
    shares_, per_query, kept = SIZES[size]
    salt, rng = f"resplit-{number:03d}", np.random.default_rng(number)
    splits = assign_splits(pairs["query_id"], {}, shares_, salt)
    seed = beyond_sample(pairs, per_query, salt).filter(ALIVE)
    seed = seed.with_columns(pl.Series(HARMLESS, moved(seed[GPT4O].to_numpy(), rng)))
    split = seed["query_id"].replace_strict(splits)
    learnt, compared = seed.filter(split.is_in(["train", "dev"])), seed.filter(split.is_in(["holdout", "anchor"]))
    if kept is not None:
        some = compared["query_id"].unique().sort().sample(kept, seed=number)
        compared = compared.filter(pl.col("query_id").is_in(some.implode()))
    evidence = {
        judge: gate.collect(compared, grades_of(compared, judge), freeze(learnt, judge), SCALE)["main"]
        for judge in (GPT4O, *IN_ITS_PLACE)
    }
    for judge in IN_ITS_PLACE:
        paired = gate.Paired(evidence[judge], evidence[GPT4O], GPT4O, datetime(2026, 1, 1, tzinfo=UTC), 0, 0)
        verdict = gate.recertify(
            paired, POLICY, look=look, alpha=gate.alpha_of_look(look), looks_allowed=5, rng=rng, resamples=2000
        )
        figures = {criterion.name: criterion.figure for criterion in verdict.criteria}
        differences = (figures[f"difference of {what}"] for what in ("skill R2", "within-query pairwise accuracy"))
        yield (size, number, judge, verdict.open, *differences)


def moved(grades: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """``grades`` with a share ``FLIPPED`` of them moved by one, up or down alike, within the scale."""
    chosen = rng.random(len(grades)) < FLIPPED
    steps = np.where(chosen, rng.choice([-1.0, 1.0], len(grades)), 0.0)
    return np.clip(grades + steps, SCALE.lo, SCALE.hi)
