"""Gold grades by hand, over the awkward rows: one grade, ties, nulls, negative grades."""

import polars as pl
import pytest

from label_pipeline.core.gold import panel_gold
from label_pipeline.core.tables import PAIR_KEY


def labels(*rows: tuple[str, str | None, int | None], **extra: object) -> pl.DataFrame:
    """Human labels from (doc_id, context_id, grade)."""
    return pl.DataFrame(
        [
            {
                "task": "relevance", "collection": "main", "query_id": "q1", "doc_id": doc, "doc_version": "v1",
                "context_id": context, "annotator_id": f"a{i}", "grade": grade, **extra,
            }
            for i, (doc, context, grade) in enumerate(rows)
        ],
        schema_overrides={"context_id": pl.String, "grade": pl.Int64},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("grades", "mean", "variance", "grade"),
    [
        ([2], 2.0, None, 2),  # one grade: no variance, and not 0
        ([1, 2], 1.5, 0.5, 2),  # half goes up
        ([2, 3], 2.5, 0.5, 3),  # up, not to even
        ([0, 1, 3], 4 / 3, 7 / 3, 1),  # ((16 + 1 + 25) / 9) / 2
        ([-1, -2], -1.5, 0.5, -1),  # up means towards the higher grade below zero too
        ([3, 3, 3], 3.0, 0.0, 3),
    ],
)
def test_one_pair(grades: list[int], mean: float, variance: float | None, grade: int) -> None:
    gold = panel_gold(labels(*(("d1", None, g) for g in grades)))
    row = gold.row(0, named=True)
    assert gold.height == 1
    assert row["gold_mean"] == pytest.approx(mean)
    assert row["gold_variance"] == (None if variance is None else pytest.approx(variance))
    assert (row["n_grades"], row["gold_grade"], row["gold_source"]) == (len(grades), grade, "panel")


def test_a_null_context_is_one_context_and_differs_from_a_named_one() -> None:
    gold = panel_gold(labels(("d1", None, 1), ("d1", None, 3), ("d1", "u1", 0)))
    assert gold.select("context_id", "gold_mean", "n_grades").rows() == [(None, 2.0, 2), ("u1", 0.0, 1)]


def test_cannot_judge_is_no_grade() -> None:
    gold = panel_gold(labels(("d1", None, 1), ("d1", None, None), ("d2", None, None)))
    assert gold.select("doc_id", "n_grades", "gold_mean").rows() == [("d1", 1, 1.0)]


def test_row_order_changes_nothing_not_even_the_last_bit() -> None:
    frame = labels(*((f"d{i % 7}", ("u" if i % 2 else None), (i * 5) % 4) for i in range(90)))
    gold = panel_gold(frame)
    assert gold.select(PAIR_KEY).rows() == sorted(
        gold.select(PAIR_KEY).rows(), key=lambda r: [(c is not None, c) for c in r]
    )
    for seed in range(10):
        assert panel_gold(frame.sample(fraction=1, shuffle=True, seed=seed)).equals(gold)


def test_pair_columns_pass_through_and_the_input_is_left_alone() -> None:
    frame = labels(("d1", None, 1), ("d1", None, 3), features='{"feature_a": 1}', incumbent_score=0.5)
    before = frame.clone()
    gold = panel_gold(frame)
    assert gold.select("features", "incumbent_score").rows() == [('{"feature_a": 1}', 0.5)]
    assert frame.equals(before)
    assert "features" not in panel_gold(frame.drop("features")).columns


def test_types_and_an_empty_frame() -> None:
    gold = panel_gold(labels(("d1", None, 1)))
    assert gold.schema["gold_mean"] == gold.schema["gold_variance"] == pl.Float64
    assert gold.schema["n_grades"] == gold.schema["gold_grade"] == pl.Int64
    empty = panel_gold(labels(("d1", None, 1)).clear())
    assert empty.height == 0
    assert empty.schema == gold.schema
