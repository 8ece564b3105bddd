"""What a judge is asked for, and what an epoch is opened for."""

from typing import Final, Literal

Purpose = Literal["calibrate", "gate", "amplify", "anchor", "canary", "check"]
"""Why a judge is asked about pairs."""

EpochPurpose = Literal["calibrate", "anchor", "canary", "recall"]
"""Why nothing older may be re-used from here on."""

CALIBRATE: Final = "calibrate"
GATE: Final = "gate"
AMPLIFY: Final = "amplify"
ANCHOR: Final = "anchor"
CANARY: Final = "canary"
RECALL: Final = "recall"
CHECK: Final = "check"
"""A first contact: do endpoint, model and settings fit? Its replies answer a calibration that asks the same."""

PURPOSES: Final[tuple[Purpose, ...]] = (CALIBRATE, GATE, AMPLIFY, ANCHOR, CANARY, CHECK)
EPOCH_PURPOSES: Final[tuple[EpochPurpose, ...]] = (CALIBRATE, ANCHOR, CANARY, RECALL)
