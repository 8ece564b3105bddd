"""TREC DL 2019+2020 with human and GPT-4o grades: what is known beforehand, not who wins."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from label_pipeline.adapters.lightgbm_ranker import LightGBMTrainer
from label_pipeline.core.codes.ranking import Gain
from label_pipeline.core.ranking import ndcg_by_query
from label_pipeline.core.scale import Scale
from label_pipeline.stages.rank import FeatureSpace, build_training_sets, evaluate, train
from label_pipeline_tests.stages.rank import world

DATA = Path(os.environ.get("LABEL_PIPELINE_TEST_DATA", Path(__file__).parents[3] / ".." / "shared" / "data"))
TREC = DATA / "trecdl" / "dl1920_text_human_llm.parquet"

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not TREC.exists(), reason=f"{TREC} is not here; set LABEL_PIPELINE_TEST_DATA"),
]


class Judged(NamedTuple):
    space: FeatureSpace
    rows: pl.DataFrame


@pytest.fixture(scope="module")
def judged() -> Judged:
    rows = pl.read_parquet(TREC).rename({"llm__gpt4o_umbrela": "machine"})
    texts = dict(rows.select("doc_id", "passage").iter_rows())
    asked = dict(rows.select("query_id", "query").iter_rows())
    keyed = rows.with_columns(
        task=pl.lit("relevance"),
        collection=pl.lit("main"),
        doc_version=pl.lit("v1"),
        context_id=pl.lit(None, dtype=pl.String),
    )
    return Judged(FeatureSpace.fit(world.documents(texts), world.queries(asked), 0), keyed)


@pytest.mark.parametrize(("gain", "known"), [("exponential", 0.42), ("linear", 0.47)])
def test_bm25_reaches_its_known_ndcg_on_all_97_queries(judged: Judged, gain: Gain, known: float) -> None:
    query = judged.rows["query_id"].rank("dense").to_numpy().astype(np.int64) - 1
    scores = judged.space.bm25(judged.rows)
    by_query = ndcg_by_query(scores, judged.rows["human_grade"].to_numpy(), query, 97, 10, gain)
    assert float(np.nanmean(by_query)) == pytest.approx(known, abs=0.02)


def test_permuted_labels_lose_to_bm25_and_every_arm_is_compared(judged: Judged) -> None:
    ids = np.random.default_rng(3).permutation(judged.rows["query_id"].unique().sort().to_numpy())
    splits = world.splits({str(q): "train" if i < 34 else "holdout" for i, q in enumerate(ids)})
    rank = pl.col("doc_id").hash(seed=1).rank().over("query_id")
    trained_on = judged.rows.filter(pl.col("query_id").is_in(ids[:34]))
    seed = trained_on.filter(rank <= 20).select("query_id", "doc_id", pl.col("human_grade").cast(pl.Float64))
    rest = trained_on.filter(rank > 20).select("query_id", "doc_id", pl.col("machine").cast(pl.Float64))
    graded = judged.rows.select("query_id", "doc_id", "human_grade")
    sets = build_training_sets(
        world.labels(list(rest.iter_rows())), world.gold(list(seed.iter_rows())), splits, Scale(0, 3), world.NOW
    )
    human = sets.rows_by_arm["seed_only"]
    assert human.height == 20 * human["query_id"].n_unique()  # whole queries go where all grades are equal
    arms = train(sets, judged.space, LightGBMTrainer(rounds=(100,)), 0, world.NOW)
    rng = np.random.default_rng(0)
    rows = world.evaluation(list(graded.iter_rows()))
    found = evaluate(arms, judged.space, rows, splits, Scale(0, 3), rng, world.NOW)
    exponential = found.metrics.filter(pl.col("metric") == "nDCG@10 exponential gain")
    ndcg = dict(exponential.select("arm", "estimate").iter_rows())
    assert ndcg["permuted"] < ndcg["bm25"] - 0.05
    assert ndcg["amplified"] > ndcg["permuted"] + 0.05
    width = dict(exponential.select("arm", pl.col("high") - pl.col("low")).iter_rows())
    assert 0.02 < width["amplified - seed_only"] < 0.12  # about +-.035 was expected
    assert set(exponential["n_queries"]) == {63}
