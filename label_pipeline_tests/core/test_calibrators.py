"""Calibrators: least squares as numpy's, the pull at small n, folds that never split a query."""

import json
import math

import numpy as np
import pytest

from label_pipeline.core.calibrators import (
    IDENTITY,
    AffineCalibrator,
    fit_affine,
    grouped_folds,
    out_of_fold,
)
from label_pipeline.core.scale import Scale

SCALE = Scale(0, 3)
ONE_TO_FIVE = Scale(1, 5)


def test_from_a_hundred_pairs_on_the_fit_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 3, 100)
    gold = 0.4 + 0.6 * scores + rng.normal(0, 0.5, 100)
    slope, intercept = np.polyfit(scores, gold, 1)
    fitted = fit_affine(scores, gold, SCALE)
    assert (fitted.intercept, fitted.slope, fitted.n) == pytest.approx((intercept, slope, 100))


@pytest.mark.parametrize("scale", [SCALE, ONE_TO_FIVE])
def test_few_pairs_are_pulled_to_the_identity_by_the_documented_amount(scale: Scale) -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(scale.lo, scale.hi, 40)
    gold = 0.5 * scores + 1 + rng.normal(0, 0.5, 40)
    mid, half = (scale.lo + scale.hi) / 2, scale.span / 2
    # the same penalty as rows of data: sqrt(5) times "the score at mid is mid" and "the slope is 1"
    rows = np.vstack([np.column_stack([np.ones(40), (scores - mid) / half]), math.sqrt(5) * np.eye(2)])
    alpha, gamma = np.linalg.lstsq(rows, np.append(gold - scores, [0, 0]), rcond=None)[0]
    fitted = fit_affine(scores, gold, scale)
    assert fitted.slope == pytest.approx(1 + gamma / half)
    assert fitted.intercept == pytest.approx(alpha - gamma * mid / half)
    assert np.polyfit(scores, gold, 1)[0] < fitted.slope < 1


def test_the_pull_lowers_the_error_on_new_pairs_when_pairs_are_few() -> None:
    rng = np.random.default_rng(2)
    fresh = rng.uniform(0, 3, 2000)
    ridge, ols = [], []
    for _ in range(300):
        scores = rng.uniform(0, 3, 8)
        gold = 0.2 + 0.9 * scores + rng.normal(0, 0.8, 8)
        slope, intercept = np.polyfit(scores, gold, 1)
        truth = 0.2 + 0.9 * fresh
        ridge.append(np.mean((fit_affine(scores, gold, SCALE).apply(fresh) - truth) ** 2))
        ols.append(np.mean((np.clip(intercept + slope * fresh, 0, 3) - truth) ** 2))
    assert np.mean(ridge) < 0.8 * np.mean(ols)


def test_calibration_clips_and_keeps_missing_scores_missing() -> None:
    calibrator = AffineCalibrator(-1.0, 2.0, ONE_TO_FIVE, 10)
    assert calibrator.apply([0.0, 1.2, 2.0, 9.0])[:4] == pytest.approx([1.0, 1.4, 3.0, 5.0])
    assert np.isnan(calibrator.apply([math.nan])).all()
    assert IDENTITY.apply([-7.0, 2.5]).tolist() == [-7.0, 2.5]


def test_missing_rows_are_ignored() -> None:
    scores, gold = [0.0, 1.0, 2.0, math.nan, 3.0], [0.0, 1.0, 1.0, 3.0, math.nan]
    assert fit_affine(scores, gold, SCALE) == fit_affine(scores[:3], gold[:3], SCALE)


def test_constant_scores_and_no_scores() -> None:
    flat = fit_affine([2.0] * 10, [0.0, 1.0] * 5, SCALE)
    assert (flat.slope, flat.intercept) == (0.0, 0.5)
    nothing = fit_affine([math.nan], [1.0], SCALE)
    assert (nothing.intercept, nothing.slope, nothing.n) == (0.0, 1.0, 0)
    assert nothing.apply([2.0, 4.0]).tolist() == [2.0, 3.0]


