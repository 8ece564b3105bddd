"""Splits: known quotas, and properties over seeded random histories."""

import random
from collections import Counter

import pytest

from label_pipeline.core.splits import SALT, SPLITS, Shares, assign_splits, hash_order, quotas

SHARES = Shares()
PINNED_ORDER = ["q0", "q2", "q5", "q1", "q3", "q4"]
PINNED_DEAL = {"q0": "holdout", "q2": "holdout", "q5": "dev", "q1": "holdout", "q3": "anchor", "q4": "train"}


def ids(n: int, prefix: str = "q") -> list[str]:
    return [f"{prefix}{i}" for i in range(n)]


@pytest.mark.parametrize(
    ("n", "expected"),
    [(97, (12, 22, 48, 15)), (120, (14, 28, 60, 18)), (100, (12, 23, 50, 15)), (0, (0, 0, 0, 0)), (1, (0, 0, 1, 0))],
)
def test_known_quotas(n: int, expected: tuple[int, ...]) -> None:
    assert tuple(quotas(n, SHARES).values()) == expected
    assert tuple(quotas(n, SHARES)) == SPLITS == ("train", "dev", "holdout", "anchor")


def test_quotas_add_up_and_are_within_one_of_the_share() -> None:
    draw = random.Random(0)
    for _ in range(300):
        cuts = sorted(draw.random() for _ in range(3))
        shares = Shares(cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1], 1 - cuts[2])
        n = draw.randrange(0, 500)
        result = quotas(n, shares)
        assert sum(result.values()) == n
        assert all(abs(result[split] - share * n) < 1 for split, share in shares.by_split.items())


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5, 0.5), (-0.1, 0.4, 0.5, 0.2), (0.12, 0.23, 0.5, float("nan"))])
def test_shares_that_are_no_shares_are_refused(shares: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        Shares(*shares)


def test_a_first_deal_meets_the_quotas_whatever_the_salt() -> None:
    draw = random.Random(1)
    for n in [97, 120, *(draw.randrange(1, 400) for _ in range(60))]:
        assigned = assign_splits(ids(n), {}, SHARES, salt=f"salt {n}")
        counted = Counter(assigned.values())
        assert {split: counted[split] for split in SPLITS} == quotas(n, SHARES)


def test_order_and_repetition_of_the_queries_do_not_matter_but_the_salt_does() -> None:
    queries = ids(150)
    assigned = assign_splits(queries, {}, SHARES)
    shuffled = queries * 2
    random.Random(2).shuffle(shuffled)
    assert assign_splits(shuffled, {}, SHARES) == assigned
    assert assign_splits(queries, {}, SHARES, SALT) == assigned
    moved = sum(assigned[q] != s for q, s in assign_splits(queries, {}, SHARES, "another salt").items())
    assert moved > 50  # two independent deals differ in about two thirds


def test_the_deal_is_the_same_on_every_machine() -> None:
    # pinned: a change of the hash would move every query of every project
    assert hash_order(ids(6), "pinned") == PINNED_ORDER
    assert assign_splits(ids(6), {}, SHARES, "pinned") == PINNED_DEAL


def test_a_group_that_is_dealt_as_one_counts_by_its_size_and_finds_room() -> None:
    """Eleven rewordings and 89 others: the splits hold what 100 queries are to have."""
    queries = ids(90)
    for salt in ("one", "two", "three"):
        assigned = assign_splits(queries, {}, SHARES, salt, {queries[0]: 11})
        held = Counter(assigned.values())
        held[assigned[queries[0]]] += 10
        assert {split: held[split] for split in SPLITS} == quotas(100, SHARES)


def test_no_query_ever_moves_through_any_history() -> None:
    draw = random.Random(3)
    for history in range(30):
        remembered: dict[str, str] = {}
        everyone = ids(200)
        for _ in range(8):
            present = draw.sample(everyone, draw.randrange(0, 200))  # queries come, vanish and come back
            assigned = assign_splits(present, remembered, SHARES, salt=str(history))
            assert set(assigned) == set(present) | set(remembered)
            assert all(assigned[query] == split for query, split in remembered.items())
            assert set(assigned.values()) <= set(SPLITS)
            remembered = assigned


def test_a_new_query_fills_the_split_furthest_below_its_share() -> None:
    remembered = {**dict.fromkeys(ids(12, "t"), "train"), **dict.fromkeys(ids(23, "d"), "dev")}
    remembered |= {**dict.fromkeys(ids(50, "h"), "holdout"), **dict.fromkeys(ids(5, "a"), "anchor")}
    assigned = assign_splits([*remembered, *ids(9, "new")], remembered, SHARES)
    assert [assigned[query] for query in ids(9, "new")] == ["anchor"] * 9


def test_queries_that_are_gone_leave_room_to_be_filled() -> None:
    remembered = assign_splits(ids(100), {}, SHARES)
    present = [query for query, split in remembered.items() if split != "dev"]
    assigned = assign_splits([*present, *ids(20, "new")], remembered, SHARES)
    fresh = Counter(assigned[query] for query in ids(20, "new"))
    assert fresh["dev"] == 20


def test_growing_by_one_at_a_time_keeps_every_split_near_its_share() -> None:
    remembered: dict[str, str] = {}
    for n in range(1, 201):
        remembered = assign_splits(ids(n), remembered, SHARES)
    counted = Counter(remembered.values())
    assert all(abs(counted[split] - share * 200) < 1 for split, share in SHARES.by_split.items())


def test_a_split_without_a_share_gets_nobody() -> None:
    assert "anchor" not in assign_splits(ids(60), {}, Shares(0.2, 0.3, 0.5, 0.0)).values()


def test_an_unknown_remembered_split_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['test'\] are unknown"):
        assign_splits(["q1"], {"q1": "test"}, SHARES)
