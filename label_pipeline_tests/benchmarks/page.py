"""docs/benchmarks.md as text. Keep out: timing."""

from collections.abc import Sequence

from label_pipeline_tests.benchmarks.paired import ROUNDS, Paired

HEAD = f"""# Benchmarks

Written by `make bench` (`python -m label_pipeline_tests.benchmarks`); do not edit it by hand. Each line times our code
and a named baseline turn about in one process, {ROUNDS} rounds, and shows the median with the smallest and largest
round. **Ratio** is ours through the baseline, below 1 = ours is faster; both find the same answer first, or nothing is
timed. The provider of the first lines is a process of its own on the same machine. Lines whose clock is **simulated**
are no timings: a round is a number of workers, and the seconds are those of a simulated server, the same everywhere.
"""


def page(found: Sequence[Paired], machine: str) -> str:
    """The whole file."""
    lines = [
        HEAD,
        f"Machine: {machine}.\n",
        "| Question | Ours | Baseline | Unit, clock | Ours | Baseline | Ratio |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    return "\n".join([*lines, *map(_line, found)]) + "\n"


def _line(one: Paired) -> str:
    ours, theirs = (sorted(side)[len(side) // 2] for side in (one.ours_s, one.baseline_s))
    low, high = one.ratios[0], one.ratios[-1]
    figures = f"{duration(ours)} | {duration(theirs)} | **{one.ratio:.2g}** ({low:.2g}-{high:.2g})"
    return f"| {one.question} | {one.ours} | {one.baseline} | {one.unit}, {one.clock} | {figures} |"


def duration(seconds: float) -> str:
    """Seconds with three digits, in the unit that suits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
