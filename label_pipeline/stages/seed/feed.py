"""One day's candidates beside those of other days: a pair is a candidate once, of the day that counts.

Keep out: reading files (candidates.py), storing (operations/amplify.py).
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.seed.candidates import AssembledCandidates

FilesHold = Literal["all", "new"]
"""What candidate files hold: every candidate there is, or, replaced night by night, what is new."""


@dataclass(frozen=True)
class Fed:
    """A day's load, settled against what is stored.

    Attributes:
        found: the load; pairs that stay with an earlier day are ``merged`` in its books.
        leaving: day to the pairs (PAIR_KEY) that move from it to this one.
        stays: the stored rows of this day that the files do not hold and that stay.
    """

    found: AssembledCandidates
    leaving: dict[dt.date, pl.DataFrame]
    stays: pl.DataFrame


def settle(
    day: dt.date, found: AssembledCandidates, stored: pl.DataFrame, days_in_files: Collection[dt.date], hold: FilesHold
) -> Fed:
    """Where each pair of a day's load belongs.

    A pair that is stored with another day stays there where it came earlier and the files say nothing of that day:
    tonight's file repeats it. Else its date was corrected, and it moves. Where files hold what is new, nothing that is
    stored leaves its day for not being in them, and a pair always keeps its earliest day.

    Args:
        day: the day that is loaded.
        found: its load.
        stored: CANDIDATES.
        days_in_files: days of which the files hold rows.
        hold: what the files hold.
    """
    by, mine = list(PAIR_KEY), found.candidates
    elsewhere = stored.filter(pl.col("arrived_on") != day).select(*by, pl.col("arrived_on").alias("held_on"))
    twice = mine.join(elsewhere, on=by, how="inner", nulls_equal=True).select(*by, "held_on")
    covered = pl.col("held_on").is_in(list(days_in_files) if hold == "all" else [])
    repeats = twice.filter((pl.col("held_on") < day) & ~covered)
    moving = twice.join(repeats, on=by, how="anti", nulls_equal=True)
    kept = mine.join(repeats, on=by, how="anti", nulls_equal=True, maintain_order="left")
    books = replace(found.books, kept=kept.height, merged=found.books.merged + mine.height - kept.height)
    here = stored.filter(pl.col("arrived_on") == day).join(mine, on=by, how="anti", nulls_equal=True)
    return Fed(
        found._replace(candidates=kept, books=books),
        {days[0]: rows.select(by) for days, rows in moving.partition_by("held_on", as_dict=True).items()},
        here if hold == "new" else here.clear(),
    )
