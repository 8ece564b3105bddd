"""The query log and the draw of queries: what is one query, which stratum it is in, how likely it is, what stays."""

import hashlib
from collections import Counter

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.errors import InputError
from label_pipeline.core.sampling import permanent_number
from label_pipeline.stages.seed.draw import DRAWN, QueryPlan, draw_queries, summary
from label_pipeline.stages.seed.pool import PoolPlan, draw_pairs
from label_pipeline.stages.seed.querylog import STRATUM, read_log
from label_pipeline_tests.stages.seed.drawing import documents, orders, rows, zipf_log


def test_spellings_of_one_query_are_one_query_with_all_its_traffic() -> None:
    records: list[dict[str, object]] = [
        {"query": "reset password", "frequency": 5, "language": "en"},
        {"query": "Reset password?", "frequency": 7, "query_id": "q9"},
        {"query": "RESET  password", "frequency": 1},
        {"query": "reset password", "frequency": 3, "collection": "shop"},
        {"query": "vacation", "query_id": "q1"},
        {"query": "ＶＡＣＡＴＩＯＮ", "query_id": "q2", "frequency": 1},
    ]
    log = read_log([rows("query_log", records)])
    found = log.queries.sort("collection", "frequency", descending=[False, True])
    assert found.select("collection", "query", "frequency").rows() == [
        ("main", "Reset password?", 13.0), ("main", "vacation", 2.0), ("shop", "reset password", 3.0),
    ]  # fmt: skip
    assert found["query_id"].to_list()[:2] == ["q9", "q1"], "its most frequent spelling's id, else one of its ids"
    assert found["query_id"][2].startswith("q-")
    assert found["language"].to_list() == ["en", None, None], "the most frequent spelling does not say, another does"
    assert log.books == {"read": 6, "queries": 3, "near-duplicates": 3, "rejected": 0}
    assert log.merged.select("query", "kept_as").rows() == [
        ("reset password", "Reset password?"), ("RESET  password", "Reset password?"), ("ＶＡＣＡＴＩＯＮ", "vacation"),
    ]  # fmt: skip


def test_other_symbols_and_another_order_are_other_queries() -> None:
    texts = ["c++ string split", "c# string split", "c string split", "paris to london", "london to paris",
             "4.5 inch tv", "5.4 inch tv"]  # fmt: skip
    log = read_log([rows("query_log", [{"query": text} for text in texts])])
    assert sorted(log.queries["query"]) == sorted(texts)
    assert log.queries["query_id"].n_unique() == len(texts)
    assert log.merged.is_empty()


def test_made_ids_depend_on_the_words_alone_and_ids_used_twice_are_replaced() -> None:
    one = read_log([rows("query_log", [{"query": "red fox"}, {"query": "blue sky"}])]).queries
    two = read_log([rows("query_log", [{"query": "Fox, red", "frequency": 9}])]).queries
    assert set(two["query_id"]) < set(one["query_id"])
    clash = read_log([rows("query_log", [{"query": "a b", "query_id": "q1"}, {"query": "c d", "query_id": "q1"}])])
    assert clash.queries["query_id"].n_unique() == 2


def test_rows_nobody_can_grade_are_rejected_with_a_reason_and_the_books_add_up() -> None:
    records: list[dict[str, object]] = [
        {"query": "ok"}, {"query": None}, {"query": "?!"}, {"query": "x", "frequency": "-1"},
        {"query": "y", "frequency": "many"}, {"query": "z" * 10_001}, {"query": "w", "frequency": "2.5"},
    ]  # fmt: skip
    log = read_log([rows("query_log", records)])
    assert log.books == {"read": 7, "queries": 2, "near-duplicates": 0, "rejected": 5}
    assert log.rejected["line"].to_list() == [3, 4, 5, 6, 7]
    assert log.rejected["reason"][2].startswith("frequency '-1' is no positive number")


def test_bands_cut_the_traffic_in_thirds_and_equal_frequencies_stay_together() -> None:
    log = zipf_log().queries
    share = dict(log.group_by("band").agg(pl.col("traffic").sum()).iter_rows())
    # ranks up to about 8 hold a third of sum 1/i; the tail is the rest
    assert share["head"] == pytest.approx(1 / 3, abs=0.05)
    assert share["torso"] == pytest.approx(1 / 3, abs=0.05)
    assert (log.group_by("frequency").agg(pl.col("band").n_unique())["band"] == 1).all()
    order = log.group_by("band").agg(pl.col("frequency").min().alias("low"), pl.col("frequency").max().alias("high"))
    by_band = {row["band"]: row for row in order.iter_rows(named=True)}
    assert by_band["head"]["low"] > by_band["torso"]["high"] > by_band["torso"]["low"] > by_band["tail"]["high"]
    singles = read_log([rows("query_log", [{"query": f"w{i}", "frequency": 1} for i in range(5)])])
    assert set(singles.queries["band"]) == {"torso"}, "nothing to tell apart"


