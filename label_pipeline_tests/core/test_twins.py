"""Queries of one text in different splits: who is left out of what."""

import polars as pl

from label_pipeline.core.query_text import text_key
from label_pipeline.core.twins import learnt_twins, splits_by_text
from label_pipeline_tests.sql.frames import rows

TEXTS = {
    "train": "reset password", "dev": "vpn", "plain": "lunch", "twin": "Reset password?", "anchor": "VPN",
    "free": "lunch!", "other": "parking",
}  # fmt: skip
QUERIES = rows("queries", *({"query_id": name, "query": text} for name, text in TEXTS.items()))
SPLITS = rows(
    "splits",
    *({"query_id": name, "split": split} for name, split in (
        ("train", "train"), ("dev", "dev"), ("plain", "holdout"), ("twin", "holdout"), ("anchor", "anchor"),
        ("gone", "holdout"))),
)  # fmt: skip


def test_test_queries_whose_text_was_learnt_from() -> None:
    assert set(learnt_twins(SPLITS, QUERIES)["query_id"]) == {"twin", "anchor"}


def test_a_twin_in_another_collection_counts_and_one_of_another_task_does_not() -> None:
    elsewhere = rows("queries", {"query_id": "q", "collection": "mail", "query": "vpn"})
    dealt = rows("splits", {"query_id": "q", "collection": "mail", "split": "holdout"})
    found = learnt_twins(pl.concat([SPLITS, dealt]), pl.concat([QUERIES, elsewhere]))
    assert ("mail", "q") in found.select("collection", "query_id").rows()
    apart = [frame.with_columns(task=pl.lit("other")) for frame in (dealt, elsewhere)]
    assert learnt_twins(pl.concat([SPLITS, apart[0]]), pl.concat([QUERIES, apart[1]])).height == 2


def test_for_a_ranker_learnt_twins_test_nothing_and_an_undealt_twin_of_a_test_query_teaches_nothing() -> None:
    found = dict(splits_by_text(SPLITS, QUERIES).select("query_id", "split").rows())
    assert found == {"train": "train", "dev": "dev", "plain": "holdout", "gone": "holdout", "free": "holdout"}
    assert splits_by_text(SPLITS, QUERIES).schema == SPLITS.schema


def test_without_twins_the_splits_are_as_they_were() -> None:
    alone = SPLITS.filter(pl.col("query_id").is_in(["train", "plain", "gone"]))
    queries = QUERIES.filter(pl.col("query_id").is_in(["train", "plain", "other"]))
    assert splits_by_text(alone, queries).equals(alone)


def test_a_twin_whose_text_is_not_loaded_any_more_is_known_by_the_key_it_was_dealt_with() -> None:
    """Query files are windows of a log: the train query left it, its twin came later."""
    taught = rows("splits", {"query_id": "train", "split": "train", "text_key": text_key("Reset password")})
    splits = pl.concat([taught, SPLITS.filter(pl.col("query_id") == "twin")])
    queries = QUERIES.filter(pl.col("query_id") == "twin")
    assert learnt_twins(splits, queries)["query_id"].to_list() == ["twin"]
    assert splits_by_text(splits, queries)["query_id"].to_list() == ["train"]
