"""docs/mutation.md as text: the share caught by group with its interval, and every survivor. Keep out: trying."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scipy.stats import binomtest

from label_pipeline_tests.mutation.faults import Fault
from label_pipeline_tests.mutation.trial import Trial

GUARD = ("gate", "standing", "ledger")
TARGETS = {"gate, standing and ledger": 0.90, "all": 0.85}
EQUIVALENT = Path(__file__).with_name("equivalent.json")
"""Faults that change nothing anybody could see, each with its reason; they are counted neither way."""

HEAD = """# Which tests protect what

Written by `make mutants` (`python -m label_pipeline_tests.mutation`); do not edit it by hand. Faults are generated
from the syntax tree of each module (a comparison, an operator, a number, a flag, a condition, a step, an argument, an
element or a statement changed or left out), drawn by a fixed seed and planted one at a time in a copy of the tree. The
tests of the module run serially until one fails or hangs. A plugin testifies in each test process that the module it
loaded is the planted one, and whether the planted statement was executed; a fault without that is counted as not run.
Left alone: docstrings, annotations, decorators, f-strings, what an error says. Intervals are Wilson's, 95 %.
"""


class Findings(NamedTuple):
    """Every trial with the seed of its draw, and the commit that was measured."""

    commit: str
    trials: tuple[tuple[int, Trial], ...]

    @property
    def not_run(self) -> list[Trial]:
        return [trial for _, trial in self.trials if trial.outcome == "not run"]


def page(found: Findings) -> str:
    """The whole file."""
    seeds = sorted({seed for seed, _ in found.trials})
    trials = [trial for _, trial in found.trials]
    parts = [
        HEAD,
        f"Measured at commit {found.commit}: {len(trials)} faults, seed {', '.join(map(str, seeds))}; "
        f"{sum(trial.executed for trial in trials)} of them in a statement that the tests executed, "
        f"{len(found.not_run)} not run; {sum(trial.seconds for trial in trials) / 60:.0f} minutes.\n",
        _table(trials),
    ]
    if len(seeds) > 1:
        parts += [f"## By seed\n\n{_by_seed(found)}"]
    parts += [f"## Survivors\n\n{_survivors(trials)}", f"## Counted neither way\n\n{_equivalent(trials)}"]
    return "\n".join(parts)


def _table(trials: Sequence[Trial]) -> str:
    lines = ["| Group | Faults | Caught | Survived | Share caught | Interval | Wanted |",
             "|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    groups: dict[str, list[Trial]] = {name: [t for t in trials if t.group == name] for name in _groups(trials)}
    groups["gate, standing and ledger"] = [trial for trial in trials if trial.group in GUARD]
    groups["all"] = list(trials)
    return "\n".join([*lines, *(_row(name, some) for name, some in groups.items())]) + "\n"


def _groups(trials: Sequence[Trial]) -> list[str]:
    return list(dict.fromkeys(trial.group for trial in trials))


def _row(name: str, trials: Sequence[Trial]) -> str:
    count = Counter(trial.outcome for trial in trials if not why_equivalent(trial))
    tried = count["caught"] + count["survived"]
    wanted = f"{TARGETS[name]:.2f}" if name in TARGETS else ""
    cells = (name, tried, count["caught"], count["survived"], share(count["caught"], tried), wanted)
    return f"| {' | '.join(map(str, cells))} |"


def share(caught: int, tried: int) -> str:
    """The share and its interval, as two cells."""
    if not tried:
        return " | "
    interval = binomtest(caught, tried).proportion_ci(method="wilson")
    return f"{caught / tried:.3f} | {interval.low:.2f} to {interval.high:.2f}"


def _by_seed(found: Findings) -> str:
    """A draw whose survivors were given tests says less about the rest than one nobody has looked at."""
    lines = ["| Seed | Group | Faults | Caught | Survived | Share caught | Interval | Wanted |",
             "|---:|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    for seed in sorted({seed for seed, _ in found.trials}):
        mine = [trial for of, trial in found.trials if of == seed]
        for name, some in (("gate, standing and ledger", [t for t in mine if t.group in GUARD]), ("all", mine)):
            lines.append(f"| {seed} {_row(name, some)}")
    return "\n".join(lines) + "\n"


def _survivors(trials: Sequence[Trial]) -> str:
    left = [trial for trial in trials if trial.outcome in {"survived", "not run"} and not why_equivalent(trial)]
    if not left:
        return "None.\n"
    lines = ["| Group | Where | Change | In | Executed |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *map(_survivor, left)]) + "\n"


def _survivor(trial: Trial) -> str:
    fault, executed = trial.fault, "not run" if trial.outcome == "not run" else "yes" if trial.executed else "no"
    return f"| {trial.group} | {_where(fault)} | {_code(fault.change)} | {_code(fault.context)} | {executed} |"


def _equivalent(trials: Sequence[Trial]) -> str:
    left = {f"- {_where(t.fault)}: {_code(t.fault.change)}. {why}" for t in trials if (why := why_equivalent(t))}
    return "\n".join(sorted(left) or ["None."]) + "\n"


def why_equivalent(trial: Trial) -> str:
    """Why a survivor of the data file changes nothing; empty for every other trial."""
    fault = trial.fault
    for known in json.loads(EQUIVALENT.read_text(encoding="utf-8")):
        if (known["path"], known["line"], known["change"]) == (fault.path, fault.context, fault.change):
            return str(known["why"]) if trial.outcome == "survived" else ""
    return ""


def _where(fault: Fault) -> str:
    return f"{fault.path}:{fault.line}"


def _code(text: str) -> str:
    short = text if len(text) <= 100 else f"{text[:97]}..."
    return f"<code>{short.replace('&', '&amp;').replace('<', '&lt;').replace('|', '&#124;')}</code>"
