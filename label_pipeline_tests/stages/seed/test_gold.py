"""gold_labels and seed_splits: the declared tables, features carried, no query ever moved."""

import datetime as dt

import polars as pl
import pytest

from label_pipeline.core.catalogue import GOLD, HUMAN_LABELS, SPLITS
from label_pipeline.core.splits import Shares, quotas
from label_pipeline.stages.seed import gold_labels, seed_splits
from label_pipeline_tests.sql.frames import rows

DAY1, DAY2 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def labels(queries: list[str], collection: str = "main") -> pl.DataFrame:
    return HUMAN_LABELS.conform(
        pl.DataFrame(
            [
                {
                    "task": "relevance", "collection": collection, "query_id": query, "doc_id": "d1",
                    "doc_version": "v", "annotator_id": who, "grade": grade, "features": '{"feature_a":1.0}',
                    "incumbent_score": 2.0,
                }
                for query in queries
                for who, grade in (("a1", 1), ("a2", 2))
            ]
        )
    )  # fmt: skip


def test_gold_is_the_panel_mean_with_the_pairs_own_columns() -> None:
    gold = gold_labels(labels(["q1"]))
    assert gold.schema == GOLD.schema
    assert gold.select(
        "gold_mean", "gold_variance", "n_grades", "gold_grade", "gold_source", "features", "incumbent_score"
    ).row(0) == (1.5, 0.5, 2, 2, "panel", '{"feature_a":1.0}', 2.0)
    assert gold_labels(HUMAN_LABELS.empty()).equals(GOLD.empty())


def test_a_first_deal_meets_the_quotas() -> None:
    splits = seed_splits(gold_labels(labels([f"q{i}" for i in range(97)])), SPLITS.empty(), Shares(), DAY1)
    assert splits.schema == SPLITS.schema
    assert dict(splits["split"].value_counts().iter_rows()) == {"train": 12, "dev": 22, "holdout": 48, "anchor": 15}


def test_queries_stay_where_they_are_and_keep_their_date() -> None:
    first = seed_splits(gold_labels(labels([f"q{i}" for i in range(20)])), SPLITS.empty(), Shares(), DAY1)
    # q0 is gone, q20..q29 are new
    second = seed_splits(gold_labels(labels([f"q{i}" for i in range(1, 30)])), first, Shares(), DAY2)
    assert second.height == 30
    old = second.join(first.select("query_id"), on="query_id", how="semi")
    assert old.sort("query_id").equals(first.sort("query_id"))
    assert second.filter(dealt_at=DAY2).height == 10
    assert seed_splits(gold_labels(labels(["q1"])), second, Shares(), DAY2).equals(second)


def test_collections_are_dealt_apart() -> None:
    names = [f"q{i}" for i in range(20)]
    gold = gold_labels(pl.concat([labels(names), labels(names, "mail")]))
    splits = seed_splits(gold, SPLITS.empty(), Shares(), DAY1)
    counts = splits.group_by("collection", "split").len().sort("collection", "split")
    assert counts.filter(collection="mail")["len"].to_list() == counts.filter(collection="main")["len"].to_list()
    assert splits.height == 40


def test_no_gold_and_no_memory_is_an_empty_table() -> None:
    assert seed_splits(GOLD.empty(), SPLITS.empty(), Shares(), DAY1).equals(SPLITS.empty())


def test_a_split_nobody_knows_is_refused() -> None:
    strange = SPLITS.typed(
        pl.DataFrame(
            {"task": ["relevance"], "collection": ["main"], "query_id": ["q1"], "split": ["test"], "dealt_at": [DAY1]}
        )
    )
    with pytest.raises(ValueError, match="test"):
        seed_splits(gold_labels(labels(["q1"])), strange, Shares(), DAY2)


def texts(by_query: dict[tuple[str, str], str]) -> pl.DataFrame:
    given = (
        {"collection": collection, "query_id": name, "query": text} for (collection, name), text in by_query.items()
    )
    return rows("queries", *given)


def split_of(splits: pl.DataFrame) -> dict[tuple[str, str], str]:
    return {(collection, query): split for collection, query, split in
            splits.select("collection", "query_id", "split").rows()}  # fmt: skip


