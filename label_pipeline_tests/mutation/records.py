"""What was found already, in a file under .runs/: a measurement that was interrupted goes on where it was.

What a test noticed counts as long as the code, that test's file and the helpers of all tests are the same. A survivor
counts as long as no test changed at all: a new one may notice it. So after tests were added, survivors are tried again.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from label_pipeline_tests.mutation.faults import Fault
from label_pipeline_tests.mutation.sample import TESTS
from label_pipeline_tests.mutation.trial import Trial


class Records:
    """One line of JSON a trial.

    Args:
        path: the file; it and its folder are created.
        tree: the copy that is measured.
    """

    def __init__(self, path: Path, tree: Path) -> None:
        self._path, self._tree, self._found = path, tree, dict[Fault, Trial]()
        self._digests: dict[tuple[Path, ...], str] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            row = json.loads(line)
            fault = Fault(**row["fault"] | {"ran": tuple(row["fault"]["ran"])})
            trial = Trial(fault, **row["trial"])
            if row["valid"] == self._state(trial):
                self._found[fault] = trial

    def of(self, fault: Fault) -> Trial | None:
        """What came of ``fault``; None where it must be tried (again)."""
        return self._found.get(fault)

    def add(self, trial: Trial) -> None:
        """Keeps one trial."""
        self._found[trial.fault] = trial
        told = {name: value for name, value in trial._asdict().items() if name != "fault"}
        row = {"valid": self._state(trial), "fault": vars(trial.fault), "trial": told}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _state(self, trial: Trial) -> str:
        """Names the code and the tests that ``trial`` rests on, as they are in the copy."""
        code = (path for name in ("label_pipeline", "sql") for path in (self._tree / name).rglob("*"))
        tests = [path for path in (self._tree / TESTS).rglob("*.py") if path.parent.name != Path(__file__).parent.name]
        noticing = self._tree / trial.noticed_by.partition("::")[0]
        if trial.outcome == "caught" and noticing in tests:
            tests = [path for path in tests if path == noticing or not path.name.startswith("test_")]
        return self._digest([*code, *tests])

    def _digest(self, paths: Iterable[Path]) -> str:
        files = tuple(sorted(path for path in paths if path.suffix in {".py", ".sql", ".yaml"}))
        if files not in self._digests:
            digest = hashlib.sha256()
            for path in files:
                digest.update(f"{path.relative_to(self._tree)}\n".encode() + path.read_bytes())
            self._digests[files] = digest.hexdigest()
        return self._digests[files]
