"""Kinds of trouble with a request, and whose they are: the request's own, or everybody's. Keep out: what HTTP says."""

from enum import Enum


class Trouble(Enum):
    """What became of a try without an answer."""

    BUSY = "refused: more is asked than is allowed (429)"
    OVERLOADED = "refused: the endpoint cannot do it now (503, 529)"
    GONE = "no connection: nothing listens there"
    SILENT = "no answer within the time-out"
    BROKEN = "any other: a 500, a broken connection, an answer that is none"


REFUSALS = frozenset({Trouble.BUSY, Trouble.OVERLOADED})
"""What asks for a slower pace, and costs nothing."""


class Blame(Enum):
    """What a failed try means for its request."""

    REQUEST = "its own: it counts as one of its tries"
    ENDPOINT = "everybody's: it waits for its next turn, and that counts for nothing"
    PATIENCE = "everybody's, for longer than the settings allow: it is given up"
