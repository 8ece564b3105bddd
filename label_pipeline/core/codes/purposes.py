"""What a judge is asked for, and what an epoch is opened for."""

from typing import Final, Literal

Purpose = Literal["calibrate", "gate", "amplify", "anchor", "canary"]
"""Why a judge is asked about pairs."""

EpochPurpose = Literal["calibrate", "anchor", "canary", "recall"]
"""Why nothing older may be re-used from here on."""

CALIBRATE: Final = "calibrate"
GATE: Final = "gate"
AMPLIFY: Final = "amplify"
ANCHOR: Final = "anchor"
CANARY: Final = "canary"
RECALL: Final = "recall"

PURPOSES: Final[tuple[Purpose, ...]] = (CALIBRATE, GATE, AMPLIFY, ANCHOR, CANARY)
EPOCH_PURPOSES: Final[tuple[EpochPurpose, ...]] = (CALIBRATE, ANCHOR, CANARY, RECALL)
