"""The words of stage anchor: kinds of run, detectors, and the state and cause a drift verdict names."""

from typing import Final, Literal

RunKind = Literal["baseline", "watch", "canary"]

BASELINE_RUN: Final = "baseline"
WATCH_RUN: Final = "watch"
CANARY_RUN: Final = "canary"

RUN_KINDS: Final[tuple[RunKind, ...]] = (BASELINE_RUN, WATCH_RUN, CANARY_RUN)

State = Literal["baseline", "healthy", "warning", "drifted", "insufficient"]

BASELINE: Final = "baseline"
"""Complete, and nothing to compare with it yet."""
HEALTHY: Final = "healthy"
WARNING: Final = "warning"
DRIFTED: Final = "drifted"
INSUFFICIENT: Final = "insufficient"

STATES: Final[tuple[State, ...]] = (BASELINE, HEALTHY, WARNING, DRIFTED, INSUFFICIENT)

Cause = Literal[
    "none", "unconfirmed", "judge changed", "silent change", "leniency", "capability", "repeatability", "population",
    "rubric", "humans",
]  # fmt: skip

NO_CAUSE: Final = "none"
UNCONFIRMED: Final = "unconfirmed"
JUDGE_CHANGED: Final = "judge changed"
SILENT_CHANGE: Final = "silent change"
LENIENCY: Final = "leniency"
CAPABILITY: Final = "capability"
REPEATABILITY: Final = "repeatability"
POPULATION: Final = "population"
RUBRIC: Final = "rubric"
HUMANS: Final = "humans"

CAUSES: Final[tuple[Cause, ...]] = (
    NO_CAUSE, UNCONFIRMED, JUDGE_CHANGED, SILENT_CHANGE, LENIENCY, CAPABILITY, REPEATABILITY, POPULATION, RUBRIC,
    HUMANS,
)  # fmt: skip
