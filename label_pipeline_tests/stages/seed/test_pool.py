"""The pool of a query and the pairs drawn from it, and the retrieval orders it is made of."""

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.stages.seed.draw import QueryPlan, draw_queries
from label_pipeline.stages.seed.orders import RETRIEVED, built_in_orders, read_orders
from label_pipeline.stages.seed.pool import PoolPlan, draw_pairs, task_id
from label_pipeline_tests.stages.seed.drawing import documents, orders, rows, zipf_log

DRAWN = draw_queries(zipf_log().queries, QueryPlan(queries=20))
FOUND = orders(DRAWN)
DOCUMENTS = documents()


def test_half_comes_from_the_top_and_probabilities_sum_to_the_size_of_each_zone() -> None:
    pool = draw_pairs(DRAWN, FOUND, DOCUMENTS, PoolPlan())
    zones = pool.pairs.group_by(*QUERY_KEY, "zone").agg(
        pl.len(), (1 / pl.col("probability")).sum().alias("weight"), pl.col("n_zone").first()
    )
    assert dict(pool.pairs.group_by("zone").len().iter_rows()) == {"top": 120, "near": 80, "far": 40}
    assert zones["weight"].to_list() == pytest.approx(zones["n_zone"].to_list())
    assert pool.pairs.group_by(QUERY_KEY).len()["len"].to_list() == [12] * 20
    assert pool.books["drawn"] == 240
    assert pool.books["found"] == pool.books["in the pool"] == FOUND.unique([*QUERY_KEY, "doc_id"]).height


def test_zones_follow_the_best_rank_over_the_orders_and_say_both_ranks() -> None:
    pairs = draw_pairs(DRAWN, FOUND, DOCUMENTS, PoolPlan()).pairs
    best = FOUND.group_by(*QUERY_KEY, "doc_id").agg(pl.col("rank").min())
    joined = pairs.join(best, on=[*QUERY_KEY, "doc_id"])
    limits = joined.group_by("zone").agg(pl.col("rank").min().alias("low"), pl.col("rank").max().alias("high"))
    by_zone = {row["zone"]: row for row in limits.iter_rows(named=True)}
    assert by_zone["top"]["high"] <= 5 < by_zone["near"]["low"]
    assert by_zone["near"]["high"] <= 20 < by_zone["far"]["low"]
    row = pairs.row(0, named=True)
    for part in row["ranks"].split():
        name, rank = part.split(":")
        assert FOUND.filter(
            pl.col("order") == name, pl.col("rank") == int(rank), pl.col("doc_id") == row["doc_id"],
            pl.col("query_id") == row["query_id"],
        ).height == 1  # fmt: skip


def test_weighting_by_the_probabilities_gives_the_pool_back_without_bias() -> None:
    """The share of good documents of each pool, good more likely on top: 200 draws, Horvitz-Thompson."""
    one = DRAWN.head(1)
    found = FOUND.join(one, on=list(QUERY_KEY), how="semi")
    pool = found.group_by("doc_id").agg(pl.col("rank").min()).with_columns((pl.col("rank") <= 12).alias("good"))
    truth = pool["good"].sum()
    totals, plain = [], []
    for seed in range(200):
        pairs = draw_pairs(one, found, DOCUMENTS, PoolPlan(seed=seed)).pairs.join(pool, on="doc_id")
        totals.append(float((pairs["good"].to_numpy() / pairs["probability"].to_numpy()).sum()))
        plain.append(pairs["good"].to_numpy().mean() * pool.height)
    assert np.mean(totals) == pytest.approx(truth, abs=4 * float(np.std(totals) / np.sqrt(200)))
    assert np.mean(plain) > 2 * truth


def test_customer_text_and_unknown_documents_never_get_there_and_are_counted() -> None:
    plan = PoolPlan()
    found = draw_pairs(DRAWN, FOUND, documents(300, customers=50), plan)
    asked = FOUND.unique([*QUERY_KEY, "doc_id"])["doc_id"].str.slice(1).cast(pl.Int64)
    assert found.books["customer text, never shown to people"] == (asked < 50).sum() > 0
    assert found.books["not among the documents"] == (asked >= 300).sum() > 0
    number = found.pairs["doc_id"].str.slice(1).cast(pl.Int64)
    assert number.is_between(50, 299).all()
    assert found.pairs.group_by(QUERY_KEY).len()["len"].to_list() == [12] * 20, "others move up"


def test_extending_keeps_every_pair_and_equals_the_larger_draw() -> None:
    small = draw_pairs(DRAWN, FOUND, DOCUMENTS, PoolPlan(pairs=7)).pairs
    large = draw_pairs(DRAWN, FOUND, DOCUMENTS, PoolPlan(pairs=20)).pairs
    extended = draw_pairs(DRAWN, FOUND, DOCUMENTS, PoolPlan(pairs=20), small).pairs
    assert extended.equals(large)
    assert small.join(large, on="task_id", how="anti").is_empty()


