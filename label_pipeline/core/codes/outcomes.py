"""What became of one request to a judge: a grade, or why there is none."""

from typing import Final, Literal

Outcome = Literal[
    "graded",
    "malformed",
    "cut",
    "refused",
    "rejected",
    "unanswerable",
    "out_of_scale",
    "wrong_model",
    "failed",
    "over_cap",
]

GRADED: Final = "graded"
MALFORMED: Final = "malformed"
CUT: Final = "cut"
REFUSED: Final = "refused"
"""The model, or the provider's filter, refused to grade."""
REJECTED: Final = "rejected"
"""The endpoint rejects this one text for good: no model spoke."""
UNANSWERABLE: Final = "unanswerable"
"""No reply in run after run, while other texts are answered: it is this text, and it may not block others for ever."""
OUT_OF_SCALE: Final = "out_of_scale"
WRONG_MODEL: Final = "wrong_model"
FAILED: Final = "failed"
"""The request was sent, and no reply came."""
OVER_CAP: Final = "over_cap"
"""The request was not sent, because the cap was reached."""

OUTCOMES: Final[tuple[Outcome, ...]] = (
    GRADED, MALFORMED, CUT, REFUSED, REJECTED, UNANSWERABLE, OUT_OF_SCALE, WRONG_MODEL, FAILED, OVER_CAP,
)  # fmt: skip

UNREADABLE: Final = (MALFORMED, CUT, OUT_OF_SCALE)
"""A reply came and holds no grade: asking again may cure it."""

REFUSALS: Final = (REFUSED, REJECTED, UNANSWERABLE)
"""A final no, by the model or by its endpoint, or its silence: an answer about the judge."""

UNANSWERED: Final = (FAILED, OVER_CAP)
"""No answer, and no evidence about the judge: it costs nothing, and a later run may get one."""

NO_ANSWER: Final = (*UNANSWERED, WRONG_MODEL)
"""No answer of the judge that was asked."""