def test_queries_of_one_text_are_dealt_together_whatever_their_ids_and_collections() -> None:
    """100 ids of 50 texts, and 20 of them in another collection: 23 of 50 were learnt from and tested on."""
    names, mail = [f"q{i:03}" for i in range(100)], [f"m{i}" for i in range(20)]
    gold = gold_labels(pl.concat([labels(names), labels(mail, "mail")]))
    asked = {("main", name): f"Text {i % 50}" for i, name in enumerate(names)}
    asked |= {("mail", name): f"text  {i}?" for i, name in enumerate(mail)}
    splits = seed_splits(gold, SPLITS.empty(), Shares(), DAY1, queries=texts(asked))
    found: dict[str, set[str]] = {}
    for place, split in split_of(splits).items():
        found.setdefault(asked[place].lower().replace("  ", " ").rstrip("?"), set()).add(split)
    assert len(found) == 50
    assert all(len(held) == 1 for held in found.values())
    assert splits["text_key"].n_unique() == 50
    counts = dict(splits.filter(collection="main")["split"].value_counts().iter_rows())
    assert counts == {"train": 12, "dev": 24, "holdout": 50, "anchor": 14}  # 6, 12, 25 and 7 texts, twice each


def test_twins_that_were_dealt_apart_stay_and_a_new_one_follows_the_first() -> None:
    before = rows(
        "splits", {"query_id": "late", "split": "holdout", "dealt_at": DAY2},
        {"query_id": "early", "split": "dev", "dealt_at": DAY1},
    )  # fmt: skip
    asked = texts({("main", "late"): "vpn", ("main", "early"): "vpn", ("main", "new"): "VPN", ("mail", "far"): "vpn?"})
    gold = gold_labels(pl.concat([labels(["late", "early", "new"]), labels(["far"], "mail")]))
    found = split_of(seed_splits(gold, before, Shares(), DAY2, queries=asked))
    assert found == {
        ("main", "late"): "holdout", ("main", "early"): "dev", ("main", "new"): "dev", ("mail", "far"): "dev",
    }  # fmt: skip


def test_a_text_that_is_gone_is_remembered_by_its_key() -> None:
    asked = texts({("main", "old"): "vpn"})
    first = seed_splits(gold_labels(labels(["old"])), SPLITS.empty(), Shares(), DAY1, queries=asked)
    later = texts({("main", f"q{i}"): f"text {i}" for i in range(8)} | {("main", "again"): "VPN"})
    found = split_of(
        seed_splits(gold_labels(labels([*(f"q{i}" for i in range(8)), "again"])), first, Shares(), DAY2, queries=later)
    )
    assert found["main", "again"] == found["main", "old"]


def test_queries_that_say_nearly_the_same_are_dealt_together_and_stay_two() -> None:
    pairs = [("reset vpn password", "how to reset the VPN passwords?"), ("paris to london", "london to paris")]
    asked = {
        ("main", f"{side}{i}"): f"{text} {i}" for i in range(30) for side, text in zip("ab", pairs[i % 2], strict=True)
    }
    splits = seed_splits(
        gold_labels(labels([name for _, name in asked])), SPLITS.empty(), Shares(), DAY1, queries=texts(asked)
    )
    found = split_of(splits)
    assert all(found["main", f"a{i}"] == found["main", f"b{i}"] for i in range(30))
    assert splits["text_key"].n_unique() == 60, "each is known by its own text"
    late = asked | {("main", "late"): "password reset for VPN 0"}
    again = seed_splits(gold_labels(labels([name for _, name in late])), splits, Shares(), DAY2, queries=texts(late))
    assert split_of(again)["main", "late"] == found["main", "a0"], "a new one follows"


def test_rewordings_take_up_the_room_of_so_many_queries() -> None:
    """Thirty rewordings of one need beside 90 others: the other splits get the share of 120."""
    asked = {("main", f"w{i}"): " ".join(["vpn", "reset", "password"] + ["the"] * i) for i in range(30)}
    asked |= {("main", f"q{i}"): f"text {i}" for i in range(90)}
    splits = seed_splits(
        gold_labels(labels([name for _, name in asked])), SPLITS.empty(), Shares(), DAY1, queries=texts(asked)
    )
    assert dict(splits.group_by("split").len().iter_rows()) == quotas(120, Shares())


def test_without_twins_the_deal_is_the_one_it_was() -> None:
    names = [f"q{i}" for i in range(97)]
    gold = gold_labels(labels(names))
    by_id = seed_splits(gold, SPLITS.empty(), Shares(), DAY1)
    by_text = seed_splits(
        gold, SPLITS.empty(), Shares(), DAY1, queries=texts({("main", name): f"text {name}" for name in names})
    )
    assert by_text.drop("text_key").equals(by_id.drop("text_key"))
