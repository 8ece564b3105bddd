"""What was found already, in a file under .runs/: a measurement that was interrupted goes on where it was.

Only what was found on the very same code and tests is used again.
"""

import hashlib
import json
from pathlib import Path

from label_pipeline_tests.mutation.faults import Fault
from label_pipeline_tests.mutation.sample import ROOT
from label_pipeline_tests.mutation.trial import Trial

MEASURED = ("label_pipeline", "label_pipeline_tests", "sql")


class Records:
    """One line of JSON a trial.

    Args:
        path: the file; it and its folder are created.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._code, self._found = path, _digest(), dict[str, Trial]()
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            row = json.loads(line)
            fault = Fault(**row["trial"].pop("fault") | {"ran": tuple(row.pop("ran"))})
            self._found[row["key"]] = Trial(fault, **row["trial"])

    def of(self, seed: int, fault: Fault) -> Trial | None:
        """What came of ``fault`` in the draw of ``seed``; None where it was not tried on this code."""
        return self._found.get(self._key(seed, fault))

    def add(self, seed: int, trial: Trial) -> None:
        """Keeps one trial."""
        self._found[self._key(seed, trial.fault)] = trial
        row = {"key": self._key(seed, trial.fault), "ran": trial.fault.ran,
               "trial": trial._asdict() | {"fault": vars(trial.fault)}}  # fmt: skip
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _key(self, seed: int, fault: Fault) -> str:
        return hashlib.sha256(f"{self._code} {seed} {fault}".encode()).hexdigest()


def _digest() -> str:
    """Names the code and the tests as they are now; this package, which only looks at them, left out."""
    here, digest = Path(__file__).parent, hashlib.sha256()
    for path in sorted(path for name in MEASURED for path in (ROOT / name).rglob("*")):
        if path.suffix in {".py", ".sql", ".yaml"} and not path.is_relative_to(here):
            digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
