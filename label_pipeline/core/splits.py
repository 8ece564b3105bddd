"""Dealing queries to train, dev, holdout and anchor: by quota, in hash order, remembered for good."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

Split = Literal["train", "dev", "holdout", "anchor"]

TRAIN: Final = "train"
DEV: Final = "dev"
HOLDOUT: Final = "holdout"
ANCHOR: Final = "anchor"

SPLITS: Final[tuple[Split, ...]] = (TRAIN, DEV, HOLDOUT, ANCHOR)
"""The four splits, in the order that breaks ties."""

LEARNING_SPLITS: Final = (TRAIN, DEV)
"""What judges, calibrators and rankers may learn from."""

TEST_SPLITS: Final = (HOLDOUT, ANCHOR)
"""What they are tested on."""

SALT = "label_pipeline.splits.1"
"""Default salt of the hash order; another one gives another, equally good, assignment."""


@dataclass(frozen=True)
class Shares:
    """The share of all queries each split is meant to hold.

    Attributes:
        train: examples and rationales the prompt may learn from.
        dev: selection of the judge and, with train, its calibrator.
        holdout: the gate only.
        anchor: the fixed reference that is re-judged on a schedule.

    Raises:
        ValueError: when a share is negative or the four do not add up to 1.
    """

    train: float = 0.12
    dev: float = 0.23
    holdout: float = 0.50
    anchor: float = 0.15

    def __post_init__(self) -> None:
        shares = self.by_split
        if any(not share >= 0 for share in shares.values()) or not math.isclose(sum(shares.values()), 1, abs_tol=1e-9):
            raise ValueError(
                f"split shares must be 0 or more and add up to 1, got {shares}, sum {sum(shares.values())}"
            )

    @property
    def by_split(self) -> dict[str, float]:
        """Split name to share, in the order that breaks ties."""
        return dict(asdict(self))


def hash_order(query_ids: Iterable[str], salt: str) -> list[str]:
    """The distinct ids sorted by sha256 of salt and id: an order nobody chose and anybody can repeat."""
    return sorted(set(query_ids), key=lambda query: (hashlib.sha256(f"{salt}\x1f{query}".encode()).digest(), query))


def quotas(n: int, shares: Shares) -> dict[str, int]:
    """How many of ``n`` queries each split gets, by largest remainder (Hamilton); the quotas add up to ``n``.

    97 queries at the default shares: 12 / 22 / 48 / 15; 120: 14 / 28 / 60 / 18.
    """
    ideal = {split: round(share * n, 9) for split, share in shares.by_split.items()}
    result = {split: math.floor(value) for split, value in ideal.items()}
    by_remainder = sorted(ideal, key=lambda split: result[split] - ideal[split])  # stable: ties in split order
    for split in by_remainder[: n - sum(result.values())]:
        result[split] += 1
    return result


def assign_splits(
    query_ids: Iterable[str],
    remembered: Mapping[str, str],
    shares: Shares,
    salt: str = SALT,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, str]:
    """Gives every query a split and keeps every split once given.

    New queries are taken in hash order; each goes to the split furthest below its share of the queries now present.
    A first assignment therefore meets ``quotas`` exactly, and a later one approaches them without moving anybody.

    Args:
        query_ids: the queries now present; order and repetition do not matter.
        remembered: query to split from earlier assignments, also of queries that are gone.
        shares: intended shares.
        salt: fixed for a project's life.
        sizes: queries that follow one, itself included; 1 where absent. The largest are dealt first, so that a group
            of many rewordings finds room.

    Returns:
        Query to split for all of ``query_ids`` and, unchanged, all of ``remembered``: store all of it, or a query
        that vanishes and comes back could move.

    Raises:
        ValueError: when ``remembered`` names a split that does not exist.
    """
    unknown = sorted(set(remembered.values()) - set(SPLITS))
    if unknown:
        raise ValueError(f"remembered splits {unknown} are unknown, expected one of {list(SPLITS)}")
    size = {} if sizes is None else sizes
    present = sorted(hash_order(query_ids, salt), key=lambda query: -size.get(query, 1))
    total = sum(size.get(query, 1) for query in present)
    held: Counter[str] = Counter()
    for query in present:
        if query in remembered:
            held[remembered[query]] += size.get(query, 1)
    result = dict(remembered)
    for query in present:
        if query in result:
            continue
        split = max(SPLITS, key=lambda name: round(shares.by_split[name] * total, 9) - held[name])
        held[split] += size.get(query, 1)
        result[query] = split
    return result
