"""The detectors of drift: a stable code each, and the name people read.

Codes are stored in drift_verdicts.signals from the version on that has them; older rows hold the name alone.
"""

from collections.abc import Mapping
from typing import Final, Literal

Detector = Literal[
    "rubric", "anchor_pairs", "baseline_runs", "served_model", "e_process", "jump", "double_jump", "flips", "malformed",
    "refused", "bias", "repeatability", "fingerprint", "canary", "humans", "population_texts", "population_grades",
    "population_mean", "gate_pass", "certificate", "exposure",
]  # fmt: skip

RUBRIC: Final = "rubric"
ANCHOR_PAIRS: Final = "anchor_pairs"
BASELINE_RUNS: Final = "baseline_runs"
SERVED_MODEL: Final = "served_model"
E_PROCESS: Final = "e_process"
JUMP: Final = "jump"
DOUBLE_JUMP: Final = "double_jump"
FLIPS: Final = "flips"
MALFORMED: Final = "malformed"
REFUSED: Final = "refused"
BIAS: Final = "bias"
REPEATABILITY: Final = "repeatability"
FINGERPRINT: Final = "fingerprint"
CANARY: Final = "canary"
HUMANS: Final = "humans"
POPULATION_TEXTS: Final = "population_texts"
POPULATION_GRADES: Final = "population_grades"
POPULATION_MEAN: Final = "population_mean"

GATE_PASS: Final = "gate_pass"
CERTIFICATE: Final = "certificate"
EXPOSURE: Final = "exposure"

POPULATION: Final = (POPULATION_TEXTS, POPULATION_GRADES, POPULATION_MEAN)

NAMES: Final[Mapping[Detector, str]] = {
    RUBRIC: "rubric",
    ANCHOR_PAIRS: "anchor pairs",
    BASELINE_RUNS: "baseline runs",
    SERVED_MODEL: "served model",
    E_PROCESS: "tolerance e-process",
    JUMP: "weekly jump",
    DOUBLE_JUMP: "two jumps in a row",
    FLIPS: "flips",
    MALFORMED: "malformed replies",
    REFUSED: "refused replies",
    BIAS: "bias",
    REPEATABILITY: "repeatability",
    FINGERPRINT: "fingerprint",
    CANARY: "canary",
    HUMANS: "humans",
    POPULATION_TEXTS: "population: texts",
    POPULATION_GRADES: "population: grades",
    POPULATION_MEAN: "population: mean grade",
    GATE_PASS: "anchor at the gate",
    CERTIFICATE: "certificate",
    EXPOSURE: "labels before an alarm",
}
"""What a person reads; nothing is decided by it."""
