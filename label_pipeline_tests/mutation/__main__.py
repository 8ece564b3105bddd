"""`make mutants`: plants every drawn fault, one after the other, and writes docs/mutation.md."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from label_pipeline_tests.mutation.page import Findings, page, why_equivalent
from label_pipeline_tests.mutation.records import Records
from label_pipeline_tests.mutation.sample import MODULES, ROOT, Module, draw
from label_pipeline_tests.mutation.trial import Trial, attempt, copy_tree, sound

SEEDS = (1, 2)
"""The survivors of the first draw were given tests; nobody had looked at the second one before it was tried."""


def main() -> int:
    """Tries what is not recorded yet and writes the page; returns the exit code."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the tests of a trial end with it
    console = Console(highlight=False, soft_wrap=True, markup=False)
    chosen = [module for module in MODULES if asked.only in f"{module.group} {module.path}"]
    with TemporaryDirectory(prefix="label-pipeline-mutants-") as folder:
        tree = copy_tree(Path(folder).resolve())
        if asked.sound:
            for tests in dict.fromkeys(tests for module in chosen for tests in (module.near, module.far)):
                if not sound(tree, tests):
                    console.print(f"these tests fail with nothing planted: {' '.join(tests)}")
                    return 1
        found = Findings(_commit(), tuple(_tried(tree, chosen, asked.seeds, far=not asked.near, say=console.print)))
    if not (asked.only or asked.near):
        (ROOT / "docs" / "mutation.md").write_text(page(found), encoding="utf-8")
    console.print(page(found))
    return 1 if found.not_run else 0


def _tried(
    tree: Path, modules: Sequence[Module], seeds: Sequence[int], *, far: bool, say: Callable[[str], None]
) -> Iterator[tuple[int, Trial]]:
    """Every drawn fault with its seed and what came of it: the near tests of all of them first."""
    records = Records(ROOT / ".runs" / "mutants.jsonl", tree)
    drawn = [(seed, module, fault) for module in modules for seed in seeds for fault in draw(module, seed, tree)]
    for last in (False, True) if far else (False,):
        for _, module, fault in drawn:
            before = records.of(fault)
            if before is None or (last and not before.whole and not why_equivalent(before)):
                trial = attempt(tree, module.group, fault, module.far if last else module.near, before)
                records.add(trial)
                say(line(trial))
    for seed, _, fault in drawn:
        tried = records.of(fault)
        assert tried is not None, "each was tried above"
        yield seed, tried


def line(trial: Trial) -> str:
    """One trial as it ends."""
    where = f"{trial.fault.path}:{trial.fault.line}"
    return f"{trial.outcome} {trial.seconds:.0f} s {where} {trial.fault.change} | {trial.noticed_by}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the draws")
    parser.add_argument("--only", default="", help="groups or paths that hold this word; writes no page")
    parser.add_argument("--near", action="store_true", help="the near tests only; writes no page")
    parser.add_argument("--no-sound", dest="sound", action="store_false", help="do not run the tests unplanted first")
    return parser.parse_args()


def _commit() -> str:
    """What was measured: the commit, with a mark where files differ from it."""
    said = [
        subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        for words in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain"))
    ]
    return said[0] + (" with changes" if said[1] else "")


if __name__ == "__main__":
    sys.exit(main())
