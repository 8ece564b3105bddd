import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.errors import InputError, TableError
from label_pipeline.stages.rank.features import FeatureSpace
from label_pipeline.stages.rank.reference import best_documents
from label_pipeline_tests.stages.rank import world

TEXTS = {
    "d1": "reset the vpn password on page 42",
    "d2": "password policy",
    "d3": "menu of the canteen",
    "d4": "vpn vpn vpn",
}


def space(*pairs: pl.DataFrame, **columns: dict[str, object]) -> FeatureSpace:
    asked = world.queries({"q1": "vpn password", "q2": "canteen 42"}, language="en")
    return FeatureSpace.fit(world.documents(TEXTS, **columns), asked, 1, pairs)


PAIRS = world.pairs(("q1", "d1"), ("q1", "d2"), ("q1", "d3"), ("q2", "d3"), ("q2", "d1"))


def test_about_twenty_five_features_all_named_and_none_infinite() -> None:
    matrix = space().matrix(PAIRS)
    assert matrix.values.shape == (5, len(matrix.names))
    assert len(set(matrix.names)) == len(matrix.names) == 25
    assert not np.isinf(matrix.values).any()


def test_bm25_arm_orders_documents_by_the_words_they_hold() -> None:
    scores = space().bm25(PAIRS)
    assert scores[0] > scores[1] > scores[2] == 0


def test_a_score_never_depends_on_the_other_candidates_or_on_row_order() -> None:
    whole = space().matrix(PAIRS).values
    alone = np.concatenate([space().matrix(PAIRS[i]).values for i in range(PAIRS.height)])
    assert np.array_equal(alone, whole, equal_nan=True)
    shuffled = FeatureSpace.fit(
        world.documents(dict(reversed(TEXTS.items()))),
        world.queries({"q2": "canteen 42", "q1": "vpn password"}, language="en"),
        1,
    )
    assert np.array_equal(shuffled.matrix(PAIRS).values, whole, equal_nan=True)


def test_match_features_are_standardised_over_the_querys_best_documents() -> None:
    # four documents in all, so they are every query's reference: mean 0 and variance 1 over them
    every = space().matrix(world.pairs(*(("q1", doc_id) for doc_id in TEXTS)))
    assert every.column("bm25").mean() == pytest.approx(0, abs=1e-6)
    assert every.column("bm25").std() == pytest.approx(1, abs=1e-6)
    assert (every.column("numbers_found") == 0).all()  # the query has no number: nothing to tell apart


def test_the_reference_is_the_documents_with_the_highest_bm25() -> None:
    order = sorted(TEXTS)  # rows of the collection
    best = best_documents(space().collection, 2)
    assert [{order[d] for d in row} for row in best] == [{"d1", "d4"}, {"d1", "d3"}]
    assert best_documents(space().collection, 100).shape == (2, 4)


def test_grades_and_judgements_beside_the_pair_change_nothing() -> None:
    graded = PAIRS.with_columns(grade=pl.Series([3, 0, 1, 2, 3]), gold_mean=pl.lit(2.0), raw_grade=pl.lit(1.0))
    assert np.array_equal(space(graded).matrix(graded).values, space().matrix(PAIRS).values, equal_nan=True)


def test_facts_of_the_document() -> None:
    matrix = space(
        title={"d1": "VPN password"},
        source={"d1": "wiki", "d2": "wiki", "d3": "mail"},
        language={"d1": "en", "d2": "de"},
        created_on={"d1": date(2026, 1, 1), "d3": date(2026, 1, 31)},
    ).matrix(PAIRS)
    assert matrix.column("age_days").tolist() == pytest.approx([30, np.nan, 0, 0, 30], nan_ok=True)
    assert matrix.column("language_match").tolist() == pytest.approx([1, 0, np.nan, np.nan, 1], nan_ok=True)
    assert matrix.column("source=wiki").tolist() == [1, 1, 0, 0, 1]
    assert matrix.column("source=mail").tolist() == [0, 0, 1, 1, 0]
    assert matrix.column("title_length").tolist() == [2, 0, 0, 0, 2]
    assert matrix.column("document_length")[0] == pytest.approx(np.log1p(9), abs=1e-6)  # title and text
    assert matrix.column("title_coverage")[0] > matrix.column("title_coverage")[1]
    assert matrix.column("numbers_found")[4] > matrix.column("numbers_found")[3]  # 42 is in d1


