"""Words of the user's inputs, and of what stage seed says about them."""

from typing import Final, Literal

CUSTOMER: Final = "customer"
"""A document's boundary: its text may only be sent to endpoints declared inside."""

INTERNAL: Final = "internal"
"""As read from a file the same as nothing: the text may leave. Never stored."""

BOUNDARIES: Final = (CUSTOMER,)

SEED_INPUTS: Final = ("queries", "documents", "human_labels", "evaluation")
"""Tables that the user's seed files fill."""

CANDIDATES: Final = "candidates"

INPUTS: Final = (*SEED_INPUTS, CANDIDATES)
"""Tables that the user's files fill."""

PANEL: Final = "panel"

GOLD_SOURCES: Final = (PANEL,)
"""Where a gold grade can come from."""

AgreementStatus = Literal["usable", "tentative", "unusable", "not applicable"]

USABLE: Final = "usable"
TENTATIVE: Final = "tentative"
UNUSABLE: Final = "unusable"
NOT_APPLICABLE: Final = "not applicable"

AGREEMENT_STATUSES: Final[tuple[AgreementStatus, ...]] = (USABLE, TENTATIVE, UNUSABLE, NOT_APPLICABLE)
