"""The sample world must be worth learning from: a learned ranker beats word match, and a length-biased judge spoils it.

Keep out: the product's ranker and judge protocol; grades come from the models directly.
"""

import numpy as np
import polars as pl
import pytest

from label_pipeline.rehearsal import SampleWorld
from label_pipeline.rehearsal.simulated import SimulatedModel
from label_pipeline_tests.rehearsal.asking import ask_model
from label_pipeline_tests.rehearsal.ranking import Features, Floats, Pairs, fit, ndcg_at_10


def _rows(world: SampleWorld, frame: pl.DataFrame) -> tuple[Pairs, pl.DataFrame]:
    """The frame's pairs as rows of the world, and the frame, both sorted by query."""
    ordered = frame.sort("query_id", "doc_id")
    queries = {query.query_id: row for row, query in enumerate(world.query_records)}
    documents = {document.doc_id: row for row, document in enumerate(world.document_records)}
    return (
        Pairs(
            np.array([queries[each] for each in ordered["query_id"]]),
            np.array([documents[each] for each in ordered["doc_id"]]),
        ),
        ordered,
    )


def _judged(world: SampleWorld, judge: SimulatedModel, pairs: Pairs) -> Floats:
    """Grades, nan where the reply holds none."""
    answers = (
        ask_model(judge, world.query_records[q].text, world.document_records[d].text)
        for q, d in zip(*pairs, strict=True)
    )
    return np.array([np.nan if answer.grade is None else answer.grade for answer in answers], dtype=float)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_ranker_learns_from_a_good_judge_and_is_misled_by_a_length_biased_one(
    world: SampleWorld, judges: dict[str, SimulatedModel]
) -> None:
    features = Features(world)
    test, graded = _rows(world, world.evaluation)
    gains = graded["grade"].to_numpy().astype(float)
    train, _ = _rows(world, world.candidates.filter(~pl.col("query_id").is_in(world.evaluation["query_id"].to_list())))
    asked, shown = features.of(train), features.of(test)

    def trained_on(grades: Floats) -> float:
        read = ~np.isnan(grades)
        ranker = fit(asked[read], grades[read], train.queries[read])
        return ndcg_at_10(gains, np.asarray(ranker.predict(shown), dtype=float), test.queries)

    bm25 = ndcg_at_10(gains, features.bm25[test], test.queries)
    truth = 3 * world.relevance_matrix[train]
    from_truth = trained_on(truth)
    from_good = trained_on(_judged(world, judges["rehearsal-large"], train))
    from_biased = trained_on(_judged(world, judges["rehearsal-length-biased"], train))
    from_nothing = trained_on(np.random.default_rng(0).permutation(truth))
    print(f"{bm25=:.3f} {from_truth=:.3f} {from_good=:.3f} {from_biased=:.3f} {from_nothing=:.3f}")  # noqa: T201  # shown on failure
    assert 0.45 < bm25 < 0.65
    assert from_truth > bm25 + 0.05
    assert from_good > bm25 + 0.05
    assert from_biased < from_good - 0.03
    assert from_nothing < bm25
