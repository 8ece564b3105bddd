"""Which modules are tried, how many faults of each, and which tests ought to notice.

A group is a row of docs/mutation.md. The draw is at random within a module, by a fixed seed and the module's path, so
that the share caught is an estimate of the share of all faults of that module. Keep out: running (trial.py).
"""

import random
from pathlib import Path
from typing import NamedTuple

from label_pipeline_tests.mutation.faults import Fault, faults

ROOT = Path(__file__).resolve().parents[2]
GATE = "label_pipeline/stages/gate"
TESTS = "label_pipeline_tests"


class Module(NamedTuple):
    """One module and the tests that speak of it.

    Attributes:
        group: a row of the page.
        path: from the root of the repository.
        faults: how many are drawn.
        near: files and folders of tests, those that most probably notice first.
        far: slower tests, most on the small project, asked only where the near ones notice nothing.
    """

    group: str
    path: str
    faults: int
    near: tuple[str, ...]
    far: tuple[str, ...] = ()


GATE_RULES = tuple(
    f"stages/gate/test_{name}.py"
    for name in ("decision", "evidence", "ledger", "policy", "reference", "renewal", "standing", "edges")
)
SIMULATED = ("stages/gate/test_recertify.py", "stages/gate/test_bounds.py")
"""Half a minute of simulated looks."""


def _gate(name: str, first: str, group: str = "gate", faults: int = 5) -> Module:
    near = (f"stages/gate/test_{first}.py", *GATE_RULES, *(SIMULATED if name in {"measures", "criteria"} else ()))
    far = (
        *(file for file in SIMULATED if file not in near),
        "operations/test_gate_renewal.py",
        "operations/test_gate.py",
    )
    return Module(group, f"{GATE}/{name}.py", faults, near, far)


def _amplify(name: str, first: str, faults: int) -> Module:
    near = (f"stages/{first}.py", "stages/amplify/test_label.py", "stages/amplify/test_work.py", "stages/amplify")
    return Module("amplify", f"label_pipeline/stages/amplify/{name}.py", faults, near, ("operations/test_amplify.py",))


def _anchor(name: str, faults: int) -> Module:
    near = (f"stages/anchor/test_{name}.py", "stages/anchor/test_labels.py", "stages/anchor/test_edges.py")
    far = ("stages/anchor", "operations/test_recall.py")
    return Module("recall", f"label_pipeline/stages/anchor/{name}.py", faults, near, far)


MODULES = (
    _gate("decision", "decision"),
    _gate("criteria", "decision"),
    _gate("measures", "decision"),
    _gate("evidence", "evidence"),
    _gate("policy", "policy"),
    _gate("reference", "reference"),
    _gate("recertify", "recertify"),
    _gate("renewal", "renewal"),
    _gate("standing", "standing", "standing", 15),
    _gate("ledger", "ledger", "ledger", 15),
    _amplify("work", "amplify/test_work", 6),
    _amplify("label", "amplify/test_label", 8),
    _amplify("current", "anchor/test_labels", 4),
    Module(
        "amplify", "label_pipeline/operations/amplify.py", 8, ("operations/test_amplify.py",),
        ("operations/test_spending.py", "operations/test_canary.py", "operations/test_outages.py"),
    ),
    Module(
        "journal", "label_pipeline/adapters/journal.py", 12,
        ("adapters/test_journal.py", "adapters/test_journal_edges.py"), ("core/judging",),
    ),
    Module(
        "spent", "label_pipeline/core/judging/spent.py", 5, ("core/judging/test_spent.py",),
        ("operations/test_amplify.py",),
    ),
    _anchor("recall", 5),
    _anchor("labels", 6),
    Module(
        "recall", "label_pipeline/operations/recall.py", 8,
        ("operations/test_recall_names.py", "operations/test_recall.py"),
        ("operations/test_drift.py", "cli/test_recall.py"),
    ),
)  # fmt: skip


def draw(module: Module, seed: int, root: Path = ROOT) -> list[Fault]:
    """The faults of ``module`` that are tried, in the order of the text."""
    every = faults(module.path, (root / module.path).read_bytes())
    chosen = random.Random(f"{seed}:{module.path}").sample(every, min(module.faults, len(every)))
    return sorted(chosen, key=lambda fault: (fault.start, fault.end, fault.after))
