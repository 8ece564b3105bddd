"""What humans graded since: the seed's input files, and graded pairs the newest verdict does not rest on.

Reads, sends nothing.
"""

import hashlib
from datetime import datetime
from functools import partial

import polars as pl

from label_pipeline.adapters.files.stamps import content_hash, stamp
from label_pipeline.core.boundary import sendable_rows
from label_pipeline.core.codes.purposes import CALIBRATE, GATE
from label_pipeline.core.codes.verdicts import DECISION
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.project import Project
from label_pipeline.stages.watch import FileSeen, Growth

WATCHED_FILES = ("queries", "human_labels", "evaluation")
"""Inputs that say what humans graded; a document alone is nothing to calibrate on."""


def input_files(project: Project, loaded_at: datetime | None) -> tuple[list[FileSeen], frozenset[str]]:
    """The seed's input files that exist, and those written since ``loaded_at``."""
    found, written = [], set()
    for table in WATCHED_FILES:
        for spec in project.input_specs(table):
            path, seen = str(spec.path), stamp(spec.path, spec.objects)
            if seen is None:
                continue
            found.append(FileSeen(path, seen.mark, partial(content_hash, path, spec.objects)))
            if loaded_at is not None and seen.written_at > loaded_at:
                written.add(path)
    return found, frozenset(written)


def growth(project: Project) -> Growth | None:
    """What was graded, and how much of it the judge of the newest decision was taught and asked about.

    Until the gate has decided, a batch is not asked about: one that failed half-way is still wanted as a whole. None
    before any decision, or where that judge left the settings.
    """
    store = project.store("gate")
    decisions = store.read("verdicts").filter(pl.col("kind") == DECISION).sort("epoch", "decided_at", "verdict_id")
    if decisions.is_empty():
        return None
    newest = decisions.row(-1, named=True)
    judge, _ = project.judge(newest["judge_version"])
    member = next((m for m in project.members if m.member_hash == judge.member_hash), None)
    if member is None:
        return None
    of_judge: dict[str, str | int] = {"member_hash": member.member_hash, "epoch": int(newest["epoch"])}
    pairs = store.query(
        "gate/asked_pairs",
        {**of_judge, "until": newest["decided_at"]},
        where={"judgements": of_judge},
    )
    pairs = sendable_rows(pairs, inside=member.inside)
    unseen = pairs.filter(~pl.col("asked"))
    held_out = unseen.filter(pl.col("stage") == GATE)["collection"].value_counts()
    return Growth(
        epoch=int(newest["epoch"]),
        asked=pairs.height - unseen.height,
        learnable=unseen.filter(pl.col("stage") == CALIBRATE).height,
        held_out={str(name): int(count) for name, count in held_out.iter_rows()},
        graded=hashlib.sha256(repr(pairs.select(*PAIR_KEY, "stage").rows()).encode()).hexdigest()[:16],
    )
