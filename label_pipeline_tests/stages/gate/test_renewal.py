"""Retiring a holdout: what moves, what never moves again, and how many new queries the next one needs."""

from collections import Counter

import polars as pl
import pytest

from label_pipeline.core.splits import Shares
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.stages.gate import POLICIES, generation, queries_needed, queries_to_add, retire
from label_pipeline.stages.seed import seed_splits
from label_pipeline_tests.sql import frames
from label_pipeline_tests.sql.frames import NOON

POLICY = POLICIES["single-standard"]


def gold_of(n: int, collection: str = "main") -> pl.DataFrame:
    return frames.rows(
        "gold", *({"query_id": f"{collection}{number}", "collection": collection} for number in range(n))
    )


def dealt(n: int, remembered: pl.DataFrame | None = None) -> pl.DataFrame:
    known = frames.rows("splits") if remembered is None else remembered
    return seed_splits(gold_of(n), known, Shares(), NOON)


def holdout(splits: pl.DataFrame) -> pl.DataFrame:
    return splits.filter(pl.col("split") == "holdout").select(QUERY_KEY)


def counts(splits: pl.DataFrame) -> Counter[str]:
    return Counter(splits["split"])


def test_the_looked_at_holdout_joins_dev_and_new_queries_fill_its_place() -> None:
    first = dealt(88)
    assert counts(first) == {"train": 11, "dev": 20, "holdout": 44, "anchor": 13}
    assert generation(first, "main") == 1
    retired = retire(first, holdout(first), "main")
    assert counts(retired) == {"train": 11, "dev": 64, "anchor": 13}
    assert generation(retired, "main") == 2
    second = dealt(88 + 44, retired)
    new = second.filter(pl.col("query_id").str.slice(4).cast(pl.Int64) >= 88)
    assert counts(new)["holdout"] >= 40
    moved = second.join(holdout(first), on=QUERY_KEY, how="semi")
    assert set(moved["split"]) == {"dev"}
    assert set(moved["retired"]) == {1}, "the note survives the next deal"
    assert holdout(second).join(holdout(first), on=QUERY_KEY, how="semi").is_empty()


def test_a_second_retirement_is_another_generation_and_moves_only_its_own() -> None:
    once = retire(dealt(88), holdout(dealt(88)), "main")
    again = dealt(140, once)
    twice = retire(again, holdout(again), "main")
    assert generation(twice, "main") == 3
    assert Counter(twice["retired"].drop_nulls()) == {1: 44, 2: holdout(again).height}


def test_a_holdout_query_nobody_looked_at_stays_and_other_splits_and_collections_never_move() -> None:
    both = pl.concat([dealt(88), seed_splits(gold_of(20, "mail"), frames.rows("splits"), Shares(), NOON)])
    looked_at = both.select(QUERY_KEY)  # an anchor query too, in the lane
    unseen = holdout(both).filter(pl.col("collection") == "main").head(3)
    found = retire(both, looked_at.join(unseen, on=QUERY_KEY, how="anti"), "main")
    stayed = found.filter(pl.col("collection") == "main", pl.col("split") == "holdout")
    assert sorted(stayed["query_id"]) == sorted(unseen["query_id"])
    assert stayed["retired"].null_count() == 3
    same = (pl.col("collection") == "mail") | (pl.col("split") != "holdout")
    before, after = both.filter(same), found.join(both.filter(same), on=QUERY_KEY, how="semi")
    assert after.equals(before.select(after.columns))
    assert generation(found, "mail") == 1


def test_nothing_looked_at_nothing_moves() -> None:
    first = dealt(88)
    assert retire(first, first.clear().select(QUERY_KEY), "main").equals(first)


@pytest.mark.parametrize("n", [88, 97, 200])
def test_so_many_new_queries_are_needed_and_one_less_is_too_few(n: int) -> None:
    first = dealt(n)
    needed = queries_needed(first, "main", Shares(), POLICY)
    retired = retire(first, holdout(first), "main")
    assert queries_needed(retired, "main", Shares(), POLICY) == needed, "asked before or after, the answer is one"
    assert counts(dealt(n + needed, retired))["holdout"] >= POLICY.min_queries
    assert counts(dealt(n + needed - 1, retired))["holdout"] < POLICY.min_queries
    assert POLICY.min_queries <= needed <= POLICY.min_queries + 10


def test_what_came_in_since_is_not_asked_for_again() -> None:
    retired = retire(dealt(88), holdout(dealt(88)), "main")
    some = dealt(88 + 20, retired)
    left = queries_needed(some, "main", Shares(), POLICY)
    assert left == queries_needed(retired, "main", Shares(), POLICY) - 20


@pytest.mark.parametrize("more", [1, 9, 17])
def test_what_a_short_holdout_lacks_is_told_in_queries_to_grade_and_one_fewer_does_not_do(more: int) -> None:
    """At 53 queries the advice was 17; obeyed, it was given again at 70 and at 79."""
    first = dealt(53)
    held = counts(first)["holdout"]
    needed = queries_to_add(first, "main", Shares(), more)
    assert needed > more
    assert counts(dealt(53 + needed, first))["holdout"] == held + more
    assert counts(dealt(53 + needed - 1, first))["holdout"] < held + more
