"""Did the human grades change, and has the judge seen all of them?

Two questions: files whose *content* changed are loaded again, which is free; enough pairs no verdict rests on are a
reason to recalibrate.
"""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from label_pipeline.stages.watch.requests import LOAD_SEED, RECALIBRATE, Finding, WantedRun


@dataclass(frozen=True)
class FileSeen:
    """One input file, at a glance.

    Attributes:
        path: where it is.
        stamp: changes whenever the file is written: size and time, or an object store's tag. Cheap to get.
        digest: gives the hash of its content; called only where the stamp is another one.
    """

    path: str
    stamp: str
    digest: Callable[[], str]


@dataclass(frozen=True)
class Growth:
    """Graded pairs of train, dev and holdout, as the newest decision of the gate left them.

    Attributes:
        epoch: epoch of its judge.
        asked: pairs that judge was taught or certified on.
        learnable: pairs of train and dev it was not.
        held_out: collection: holdout pairs it was not asked about.
        graded: names exactly the graded pairs there are.
    """

    epoch: int
    asked: int
    learnable: int
    held_out: Mapping[str, int]
    graded: str

    @property
    def unseen(self) -> int:
        """Pairs that humans graded and no judge was asked about yet."""
        return self.learnable + sum(self.held_out.values())


def files_changed(
    files: Sequence[FileSeen], cursor: str | None, *, written_since_load: frozenset[str], unloaded: bool = False
) -> Finding:
    """Whether the seed must be loaded again.

    Args:
        files: every input file of the seed that exists.
        cursor: of the last look: what every file was.
        written_since_load: at the first look, paths written after the seed was last loaded.
        unloaded: the load that was asked for last failed, and nothing was loaded since: it is still wanted.
    """
    before: Mapping[str, object] = json.loads(cursor) if cursor else {}
    known = before.get("files", {})
    loads = int(str(before.get("loads", 0)))
    assert isinstance(known, dict)  # written below
    now = {file.path: _entry(file, known.get(file.path)) for file in files}
    if cursor is None:
        changed = sorted(set(now) & written_since_load)
    else:
        gone = set(known) - set(now)
        changed = sorted(
            path for path in now if path not in known or known[path]["digest"] != now[path]["digest"]
        ) + sorted(gone)
    loads += bool(changed)
    written = json.dumps({"files": now, "loads": loads}, sort_keys=True)
    if not changed and not (unloaded and loads):
        return Finding((), (), written, (f"{len(files)} input files of the seed, none changed",))
    content = hashlib.sha256(json.dumps({path: entry["digest"] for path, entry in now.items()}).encode()).hexdigest()
    reason = f"the content of {', '.join(changed)} changed" if changed else "the changed input files are not loaded yet"
    # the counter: content that goes back to what it once was must be loaded again too
    wanted = WantedRun(LOAD_SEED, f"new_human_labels:load:{loads}:{content[:16]}", "", reason)
    return Finding((wanted,), (), written, (reason,))


def _entry(file: FileSeen, known: object) -> dict[str, str]:
    if isinstance(known, dict) and known["stamp"] == file.stamp:
        return {"stamp": file.stamp, "digest": str(known["digest"])}
    return {"stamp": file.stamp, "digest": file.digest()}


def seed_grew(grown: Growth, *, share: float, opened: Collection[str], waiting: str, about: Sequence[str]) -> Finding:
    """Whether the judges should be calibrated and certified on pairs humans have graded since.

    A look at the holdout is dear, so a few pairs are no reason for one; and where a verdict stands, new holdout pairs
    alone would spend a look and teach no judge anything.

    Args:
        grown: what was graded and asked about.
        share: watch.grown_share of the settings.
        opened: collections somebody may label now.
        waiting: a sentence: why another recalibration comes first; empty where none does.
        about: every collection with gold.
    """
    if not grown.unseen:
        return Finding((), (), None, ("the newest verdict rests on every graded pair",))
    counts = {"calibrate": grown.learnable, "gate": sum(grown.held_out.values())}
    parts = " and ".join(f"{count} pairs for stage {name}" for name, count in counts.items() if count)
    told = f"humans graded {parts} since the newest verdict"
    missing = math.ceil(share * grown.asked) - grown.unseen
    if waiting:
        return Finding((), (), None, (f"{told}: {waiting}",))
    if missing > 0:
        why = (
            f"{missing} more are missing to watch.grown_share {share:g} of the {grown.asked} pairs asked about, for "
            "every recalibration spends a look at the holdout; run job recalibrate where these are enough for you"
        )
        return Finding((), (), None, (f"{told}: {why}",))
    if not grown.learnable and set(grown.held_out) <= set(opened):
        why = (
            "pairs of train or dev are missing: new holdout pairs teach no judge, and the verdict stands without a "
            "look at them; the next recalibration asks about them"
        )
        return Finding((), (), None, (f"{told}: {why}",))
    reason = f"{told}: only these are asked"
    key = f"new_human_labels:grew:{grown.epoch}:{grown.graded}"  # a batch that failed half-way is the same occasion
    wanted = WantedRun(RECALIBRATE, key, f"epoch {grown.epoch}", reason, collections=tuple(about))
    return Finding((wanted,), (), None, (reason,))