OWN = PAIRS.with_columns(
    features=pl.Series(
        [json.dumps({"feature_clicks": i, "feature_rare": 1 if i < 2 else None}) for i in range(4)] + [None]
    ),
    incumbent_score=pl.Series([0.9, 0.1, 0.2, 0.3, 0.4]),
)


def test_a_pairs_own_numbers_become_features_where_half_of_the_pairs_have_them() -> None:
    matrix = space(OWN).matrix(OWN)
    assert matrix.names[-2:] == ("feature_clicks", "incumbent_score")
    assert "feature_rare" not in matrix.names  # two of five pairs
    assert matrix.column("feature_clicks").tolist() == pytest.approx([0, 1, 2, 3, np.nan], nan_ok=True)
    assert matrix.column("incumbent_score").tolist() == [0.9, 0.1, 0.2, 0.3, 0.4]
    partly = OWN.with_columns(incumbent_score=pl.Series([0.9, None, 0.2, 0.3, 0.4]))
    assert "incumbent_score" not in space(partly).names  # known for some pairs only: no feature
    assert np.isnan(space(OWN).matrix(PAIRS).column("feature_clicks")).all()  # a pair without columns is unknown


def test_a_number_that_only_one_side_has_is_no_feature() -> None:
    assert space(OWN, PAIRS).names == space().names
    assert space(OWN, OWN[:4]).names == space(OWN).names


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (pl.lit("v2").alias("doc_version"), "version v2"),
        (pl.lit("d9").alias("doc_id"), "document d9"),
        (pl.lit("q9").alias("query_id"), "query q9"),
        (pl.lit("other").alias("collection"), "query q1"),
    ],
)
def test_a_pair_that_is_not_loaded_is_named(change: pl.Expr, named: str) -> None:
    strange = pl.concat([PAIRS[:1].with_columns(change), PAIRS[1:]])
    assert space().known(strange).to_list() == [False, True, True, True, True]
    with pytest.raises(TableError, match=f"1 of 5 pairs .*{named}"):
        space().matrix(strange)


def test_no_pairs_give_no_rows() -> None:
    matrix = space().matrix(PAIRS.clear())
    assert matrix.values.shape == (0, len(matrix.names))


def test_words_are_those_of_the_version_asked_for() -> None:
    texts, asked = {"d1": "c++ string split", "d2": "c# string split"}, world.queries({"q1": "c++ split"})
    both = world.pairs(("q1", "d1"), ("q1", "d2"))
    first, second = (FeatureSpace.fit(world.documents(texts), asked, 1, (), version).bm25(both) for version in (1, 2))
    assert first[0] == first[1]  # the first tokeniser sees c in both
    assert second[0] > second[1]


def test_nothing_to_learn_words_from_is_an_input_error() -> None:
    with pytest.raises(InputError, match="0 documents and 2 queries"):
        FeatureSpace.fit(world.documents(TEXTS).clear(), world.queries({"q1": "a", "q2": "b"}), 1)


def test_a_very_long_document_is_no_trouble() -> None:
    long = TEXTS | {"d5": "password " * 300_000}
    fitted = FeatureSpace.fit(world.documents(long), world.queries({"q1": "vpn password"}), 1)
    assert np.isfinite(fitted.bm25(world.pairs(("q1", "d5"), ("q1", "d1")))).all()


@pytest.mark.slow
def test_twenty_thousand_pairs_over_twenty_thousand_passages_make_one_matrix() -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(30_000)])
    probability = 1 / np.arange(1, 30_001)
    drawn = rng.choice(words, size=(20_000, 60), p=probability / probability.sum())
    texts = {f"d{i}": " ".join(row) for i, row in enumerate(drawn)}
    asked = world.queries({f"q{i}": " ".join(row) for i, row in enumerate(drawn[:200, :6])})
    wanted = world.pairs(*((f"q{i % 200}", f"d{i}") for i in range(20_000)))
    matrix = FeatureSpace.fit(world.documents(texts), asked, 0).matrix(wanted)
    assert matrix.values.shape == (20_000, len(matrix.names))
    assert not np.isinf(matrix.values).any()
