"""Collections that open for nobody alone: whether they would as one is said, and decides nothing."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from label_pipeline.stages.gate import POLICIES, Evidence, enough_together, measures, open_together
from label_pipeline.stages.gate.together import as_one
from label_pipeline_tests.stages.gate.world import JUDGE, decide, healthy
from label_pipeline_tests.stages.judged import gold

STANDARD = POLICIES["single-standard"]


def said(*parts: Evidence) -> dict[str, str]:
    found = open_together({one.collection: one for one in parts}, STANDARD, np.random.default_rng(0), 200)
    return {name: one.sentence for name, one in found.items()}


def test_two_small_ones_are_named_with_what_they_would_be_together() -> None:
    found = said(healthy(24, collection="de"), healthy(24, collection="fr"), healthy(44, collection="uk"))
    assert set(found) == {"de", "fr"}, "the one that opens alone needs nobody"
    assert found["de"] == found["fr"]
    assert found["de"].startswith("collections de and fr would be opened as one collection of 48 holdout queries")


def test_what_would_not_open_as_one_either_is_not_named() -> None:
    assert said(healthy(20, collection="de"), healthy(20, collection="fr")) == {}
    assert said(healthy(24, collection="de", judge=3 - JUDGE), healthy(24, collection="fr", judge=3 - JUDGE)) == {}
    assert said(healthy(24, collection="de")) == {}


def test_as_one_keeps_every_query_and_every_pair_apart() -> None:
    """Of 24 and 30 queries, the first two of which say nearly the same: 53 clusters, and the figures of both."""
    one = healthy(24, cluster_of=np.maximum(np.arange(24) - 1, 0))
    both = as_one([one, healthy(30, collection="fr")])
    assert (both.n_queries, both.n_clusters, both.n_pairs) == (54, 53, 540)
    assert both.deepest.tolist() == [10] * 53
    assert measures.skill(both) == pytest.approx(measures.skill(one))
    assert measures.order(both).counts.sum() == 54 / 24 * measures.order(one).counts.sum()
    assert decide(both).open


def test_queries_alone_are_counted_before_a_judge_is_asked() -> None:
    policy = replace(STANDARD, min_pairs=2, min_queries=5)
    three = gold([0, 1] * 3, per_query=2)
    found = enough_together({"de": three, "fr": three}, policy)
    assert found is not None
    assert found.status == "reported"
    assert "collections de and fr have 6 holdout queries of 2 pairs together" in found.sentence
    assert enough_together({"de": three, "fr": gold([0, 1, 2], per_query=1)}, policy) is None, "too shallow"
    assert enough_together({"de": pl.concat([three, three.with_columns(query_id=pl.lit("x"))])}, policy) is None