def test_round_trip_through_json_is_exact() -> None:
    fitted = fit_affine(np.arange(9) % 4, np.arange(9) * 7 % 4, SCALE)
    for calibrator in (fitted, IDENTITY):
        assert AffineCalibrator.from_dict(json.loads(json.dumps(calibrator.to_dict()))) == calibrator


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"kind": "isotonic"}, "kind 'isotonic', expected 'affine'"),
        ({"kind": "affine", "intercept": 0.0, "n": 3}, r"lacks numbers for \['slope'\]"),
    ],
)
def test_another_object_is_no_calibrator(data: dict[str, float | int | str | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AffineCalibrator.from_dict(data)


def test_no_query_is_in_two_folds_and_folds_are_even() -> None:
    rng = np.random.default_rng(3)
    for k in (2, 5, 7):
        queries = [f"q{i}" for i in rng.integers(0, 34, 400)]
        folds = grouped_folds(queries, k, "salt")
        by_query = {query: {f for q, f in zip(queries, folds, strict=True) if q == query} for query in set(queries)}
        assert all(len(found) == 1 for found in by_query.values())
        sizes = np.bincount([min(found) for found in by_query.values()], minlength=k)
        assert sizes.max() - sizes.min() <= 1
        order = rng.permutation(400)
        assert grouped_folds([queries[i] for i in order], k, "salt").tolist() == folds[order].tolist()
    assert grouped_folds(queries, 5, "other").tolist() != grouped_folds(queries, 5, "salt").tolist()
    with pytest.raises(ValueError, match="k=1"):
        grouped_folds(queries, 1, "salt")


def test_a_query_never_calibrates_itself() -> None:
    rng = np.random.default_rng(4)
    queries = [f"q{i // 10}" for i in range(300)]
    scores = rng.uniform(0, 3, 300)
    gold = np.clip(np.round(scores + rng.normal(0, 0.7, 300)), 0, 3)
    before = out_of_fold(scores, gold, queries, SCALE)
    own = np.array([query == "q7" for query in queries])
    changed = out_of_fold(scores, np.where(own, 3 - gold, gold), queries, SCALE)
    assert changed[own].tolist() == before[own].tolist()
    assert (changed != before).any()  # but the others learn from it
    fold = grouped_folds(queries, 5, "calibrator")
    for number in range(5):
        outside = fit_affine(scores[fold != number], gold[fold != number], SCALE)
        assert before[fold == number].tolist() == outside.apply(scores[fold == number]).tolist()


def test_out_of_fold_ignores_row_order_and_keeps_missing_scores() -> None:
    rng = np.random.default_rng(5)
    queries = [f"q{i // 6}" for i in range(120)]
    scores, gold = rng.uniform(0, 3, 120), rng.integers(0, 4, 120).astype(float)
    scores[::9] = math.nan
    result = out_of_fold(scores, gold, queries, SCALE)
    assert np.isnan(result).tolist() == np.isnan(scores).tolist()
    order = rng.permutation(120)
    shuffled = out_of_fold(scores[order], gold[order], [queries[i] for i in order], SCALE)
    assert shuffled == pytest.approx(result[order], nan_ok=True)


def test_a_single_query_can_only_be_clipped() -> None:
    assert out_of_fold([1.0, 4.0], [0.0, 0.0], ["q", "q"], SCALE).tolist() == [1.0, 3.0]


def test_calibration_of_a_lenient_judge_lowers_its_error_on_unseen_queries() -> None:
    rng = np.random.default_rng(6)
    queries = [f"q{i // 10}" for i in range(400)]
    gold = rng.integers(0, 4, 400).astype(float)
    scores = np.clip(1 + 0.8 * gold + rng.normal(0, 0.4, 400), 0, 3)
    calibrated = out_of_fold(scores, gold, queries, SCALE)
    assert np.mean((calibrated - gold) ** 2) < 0.6 * np.mean((scores - gold) ** 2)