def test_a_language_hardly_anybody_uses_has_no_strata_of_its_own() -> None:
    records = [{"query": f"w{i}", "frequency": 10, "language": "EN"} for i in range(120)]
    records += [{"query": "mot", "frequency": 5, "language": "fr"}, {"query": "x y", "frequency": 500}]
    groups = read_log([rows("query_log", records)]).queries
    assert set(groups["language_group"]) == {"en", "other", "unknown"}
    assert groups.filter(pl.col("normal") == "mot")["language"].item() == "fr", "the language itself is kept"


def test_the_same_log_and_plan_give_the_same_draw_whatever_the_order_of_rows() -> None:
    log = zipf_log().queries
    drawn = draw_queries(log, QueryPlan())
    assert drawn.schema == pl.Schema(DRAWN)
    assert drawn.height == 100
    assert drawn.equals(draw_queries(log.sample(fraction=1, shuffle=True, seed=3), QueryPlan()))
    other = draw_queries(log, QueryPlan(seed=8))
    assert other.join(drawn, on="query_id", how="semi").height < 60


def test_probabilities_are_the_share_drawn_of_each_stratum_and_sum_to_its_size() -> None:
    log = zipf_log().queries
    drawn = draw_queries(log, QueryPlan())
    for row in summary(log, drawn).iter_rows(named=True):
        assert row["drawn"] >= min(2, row["queries"])
        assert row["probability"] == pytest.approx(row["drawn"] / row["queries"], abs=1e-4)
    weights = drawn.group_by(STRATUM).agg((1 / pl.col("probability")).sum().alias("weight"))
    sizes = log.group_by(STRATUM).len()
    assert weights.join(sizes, on=list(STRATUM)).select((pl.col("weight") - pl.col("len")).abs().max()).item() < 1e-6


def test_weighting_by_the_recorded_probabilities_is_unbiased_and_the_plain_mean_is_not() -> None:
    """A quality that falls with frequency: over 300 draws Horvitz-Thompson meets the population, the mean does not."""
    log = zipf_log(600).queries.with_columns((1 / pl.col("frequency").log1p()).alias("value"))
    truth = float(log["value"].to_numpy().mean())
    weighted, plain = [], []
    for seed in range(300):
        drawn = draw_queries(log, QueryPlan(queries=60, seed=seed)).join(log.select("normal", "value"), on="normal")
        value, probability = drawn["value"].to_numpy(), drawn["probability"].to_numpy()
        weighted.append(float((value / probability).sum()) / log.height)
        plain.append(float(value.mean()))
    error = np.std(weighted) / np.sqrt(300)
    assert np.mean(weighted) == pytest.approx(truth, abs=4 * error)
    assert abs(np.mean(plain) - truth) > 0.1 * truth


def test_extending_keeps_every_query_and_equals_the_larger_draw() -> None:
    log = zipf_log().queries
    small, large = draw_queries(log, QueryPlan(queries=40)), draw_queries(log, QueryPlan(queries=90))
    extended = draw_queries(log, QueryPlan(queries=90), small)
    assert small.join(extended, on="query_id", how="anti").is_empty()
    assert extended.equals(large)
    assert draw_queries(log, QueryPlan(queries=20), large).drop(same := ["n_drawn"]).equals(large.drop(same)), (
        "fewer takes none away"
    )


def test_on_another_log_what_was_drawn_stays_with_the_larger_of_its_probabilities() -> None:
    before = draw_queries(zipf_log(500).queries, QueryPlan(queries=60))
    later = zipf_log(4000).queries
    drawn = draw_queries(later, QueryPlan(queries=60), before)
    both = before.join(drawn, on="query_id", suffix="_now")
    assert both.height == before.height
    assert (both["probability_now"] >= both["probability"] - 1e-12).all()
    shorter = zipf_log(100).queries
    kept = draw_queries(shorter, QueryPlan(queries=60), before)
    gone = before.join(shorter, on="normal", how="anti")
    assert gone.height > 0
    assert gone.join(kept, on=["query_id", "probability"], how="anti").is_empty()


def test_a_drawn_query_keeps_its_text_and_id_when_another_spelling_takes_over() -> None:
    first = read_log([rows("query_log", [{"query": "red fox", "frequency": 3, "query_id": "old"}])]).queries
    before = draw_queries(first, QueryPlan(queries=1, floor=1))
    second = read_log([rows("query_log", [{"query": "Red  fox!", "frequency": 9, "query_id": "new"}])]).queries
    drawn = draw_queries(second, QueryPlan(queries=1, floor=1), before)
    assert drawn.select("query_id", "query").rows() == [("old", "red fox")]


