"""annotator_agreement and its verdict, on panels whose coefficients are published or known."""

import math

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.catalogue import AGREEMENT, HUMAN_LABELS
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import agreement_verdict, annotator_agreement
from label_pipeline.stages.seed.agreement import HEADLINE

# Krippendorff (2011), 4 observers x 12 units: alpha ordinal .815, interval .849
KRIPPENDORFF = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


def labels(ratings: list[list[float]], collection: str = "main", pairs_per_query: int = 1) -> pl.DataFrame:
    """HUMAN_LABELS of a (raters, units) table, nan = missing."""
    rows = [
        {
            "task": "relevance", "collection": collection, "query_id": f"q{unit // pairs_per_query}",
            "doc_id": f"d{unit}", "doc_version": "v", "annotator_id": f"a{rater}", "grade": int(grade),
        }
        for rater, grades in enumerate(ratings, start=1)
        for unit, grade in enumerate(grades)
        if not math.isnan(grade)
    ]  # fmt: skip
    return HUMAN_LABELS.conform(pl.DataFrame(rows))


def published(times: int = 1) -> pl.DataFrame:
    """The example, its units repeated: alpha hardly changes, and rests on more of them."""
    table = [line.split() * times for line in KRIPPENDORFF.strip().splitlines()]
    return labels([[math.nan if cell == "." else float(cell) for cell in row] for row in table])


def agreement(frame: pl.DataFrame, scale: Scale | None = None, seed: int = 0) -> pl.DataFrame:
    return annotator_agreement(frame, scale or Scale(1, 5), np.random.default_rng(seed), resamples=500)


def figure(frame: pl.DataFrame, metric: str) -> float:
    value = frame.filter(metric=metric)["estimate"].item()
    assert isinstance(value, float)
    return value


def test_krippendorffs_own_example() -> None:
    found = agreement(published())
    assert found.schema == AGREEMENT.schema
    assert figure(found, HEADLINE) == pytest.approx(0.8154, abs=5e-4)
    assert figure(found, "krippendorff_alpha_interval") == pytest.approx(0.8491, abs=5e-4)
    assert figure(found, "gwet_ac2") == pytest.approx(0.9140, abs=5e-4)
    assert figure(found, "share_of_pairs_with_two_grades") == pytest.approx(11 / 12)
    assert found["status"].unique().to_list() == ["not known"], "eleven pairs graded twice"
    assert found.select("n_queries", "n_pairs", "n_annotators").row(0) == (12, 12, 4)
    assert agreement(published(times=3))["status"].unique().to_list() == ["usable"]
    low, high = found.filter(metric=HEADLINE).select("low", "high").row(0)
    assert 0.3 < low < 0.8154 < high <= 1


def test_bias_error_and_kappa_of_a_lenient_annotator() -> None:
    base = [0.0, 1, 2, 0, 1, 2, 0, 1, 2]
    found = agreement(labels([base, base, [grade + 1 for grade in base]]), Scale(0, 3))
    # against the mean of the others: a3 is +1, a1 is 0 against a2 and -1 against a3
    assert figure(found, "annotator_bias:a3") == pytest.approx(1.0)
    assert figure(found, "annotator_bias:a1") == pytest.approx(-0.5)
    # pairs differ by 0, 1 and 1 grade
    assert figure(found, "human_human_mse") == pytest.approx(2 / 3)
    # QWK(a1, a3) = 1 - 1 / (2 * 2/3 + 1) = 4/7; a1 with a2 is 1
    assert figure(found, "annotator_kappa:a3") == pytest.approx(4 / 7)
    assert figure(found, "annotator_kappa:a1") == pytest.approx((1 + 4 / 7) / 2)
    reasons = dict(found.select("metric", "reason").iter_rows())
    assert "beyond 0.3" in reasons["annotator_bias:a3"]
    assert "far below" in reasons["annotator_kappa:a3"]
    assert "in line" in reasons["annotator_kappa:a1"]


def test_a_kappa_on_more_common_pairs_weighs_more() -> None:
    nan = math.nan
    # a1 agrees with a2 on 6 pairs (kappa 1); with a3 on 2 it is reversed: 1 - 1 / (2 * 1/4 + 0) = -1
    found = agreement(labels([[0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 1, 2], [1, 0, nan, nan, nan, nan]]), Scale(0, 3))
    assert figure(found, "annotator_kappa:a1") == pytest.approx((6 * 1 + 2 * -1) / 8)


def test_one_annotator_is_not_applicable_and_no_failure() -> None:
    found = agreement(labels([[0, 1, 2, 3]]), Scale(0, 3))
    headline = found.filter(metric=HEADLINE).to_dicts()[0]
    assert headline["estimate"] is None
    assert headline["low"] is None
    assert headline["status"] == "not applicable"
    assert figure(found, "share_of_pairs_with_two_grades") == 0.0
    verdict = agreement_verdict(found)
    assert verdict.passed
    assert "have a second person grade some pairs" in verdict.notes[0]


