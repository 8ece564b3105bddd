"""The sign of life: one small JSON file, written at every tick of sensor `alerts`, for a watchdog outside.

It must be written whatever else is wrong: trouble is told in it.
"""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.operations.amplify_finished import nights_missed
from label_pipeline.operations.batches import days_waiting
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.project import Project

Facts = Mapping[str, object]

_ALL_SHUT = "no collection may be labelled: see check judge_gate"


def standing_facts(project: Project) -> dict[str, object]:
    """The newest day labelled, and the collections somebody may label now; and the sentence why none is, or is known.

    Before the gate ever decided nothing is in trouble: a watchdog must not bark until there is something to watch.
    """
    try:
        store = project.store("amplify")
        runs = store.query("amplify/day_books").tail(1)
        gaps = nights_missed(project, project.clock().date() - timedelta(days=1))
        waiting = days_waiting(project)
        decided = store.read("verdicts", ["verdict_id"]).height > 0
        standings = current_standings(project, "amplify", project.collections() if decided else [])
    except LabelPipelineError as error:
        return {
            "last_nightly": None,
            "missed_nights": None,
            "waiting_days": None,
            "open_collections": None,
            "trouble": str(error),
        }
    counts = ["run_id", "pairs_in", "labelled", "abstained", "failed", "refused", "skipped"]
    nightly = [
        {"day": row["day"].isoformat(), "finished_at": row["finished_at"].isoformat(), **{c: row[c] for c in counts}}
        for row in runs.iter_rows(named=True)
    ]
    shut = {name: standing.state for name, standing in standings.items() if not standing.open}
    return {
        "last_nightly": nightly[0] if nightly else None,
        "missed_nights": [day.isoformat() for day in gaps if day not in waiting],
        "waiting_days": [day.isoformat() for day in waiting],
        "open_collections": [name for name, standing in standings.items() if standing.open],
        "closed_collections": shut,
        "trouble": _ALL_SHUT if decided and len(shut) == len(standings) else None,
    }


def write(path: Path, facts: Facts) -> None:
    """Replaces the file at ``path`` in one step: a reader sees the old one or the new one, never half of one.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{os.getpid()}")
    written.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    written.replace(path)


def last(path: Path) -> dict[str, object]:
    """What the file holds; nothing where there is none, or where it is not ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
