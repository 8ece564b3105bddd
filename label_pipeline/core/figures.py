"""A figure with its interval as people read it, also where one of them is not known."""

import math

UNKNOWN = "not known"


def told(value: float | None, low: float | None = None, high: float | None = None, *, form: str = ".3f") -> str:
    """``0.812 [0.700, 0.900]``; without a known interval ``0.812, interval not known``; ``not known`` without a value.

    Args:
        value: the estimate; None or nan where there is none.
        low: lower bound, likewise.
        high: upper bound, likewise.
        form: format of each number, such as ``+.3f``; bounds have no sign.
    """
    if not _known(value):
        return UNKNOWN
    if not (_known(low) and _known(high)):
        return f"{value:{form}}, interval {UNKNOWN}"
    bare = form.removeprefix("+")
    return f"{value:{form}} [{low:{bare}}, {high:{bare}}]"


def _known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)
