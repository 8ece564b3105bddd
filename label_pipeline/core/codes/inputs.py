"""Words of the user's inputs, and of what stage seed says about them."""

from typing import Final, Literal

CUSTOMER: Final = "customer"
"""A document's boundary: its text may only be sent to endpoints declared inside."""

INTERNAL: Final = "internal"
"""As read from a file the same as nothing: the text may leave. Never stored."""

BOUNDARIES: Final = (CUSTOMER,)

HUMAN_LABELS: Final = "human_labels"

SEED_INPUTS: Final = ("queries", "documents", HUMAN_LABELS, "evaluation")
"""Tables that the user's seed files fill."""

CANDIDATES: Final = "candidates"

INPUTS: Final = (*SEED_INPUTS, CANDIDATES)
"""Tables that the user's files fill."""

DateOrder = Literal["day_first", "month_first"]
"""How a file writes dates of three numbers, such as 03/05/2024."""

PANEL: Final = "panel"

GOLD_SOURCES: Final = (PANEL,)
"""Where a gold grade can come from."""

AgreementStatus = Literal["usable", "tentative", "unusable", "not known", "no variation", "not applicable"]

USABLE: Final = "usable"
TENTATIVE: Final = "tentative"
UNUSABLE: Final = "unusable"
NOT_KNOWN: Final = "not known"
NO_VARIATION: Final = "no variation"
NOT_APPLICABLE: Final = "not applicable"

AGREEMENT_STATUSES: Final[tuple[AgreementStatus, ...]] = (
    USABLE, TENTATIVE, UNUSABLE, NOT_KNOWN, NO_VARIATION, NOT_APPLICABLE,
)  # fmt: skip
KNOWN_AGREEMENT: Final = (USABLE, TENTATIVE, UNUSABLE)
"""Statuses that rest on enough pairs graded twice, and on grades that vary."""
