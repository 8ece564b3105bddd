"""The life of a production label, and what kept pairs of a day from getting one."""

from typing import Final, Literal

Status = Literal["provisional", "confirmed", "superseded", "recalled"]

PROVISIONAL: Final = "provisional"
"""Given, and not yet followed by a healthy anchor run."""
CONFIRMED: Final = "confirmed"
SUPERSEDED: Final = "superseded"
RECALLED: Final = "recalled"

STATUSES: Final[tuple[Status, ...]] = (PROVISIONAL, CONFIRMED, SUPERSEDED, RECALLED)
"""In the order they can follow one another; at one moment the later one decides."""

USABLE: Final = (PROVISIONAL, CONFIRMED)
"""A label of these statuses may train a ranker."""

TAKEN_BACK: Final = (SUPERSEDED, RECALLED)

Refuser = Literal["gate", "anchor", "cap", "canary", "model", "text"]
"""What refused pairs of a day and collection."""

GATE: Final = "gate"
"""No verdict was open and current."""
ANCHOR: Final = "anchor"
"""No baseline stood and none could be made."""
CAP: Final = "cap"
"""The plan, or the run, passed the cap."""
CANARY: Final = "canary"
"""The judge was plainly not itself."""
MODEL: Final = "model"
"""Another model answered than was certified."""

TEXT: Final = "text"
"""Their query's or document's text is gone since they were loaded."""

REFUSERS: Final[tuple[Refuser, ...]] = (GATE, ANCHOR, CAP, CANARY, MODEL, TEXT)

Beyond = Literal["grade", "length", "language", "source"]
"""In what a labelled pair lies outside what the human seed covered, and the certificate with it."""

GRADE: Final = "grade"
"""The judge gave a grade that it gave to no human-graded pair."""
LENGTH: Final = "length"
"""The document is shorter or longer than any of those."""
LANGUAGE: Final = "language"
"""The query or the document is in a language that none of those is in."""
SOURCE: Final = "source"
"""The document is of a source that none of those is of."""

BEYOND: Final[tuple[Beyond, ...]] = (GRADE, LENGTH, LANGUAGE, SOURCE)
