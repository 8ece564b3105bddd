"""What amplification may spend now: its cap, less what the UTC day and month have cost already."""

from datetime import datetime
from typing import NamedTuple

import polars as pl

from label_pipeline.core.codes.drift import CANARY_RUN
from label_pipeline.operations.project import Project


class Room(NamedTuple):
    """US dollars left, and the setting that leaves no more."""

    usd: float
    key: str


def room(project: Project) -> Room:
    """The least of `amplify.cap_usd` and what is left of `day_cap_usd` and `month_cap_usd`, canaries counted."""
    caps, now = project.settings.amplify, project.clock()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rooms = [Room(caps.cap_usd, "amplify.cap_usd")]
    for cap_usd, since, key in (
        (caps.day_cap_usd, today, "amplify.day_cap_usd"),
        (caps.month_cap_usd, today.replace(day=1), "amplify.month_cap_usd"),
    ):
        if cap_usd is not None:
            rooms.append(Room(max(0.0, cap_usd - spent_since(project, since)), key))
    return min(rooms, key=lambda one: one.usd)


def spent_since(project: Project, since: datetime) -> float:
    """US dollars booked by amplifications and their canaries from ``since`` on."""
    labels = project.store("amplify").read("label_runs", ["finished_at", "cost_usd"])
    canaries = project.store("anchor").read("anchor_runs", ["kind", "ran_at", "cost_usd"])
    booked = labels.filter(pl.col("finished_at") >= since)["cost_usd"]
    asked = canaries.filter(pl.col("kind") == CANARY_RUN, pl.col("ran_at") >= since)["cost_usd"]
    return float(booked.sum()) + float(asked.sum())
