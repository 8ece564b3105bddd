"""Did the human grades change, and has the judge seen all of them?

Two questions: files whose *content* changed are loaded again, which is free; pairs no calibration has asked about are a
reason to recalibrate. Keep out: reading files (adapters/files), counting pairs (sql/).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from label_pipeline.core.watching.wanted import LOAD_SEED, RECALIBRATE, Finding, Wanted


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


def files_changed(files: Sequence[FileSeen], cursor: str | None, *, written_since_load: frozenset[str]) -> Finding:
    """Whether the seed must be loaded again.

    Args:
        files: every input file of the seed that exists.
        cursor: of the last look: what every file was.
        written_since_load: at the first look, paths written after the seed was last loaded.
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
    if not changed:
        return Finding((), (), written, (f"{len(files)} input files of the seed, none changed",))
    content = hashlib.sha256(json.dumps({path: entry["digest"] for path, entry in now.items()}).encode()).hexdigest()
    reason = f"the content of {', '.join(changed)} changed"
    # the counter: content that goes back to what it once was must be loaded again too
    wanted = Wanted(LOAD_SEED, f"new_human_labels:load:{loads}:{content[:16]}", "", reason)
    return Finding((wanted,), (), written, (reason,))


def _entry(file: FileSeen, known: object) -> dict[str, str]:
    if isinstance(known, dict) and known["stamp"] == file.stamp:
        return {"stamp": file.stamp, "digest": str(known["digest"])}
    return {"stamp": file.stamp, "digest": file.digest()}


def seed_grew(
    unseen: Mapping[str, int], pairs_hash: str, *, epoch: int, suspended: Sequence[str], collections: Sequence[str]
) -> Finding:
    """Whether the judges should be calibrated and certified on pairs humans have graded since.

    Args:
        unseen: split group (``calibrate``, ``gate``): graded pairs the newest calibration has not asked about.
        pairs_hash: names exactly those pairs.
        epoch: epoch of the newest calibration.
        suspended: collections whose verdict is suspended: only replies of a new epoch can end that.
        collections: every collection with gold.
    """
    grown = {name: count for name, count in unseen.items() if count}
    if not grown:
        return Finding((), (), None, ("every graded pair was in the newest calibration",))
    parts = " and ".join(f"{count} pairs for stage {name}" for name, count in sorted(grown.items()))
    how = f"{', '.join(suspended)} is suspended, so every pair is asked again" if suspended else "only these are asked"
    reason = f"humans graded {parts} since the newest calibration: {how}"
    wanted = Wanted(
        RECALIBRATE, f"new_human_labels:grew:{epoch}:{pairs_hash}", f"epoch {epoch}", reason, bool(suspended), "full",
        tuple(collections),
    )  # fmt: skip
    return Finding((wanted,), (), None, (reason,))
