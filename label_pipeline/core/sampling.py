"""Drawing by permanent random numbers: who is drawn depends on a hash, how likely is known, and more keeps what was.

Every unit has one number in [0, 1) for good: the hash of a salt and its key. The n units with the smallest numbers are
a simple random sample without replacement, and n + 1 of them contain it (Ohlsson 1995, "Coordination of samples using
permanent random numbers").
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from label_pipeline.core.text import Ints

_RESOLUTION = 2.0**-53


def permanent_number(salt: str, *key: str) -> float:
    """The unit's random number in [0, 1): 53 bits of the sha256 of salt and key. Another salt is another draw."""
    digest = hashlib.sha256("\x1f".join([salt, *key]).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * _RESOLUTION


def allocate(total: int, sizes: Sequence[float], caps: Sequence[int], floor: int = 0) -> Ints:
    """Shares ``total`` places out to strata in proportion to ``sizes`` (Webster's highest averages), (H,).

    Webster's method is house-monotone: a larger ``total`` takes no place from any stratum, which largest remainders
    would do. With sizes N_h the shares are proportional, with N_h S_h they are Neyman's.

    Args:
        total: places.
        sizes: what shares follow, 0 or more; a stratum of size 0 gets its floor only.
        caps: units each stratum has.
        floor: places every stratum gets first, as far as it has units.

    Returns:
        Places a stratum; fewer than ``total`` in all where the strata have no more units.

    Raises:
        ValueError: when the floors alone need more than ``total``.
    """
    weight, cap = np.asarray(sizes, dtype=np.float64), np.asarray(caps, dtype=np.int64)
    given: Ints = np.minimum(cap, floor)
    if given.sum() > total:
        raise ValueError(f"{weight.size} strata with a floor of {floor} need {given.sum()} places, there are {total}")
    while given.sum() < total:
        claim = np.where((given < cap) & (weight > 0), weight / (2 * given + 1), -1.0)
        if not claim.size or claim.max() < 0:
            break
        given = given + (np.arange(weight.size) == int(claim.argmax()))
    return given