def test_a_draw_of_an_older_version_that_knew_queries_by_sorted_words_is_kept() -> None:
    log = read_log([rows("query_log", [{"query": "red fox", "query_id": "old"}, {"query": "blue sky"}])]).queries
    drawn = draw_queries(log, QueryPlan(queries=2, floor=1))
    older = drawn.with_columns(normal=pl.Series(["fox red" if q == "red fox" else "blue sky" for q in drawn["query"]]))
    assert draw_queries(log, QueryPlan(queries=2, floor=1), older).equals(drawn)


def test_traffic_gives_head_torso_and_tail_a_third_each_as_far_as_they_have_queries() -> None:
    log = zipf_log().queries
    bands = dict(draw_queries(log, QueryPlan(queries=90)).group_by("band").len().iter_rows())
    heads = log.filter(pl.col("band") == "head").height
    assert bands["head"] == heads < 30, "all of them"
    assert bands["torso"] + bands["tail"] == 90 - heads
    by_queries = dict(draw_queries(log, QueryPlan(queries=90, by="queries")).group_by("band").len().iter_rows())
    assert by_queries["tail"] > 75


def test_neyman_gives_the_places_to_the_strata_that_vary() -> None:
    log = zipf_log().queries
    german_tail = (pl.col("band") == "tail") & (pl.col("language_group") == "de")
    spread = log.select(STRATUM).unique().with_columns(
        pl.when(german_tail).then(4.0).otherwise(1.0).alias("spread")
    )  # fmt: skip
    plain = draw_queries(log, QueryPlan(by="queries"))
    neyman = draw_queries(log, QueryPlan(by="queries"), spread=spread)
    shares = [frame.filter(german_tail).height for frame in (plain, neyman)]
    # N h: about 1/3 of the tail; N h S h: 4/3 against 2/3
    assert shares[0] == pytest.approx(33, abs=3)
    assert shares[1] == pytest.approx(65, abs=4)


def test_each_collection_gets_its_own_queries_and_too_small_a_number_is_an_error() -> None:
    both = pl.concat([zipf_log(300).queries, zipf_log(300, "shop").queries])
    assert dict(draw_queries(both, QueryPlan(queries=30)).group_by("collection").len().iter_rows()) == {
        "main": 30, "shop": 30,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"6 strata with a floor of 2 need 1\d places, there are 5; draw more queries"):
        draw_queries(zipf_log().queries, QueryPlan(queries=5))


def test_nothing_in_the_log_draws_nothing() -> None:
    empty = zipf_log(5).queries.clear()
    assert draw_queries(empty, QueryPlan()).is_empty()
    assert summary(empty, draw_queries(empty, QueryPlan())).is_empty()


def test_what_is_recorded_is_how_often_a_query_and_a_pair_are_drawn() -> None:
    """400 draws of queries and of their pairs: the frequency of every query, and of every pair, against its record.

    Under the recorded probabilities the squared standardised difference is 1 on average.
    """
    log, draws, documents_there = zipf_log(60).queries, 400, documents(60)
    everything = draw_queries(log, QueryPlan(queries=60, floor=0))
    found = orders(everything, n_documents=60, depth=40)
    counts: Counter[str] = Counter()
    recorded: dict[str, float] = {}
    for seed in range(draws):
        drawn = draw_queries(log, QueryPlan(queries=15, seed=seed))
        pairs = draw_pairs(drawn, found, documents_there, PoolPlan(pairs=5, depth=40, seed=seed)).pairs
        likely = dict(drawn.select("query_id", "probability").iter_rows())
        recorded |= likely
        counts.update(likely.keys())
        both = {task: likely[query] * p for task, query, p in pairs["task_id", "query_id", "probability"].rows()}
        recorded |= both
        counts.update(both.keys())
    # a pair that was never drawn has no record; with 400 draws those are few and rare
    often = {key: p for key, p in recorded.items() if 0.02 < p < 1}
    z = [(counts[key] - draws * p) / np.sqrt(draws * p * (1 - p)) for key, p in often.items()]
    assert len(often) > 500
    assert np.mean(np.square(z)) == pytest.approx(1, abs=0.15)
    assert np.mean(z) == pytest.approx(0, abs=0.1)
    assert all(counts[key] == draws for key, p in recorded.items() if p == 1)


def test_ids_and_numbers_of_drawn_queries_stay_those_of_the_first_tokeniser() -> None:
    words = {f"c++ {n}.5 strasse": " ".join(sorted([str(n), "5", "c", "strasse"])) for n in range(8)}
    log = read_log([rows("query_log", [{"query": text} for text in words])]).queries
    made = {
        text: "q-" + hashlib.sha256(f"relevance\x1fmain\x1f{said}".encode()).hexdigest()[:12]
        for text, said in words.items()
    }
    assert dict(log.select("normal", "query_id").iter_rows()) == made
    plan = QueryPlan(queries=8, floor=1)
    numbers = {text: permanent_number(plan.salt, "relevance", "main", said) for text, said in words.items()}
    assert draw_queries(log, plan)["normal"].to_list() == sorted(numbers, key=lambda text: numbers[text])