def test_with_other_orders_the_drawn_stay_unless_they_may_no_longer_be_shown() -> None:
    before = draw_pairs(DRAWN, FOUND, DOCUMENTS, PoolPlan()).pairs
    renamed = DOCUMENTS.with_columns((pl.col("doc_version") + "x").alias("doc_version"))
    after = draw_pairs(DRAWN, orders(DRAWN, seed=9), renamed, PoolPlan(), before)
    kept = before.join(after.pairs, on="task_id", suffix="_now")
    assert kept.height == before.height < after.pairs.height
    assert (kept["probability_now"] >= kept["probability"]).all()
    assert kept["doc_version_now"].to_list() == [f"{version}x" for version in kept["doc_version"]]
    hidden = draw_pairs(DRAWN, FOUND, documents(customers=400), PoolPlan(), before)
    assert hidden.pairs.is_empty()
    assert hidden.books["drawn earlier, no longer to be shown"] == before.height


def test_few_documents_are_all_drawn_and_shallow_queries_are_counted() -> None:
    few = FOUND.filter(pl.col("rank") <= 4)
    some = few.filter(pl.col("query_id") != DRAWN["query_id"][0])
    pool = draw_pairs(DRAWN, some, DOCUMENTS, PoolPlan())
    assert (pool.pairs["probability"] == 1).all()
    assert pool.books["queries without any document"] == 1
    assert pool.books["queries with fewer pairs than wanted"] == 19


def test_a_task_s_id_is_the_pair_s_for_ever() -> None:
    assert task_id("relevance", "main", "q1", "d1") == "t-461d8335e4e1"
    with pytest.raises(ValueError, match="1 <= top <= near <= depth"):
        PoolPlan(top=30)


# retrieval orders

TEXTS = pl.DataFrame(
    {
        "doc_id": ["a", "b", "c", "d", "e"],
        "title": ["Leave", None, "Payroll", "Leave", None],
        "text": ["how to request leave", "vacation days and leave", "salary and payroll", "vacation request", "zzz"],
    }
)


def query(text: str, query_id: str = "q1") -> pl.DataFrame:
    log = zipf_log(1).queries.with_columns(pl.lit(query_id).alias("query_id"), pl.lit(text).alias("query"))
    return draw_queries(log, QueryPlan(queries=1, floor=0)).with_columns(pl.lit(text).alias("query"))


def test_built_in_orders_find_by_words_and_by_meaning() -> None:
    found = built_in_orders(query("request leave"), TEXTS, depth=5)
    assert found.schema == pl.Schema(RETRIEVED)
    by_words = found.filter(pl.col("order") == "bm25").sort("rank")
    assert by_words["doc_id"].to_list()[0] == "a"
    assert set(by_words["doc_id"]) == {"a", "b", "d"}, "a document without any of the words is not found"
    assert found["order"].n_unique() == 2
    assert built_in_orders(query("nothing here"), TEXTS, depth=5).is_empty()
    assert built_in_orders(query("leave"), TEXTS.clear(), depth=5).is_empty()


def test_a_candidate_file_is_met_by_id_or_words_and_ordered_by_rank_score_or_place() -> None:
    drawn = pl.concat([query("red fox", "q1"), query("blue sky", "q2")]).with_columns(
        pl.Series("normal", ["red fox", "blue sky"])
    )
    records: list[dict[str, object]] = [
        {"query_id": "q1", "doc_id": "b", "order": "x", "rank": 20},
        {"query_id": "q1", "doc_id": "a", "order": "x", "rank": 3},
        {"query": "Blue  sky?", "doc_id": "c", "order": "x", "score": 1.5},
        {"query": "blue sky", "doc_id": "d", "order": "x", "score": 9},
        {"query_id": "q2", "doc_id": "d", "order": "x", "score": 8},
        {"query": "sky blue", "doc_id": "e", "order": "x", "score": 9},  # another query: it gave its documents
        {"query_id": "q7", "doc_id": "d"}, {"query_id": "q2"},
        {"query_id": "q1", "doc_id": "z"}, {"query_id": "q1", "doc_id": "y"},
    ]  # fmt: skip
    read = read_orders([rows("retrieved", records, "ours.csv")], drawn)
    assert sorted(read.found.select("order", "query_id", "doc_id", "rank").rows()) == [
        ("ours", "q1", "y", 2), ("ours", "q1", "z", 1), ("x", "q1", "a", 1), ("x", "q1", "b", 2),
        ("x", "q2", "c", 2), ("x", "q2", "d", 1),
    ]  # fmt: skip
    assert read.books == {"read": 10, "found": 6, "of other queries": 2, "repeats": 1, "unreadable": 1}


def test_a_candidate_file_with_ids_of_its_own_is_met_by_the_words() -> None:
    one = query("request leave", "q-made-here")
    words = one["normal"][0]
    theirs = rows("retrieved", [{"query_id": "17", "query": words, "doc_id": "a"}, {"query_id": "18", "doc_id": "b"}])
    read = read_orders([theirs], one)
    assert read.found.select("query_id", "doc_id").rows() == [("q-made-here", "a")]
    assert read.books == {"read": 2, "found": 1, "of other queries": 1, "repeats": 0, "unreadable": 0}