def test_two_annotators_who_share_no_pair_are_not_applicable() -> None:
    nan = math.nan
    found = agreement(labels([[0, 1, nan, nan], [nan, nan, 2, 3]]), Scale(0, 3))
    assert found["status"].unique().to_list() == ["not applicable"]


@pytest.mark.parametrize(
    ("noise", "status", "passed"), [(0.05, "usable", True), (0.15, "tentative", True), (0.5, "unusable", False)]
)
def test_the_status_follows_the_estimate(noise: float, status: str, passed: bool) -> None:
    # two raters keep the true grade with probability 1 - noise, else draw at random: alpha = (1 - noise)^2
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 4, 1000)
    panel = [np.where(rng.random(1000) < noise, rng.integers(0, 4, 1000), truth) for _ in range(2)]
    found = agreement(labels([row.tolist() for row in panel], pairs_per_query=10), Scale(0, 3))
    assert figure(found, HEADLINE) == pytest.approx((1 - noise) ** 2, abs=0.04)
    assert found["status"].unique().to_list() == [status]
    assert found["n_queries"].unique().to_list() == [100]
    assert agreement_verdict(found).passed is passed


def test_collections_are_judged_apart_and_the_verdict_names_the_bad_one() -> None:
    good = published(times=3)
    bad = labels([[1, 2, 3, 4, 5, 1] * 5, [5, 4, 1, 2, 1, 3] * 5], collection="mail")
    found = agreement(pl.concat([good, bad]))
    assert dict(found.filter(metric=HEADLINE).select("collection", "status").iter_rows()) == {
        "mail": "unusable",
        "main": "usable",
    }
    verdict = agreement_verdict(found)
    assert not verdict.passed
    assert len(verdict.failures) == 1
    assert verdict.failures[0].startswith("mail: annotators agree at alpha -0.")
    assert "the floor is 0.667" in verdict.failures[0]
    assert len(verdict.notes) == 1


def test_one_pair_alike_is_not_known_and_grades_that_never_vary_say_nothing() -> None:
    """One doubly graded pair among a thousand gave alpha 1.0, "usable"."""
    one = agreement(labels([[1.0] + [2.0] * 99, [1.0] + [math.nan] * 99]))
    assert figure(one, HEADLINE) == 1.0
    assert one["status"].unique().to_list() == ["not known"]
    assert "rests on 1 pairs graded twice, of 1 queries, and is not known below 30 of 10" in one["reason"][0]
    alike = agreement(labels([[3.0] * 40, [3.0] * 40]))
    assert alike["status"].unique().to_list() == ["no variation"]
    few = agreement(labels([[1.0, 5.0] * 20, [1.0, 5.0] * 20], pairs_per_query=8))
    assert few["status"].unique().to_list() == ["not known"], "40 pairs of 5 queries"
    for found in (one, alike, few):
        verdict = agreement_verdict(found)
        assert verdict.passed
        assert verdict.notes == (f"main: {found['reason'][0]}",)


def row(metric: str = HEADLINE, estimate: float | None = 0.7, status: str = "tentative") -> pl.DataFrame:
    return AGREEMENT.conform(
        pl.DataFrame(
            {
                "collection": ["main"], "metric": [metric], "estimate": [estimate], "n_queries": [1], "n_pairs": [1],
                "n_annotators": [2], "status": [status], "reason": ["because"],
            },
            schema_overrides={"estimate": pl.Float64},
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("frame", "floor", "failure"),
    [
        (row(), 0.667, None),
        (row(estimate=0.667), 0.667, None),
        (row(estimate=0.6669), 0.667, "alpha 0.667, the floor"),
        (row(estimate=0.79), 0.8, "alpha 0.790, the floor is 0.8"),
        (row(estimate=None), 0.667, "alpha unknown"),
        (row(estimate=math.nan), 0.667, "alpha unknown"),
        (row(estimate=None, status="not applicable"), 0.667, None),
        (row(metric="gwet_ac2", estimate=0.9), 0.667, "no krippendorff_alpha_ordinal was computed"),
        (AGREEMENT.empty(), 0.667, "there are no agreement figures"),
    ],
)
def test_the_verdict_fails_closed(frame: pl.DataFrame, floor: float, failure: str | None) -> None:
    verdict = agreement_verdict(frame, floor)
    assert verdict.passed == (failure is None)
    assert failure is None or failure in verdict.failures[0]


def test_the_same_seed_gives_the_same_interval_whatever_the_order_of_rows() -> None:
    frame = pl.concat([published(), labels([[1, 2, 3, 4, 5, 1], [1, 3, 3, 4, 4, 1]], collection="wiki")])
    assert agreement(frame).equals(agreement(frame[::-1]))
    assert agreement(HUMAN_LABELS.empty()).equals(AGREEMENT.empty())
