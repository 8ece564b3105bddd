"""What amplification may spend now: its cap, less what the UTC day and month have cost already."""

from datetime import datetime
from typing import NamedTuple

import polars as pl

from label_pipeline.core.codes.drift import CANARY_RUN
from label_pipeline.core.codes.purposes import AMPLIFY, CANARY
from label_pipeline.operations.batches import held_usd
from label_pipeline.operations.project import Project


class Room(NamedTuple):
    """US dollars left, and the setting that leaves no more."""

    usd: float
    key: str


def room(project: Project) -> Room:
    """The least of `amplify.cap_usd` and what is left of `day_cap_usd` and `month_cap_usd`, canaries counted.

    What waits in batches may cost so much at most, and counts against each of them until it is collected.
    """
    caps, now, held = project.settings.amplify, project.clock(), held_usd(project)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rooms = [Room(max(0.0, caps.cap_usd - held), "amplify.cap_usd")]
    for cap_usd, since, key in (
        (caps.day_cap_usd, today, "amplify.day_cap_usd"),
        (caps.month_cap_usd, today.replace(day=1), "amplify.month_cap_usd"),
    ):
        if cap_usd is not None:
            rooms.append(Room(max(0.0, cap_usd - held - spent_since(project, since)), key))
    return min(rooms, key=lambda one: one.usd)


def spent_since(project: Project, since: datetime) -> float:
    """US dollars that amplifications and their canaries have paid, or possibly paid, from ``since`` on."""
    store = project.store("amplify")
    asked = store.read("payments", ["purpose", "paid_at", "cost_usd", "possibly_usd"], {"purpose": [AMPLIFY, CANARY]})
    first: datetime | None = min(store.read("payments", ["paid_at"])["paid_at"], default=None)
    paid = asked.filter(pl.col("paid_at") >= since)
    return float(paid["cost_usd"].sum()) + float(paid["possibly_usd"].sum()) + _booked_before(project, since, first)


def _booked_before(project: Project, since: datetime, until: datetime | None) -> float:
    """US dollars in the books of a version that wrote no payments."""
    labels = project.store("amplify").read("label_runs", ["finished_at", "cost_usd"])
    canaries = project.store("anchor").read("anchor_runs", ["kind", "ran_at", "cost_usd"])
    old = pl.lit(True) if until is None else pl.col("at") < pl.lit(until)
    booked = [
        labels.select(at="finished_at", usd="cost_usd"),
        canaries.filter(pl.col("kind") == CANARY_RUN).select(at="ran_at", usd="cost_usd"),
    ]
    return float(pl.concat(booked).filter(pl.col("at") >= since, old)["usd"].sum())
