"""What a row of verdicts is, in which lane the gate looked, and what it found."""

from typing import Final, Literal

Kind = Literal["decision", "suspension"]

DECISION: Final = "decision"
SUSPENSION: Final = "suspension"

KINDS: Final[tuple[Kind, ...]] = (DECISION, SUSPENSION)

Lane = Literal["full", "recertify"]
"""How a judge is looked at: by the thresholds of the policy, or beside the last judge that passed those."""

FULL: Final = "full"
RECERTIFY: Final = "recertify"

LANES: Final[tuple[Lane, ...]] = (FULL, RECERTIFY)

DecidedState = Literal["open", "closed", "insufficient"]
"""What a decision may find."""

State = Literal["open", "closed", "insufficient", "suspended"]

OPEN: Final = "open"
CLOSED: Final = "closed"
INSUFFICIENT: Final = "insufficient"
SUSPENDED: Final = "suspended"

STATES: Final[tuple[State, ...]] = (OPEN, CLOSED, INSUFFICIENT, SUSPENDED)
