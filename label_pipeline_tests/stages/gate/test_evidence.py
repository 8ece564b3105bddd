"""collect: which holdout pairs count, what an unread or unasked one is, and that collections do not mix."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.judge import pair_grades
from label_pipeline.stages.gate import POLICIES, Evidence, collect, decide, foresee, holdout_hash
from label_pipeline.stages.gate.measures import order
from label_pipeline_tests.sql.frames import rows
from label_pipeline_tests.stages.judged import SCALE, gold, grades, judge, judgements, line, pair


def only(found: dict[str, Evidence]) -> Evidence:
    [evidence] = found.values()
    return evidence


def unread(evidence: Evidence) -> tuple[object, object]:
    return evidence.ungraded.sums.tolist(), evidence.ungraded.counts.tolist()


def test_pairs_meet_their_grades_null_contexts_included() -> None:
    evidence = only(collect(gold([0, 1, 3], per_query=2), grades([1, 1.4, None], per_query=2), judge(), SCALE))
    assert evidence.collection == "main"
    assert evidence.gold.tolist() == [0, 1, 3]
    np.testing.assert_array_equal(evidence.trained, [1, 1.5, np.nan])  # in quarters
    np.testing.assert_array_equal(evidence.calibrated, [1, 1.4, np.nan])  # of the expected grade
    assert evidence.query_index.tolist() == [0, 0, 1]
    assert evidence.deepest.tolist() == [2, 1]
    assert (evidence.n_queries, evidence.n_pairs) == (2, 3)
    assert unread(evidence) == ([0, 1], [2, 1])


def test_votes_are_nested_in_their_text() -> None:
    """A text whose votes all fail is one text that cannot be read, not three."""
    evidence = only(collect(gold([0, 1]), grades([[1, None, 2], [None, None, None]]), judge(), SCALE))
    assert unread(evidence) == ([pytest.approx(1 / 3 + 1)], [2])
    np.testing.assert_array_equal(evidence.trained, [1.5, np.nan])


def test_texts_asked_before_count_among_those_that_can_be_read_and_nowhere_else() -> None:
    learnt = grades([1, None, None], per_query=1, collection="main").with_columns(query_id=pl.lit("learnt"))
    other = grades([None], collection="mail")
    found = collect(gold([0, 1]), grades([0, 1]), judge(), SCALE, asked_before=pl.concat([learnt, other]))
    assert unread(found["main"]) == ([2, 0], [3, 2])
    assert found["main"].n_pairs == 2
    assert found["main"].holdout_hash == holdout_hash(gold([0, 1]))


def reworded(n_queries: int, copies: int) -> pl.DataFrame:
    """Graded pairs of so many queries, the last digit of whose text is the same for ``copies`` of them."""
    made = gold([0, 1, 2, 3] * n_queries, per_query=4)
    texts = [f"need {index // 4 // copies} {'the ' * (index // 4 % copies)}" for index in range(made.height)]
    return made.with_columns(query=pl.Series(texts, dtype=pl.String))


def test_queries_that_say_nearly_the_same_are_one_draw() -> None:
    """Twelve queries of three needs, each query in itself: three clusters of sixteen pairs and four queries."""
    said = grades([0, 1, 2, 3] * 12, per_query=4)
    evidence = only(collect(reworded(12, 4), said, judge(), SCALE, asked_before=said.clear()))
    assert (evidence.n_queries, evidence.n_clusters, evidence.n_pairs) == (12, 3, 48)
    assert evidence.deepest.tolist() == [4, 4, 4]
    assert evidence.totals(evidence.gold).counts.tolist() == [16, 16, 16]
    assert evidence.ungraded.counts.tolist() == [16, 16, 16]
    within = order(evidence)
    assert within.counts.tolist() == [24, 24, 24], "six pairs a query: documents of two queries are not compared"
    assert within.mean == 1


def test_a_holdout_of_rewordings_is_as_small_as_what_it_asks() -> None:
    """48 queries, four rewordings each: twelve needs, and the gate wants 44."""
    evidence = only(collect(reworded(48, 4), grades([0, 1, 2, 2] * 48, per_query=4), judge(), SCALE))
    policy = replace(POLICIES["single-standard"], min_pairs=4)
    verdict = decide(evidence, policy, look=1, alpha=0.03, looks_allowed=5, rng=np.random.default_rng(0), resamples=200)
    assert verdict.state == "insufficient"
    enough = next(one for one in verdict.criteria if one.name == "queries")
    assert enough.figure == 12
    assert "36 of nearly the same words as another counted with it" in enough.sentence
    [foreseen] = [one for one in foresee(reworded(48, 4), policy, look=1, looks_allowed=5) if one.name == "queries"]
    assert foreseen.sentence.startswith(enough.sentence.split(";")[0])


def test_the_grade_that_trains_is_in_quarters_or_as_given() -> None:
    """1.4 is learnt as 1.5; raw, as the grade the judge gave."""
    said = grades([1.4, 2.6], per_query=2)
    assert only(collect(gold([0, 1]), said, judge(), SCALE)).trained.tolist() == [1.5, 2.5]
    assert only(collect(gold([0, 1]), said, judge(), SCALE, trains_on="raw")).trained.tolist() == [1.0, 3.0]


def test_a_pair_that_was_never_asked_counts_as_unreadable() -> None:
    evidence = only(collect(gold([0, 1, 2]), grades([0, 1]), judge(), SCALE))
    assert unread(evidence) == ([1], [3])
    np.testing.assert_array_equal(evidence.calibrated, [0, 1, np.nan])


def test_a_grade_of_another_text_or_outside_the_holdout_is_not_used() -> None:
    other_text = grades([3], doc_version="v2")
    outside = pair_grades(rows("judgements", pair(99)))
    evidence = only(collect(gold([0]), pl.concat([other_text, outside]), judge(), SCALE))
    assert np.isnan(evidence.trained).tolist() == [True]


def test_row_order_changes_nothing() -> None:
    truth, given = gold([0, 1, 2, 3, 0, 1], per_query=2), judgements([0, 1, 3, 3, 1, None], per_query=2)
    one = only(collect(truth, pair_grades(given), judge(), SCALE))
    other = only(collect(truth.reverse(), pair_grades(given.sample(fraction=1, shuffle=True, seed=1)), judge(), SCALE))
    for name in ("gold", "trained", "calibrated", "query_index"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.holdout_hash == other.holdout_hash


def test_collections_are_independent() -> None:
    """Each has its own calibrator, and neither figures nor hash know of the other."""
    certified = judge(calibrators={"main": line(0.5), "mail": line(-0.5)})
    here, there = gold([0, 1, 2]), gold([3, 3], collection="mail")
    replies, others = grades([1, 1, 2]), grades([2, None], collection="mail")
    both = collect(pl.concat([there, here]), pl.concat([others, replies]), certified, SCALE)
    assert list(both) == ["mail", "main"]
    assert both["main"].calibrated.tolist() == [1.5, 1.5, 2.5]
    np.testing.assert_array_equal(both["mail"].calibrated, [1.5, np.nan])
    assert [unread(both[name]) for name in ("main", "mail")] == [([0], [3]), ([1], [2])]
    alone = only(collect(here, replies, certified, SCALE))
    assert both["main"].holdout_hash == alone.holdout_hash
    np.testing.assert_array_equal(both["main"].query_index, alone.query_index)


def test_a_calibrator_does_not_travel() -> None:
    evidence = only(collect(gold([0, 3], collection="mail"), grades([0, 3], collection="mail"), judge(), SCALE))
    assert np.isnan(evidence.calibrated).all()
    assert not np.isnan(evidence.trained).any()
    assert unread(evidence) == ([0], [2])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(gold([0, 1, 2.5]), id="a grade"),
        pytest.param(gold([0, 1]), id="a pair less"),
        pytest.param(gold([0, 1, 2], doc_version="v2"), id="a text"),
        pytest.param(gold([0, 1, 2]).with_columns(n_grades=pl.lit(2)), id="a second annotator who agrees"),
    ],
)
def test_another_holdout_has_another_hash(changed: pl.DataFrame) -> None:
    assert holdout_hash(changed) != holdout_hash(gold([0, 1, 2]))


def test_the_hash_does_not_know_the_order_of_rows() -> None:
    truth = gold([0, 1, 2, 3], per_query=1)
    assert holdout_hash(truth.reverse()) == holdout_hash(truth)


def test_the_hash_does_not_know_the_judge() -> None:
    found = [only(collect(gold([0, 1, 2]), grades(g), judge(), SCALE)).holdout_hash for g in ([0, 1, 2], [None, 3, 3])]
    assert found == [holdout_hash(gold([0, 1, 2]))] * 2
