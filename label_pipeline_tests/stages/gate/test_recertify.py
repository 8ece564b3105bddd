"""recertify: one healthy pair of judges, one change per row, the exact reasons; then judges of known loss."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from label_pipeline.core.intervals import clopper_pearson_upper
from label_pipeline.stages import gate
from label_pipeline.stages.gate.measures import changed_queries, skill_difference
from label_pipeline.stages.gate.recertify import PAIRWISE_ACCURACY_MARGIN, R2_MARGIN
from label_pipeline_tests.stages.gate.world import (
    GOLD,
    JUDGE,
    criterion,
    paired,
    recertify,
    unread,
    worse_by_the_margin,
)  # fmt: skip

R2, PA = "skill R2", "within-query pairwise accuracy"
GROSS, BIAS, UNREADABLE = "errors of 2 grades or more", "bias in shares of R", "unreadable replies"
SLOPE, SAME_ORDER = "slope of human grades on the judge's", "slope of calibrated grades on the judge's"
RETURN = "choose another model, improve the prompt, or let the full gate decide on its own terms (lane full)"
LOST = f"the changed model loses more than the margin; {RETURN}"


def kept(name: str, ours: str, theirs: str, difference: str, margin: str, advice: str = LOST) -> str:
    """The sentence of a difference whose bound is its figure, as between queries that are copies of one another."""
    return (
        f"{name} {ours} against {theirs} of the reference judge: difference {difference}, lower bound {difference}, "
        f"needs above {margin}; {advice}"
    )


def own(name: str, figure: str, needs: str) -> str:
    return f"{name} {figure}, the figure itself, needs {needs}; {RETURN}"


def explains(share: float) -> np.ndarray:
    """A judge of R2 = ``share`` on GOLD that orders everything rightly."""
    return 1.3 + (1 + math.sqrt(1 - share)) * (GOLD - 1.3)


NOTHING_READ = np.full(440, math.nan)
FEW_UNREADABLE = clopper_pearson_upper(9, 440, 0.05)

UPSIDE_DOWN = (
    "the judge may read the scale upside down, and a ranker would learn that: look at the confusion table, at the "
    "order of the rubric's grades and at how a reply becomes a grade"
)
TURNED = "the calibrated order contradicts the raw one, which is the one that trains: calibrate again on more pairs"

CASES: dict[str, tuple[Mapping[str, object], str, tuple[str, ...]]] = {
    "unchanged": ({}, "open", ()),
    "better": ({"judge": GOLD}, "open", ()),
    "R2 less by .09": ({"judge": explains(0.51), "reference": explains(0.6)}, "open", ()),
    "R2 less by .11": (
        {"judge": explains(0.49), "reference": explains(0.6)},
        "closed", (kept(R2, "0.490", "0.600", "-0.110", "-0.100"),),
    ),
    # both twos above both threes: 4 of 37 pairs lost; MSE .102, R2 1 - .102 / 1.21
    "order less by .108": (
        {"judge": np.array([0, 0, 0, 1, 1, 1, 2.51, 2.51, 2.5, 2.5]), "reference": GOLD},
        "closed", (kept(PA, "0.892", "1.000", "-0.108", "-0.050"),),
    ),
    # within the margin of a judge that was certified close to the threshold
    "below the policy's own threshold": (
        {"judge": explains(0.08), "reference": explains(0.15)},
        "closed", (own(R2, "0.080", "above 0.100"),),
    ),
    "generous": ({"judge": JUDGE + 0.33}, "closed", (own(BIAS, "0.110", "within +-0.100"),)),
    "upside down, and the calibrator turns it round": (
        {"trained": np.tile(3 - JUDGE, 44)}, "closed",
        (f"{SLOPE} -1.123, lower bound -1.123, needs above 0.000; {UPSIDE_DOWN}",
         f"{SAME_ORDER} -1.000, lower bound -1.000, needs above 0.000; {TURNED}",
         kept(PA, "0.068", "0.932", "-0.865", "-0.050"), own(PA, "0.068", "above 0.680"),
         own(GROSS, "0.500", "below 0.150")),
    ),
    "43 queries": (
        {"n_queries": 43}, "insufficient",
        ("43 holdout and anchor queries have at least 10 graded pairs, single-standard needs 44; grade 1 more queries "
         "of 10 pairs",),
    ),
    "a judge of 2 % unreadable texts": (
        {"ungraded": unread(9)}, "closed",
        (f"{UNREADABLE} 0.020, upper bound {FEW_UNREADABLE:.3f}, needs below 0.020; ask for shorter replies, raise "
         "max_tokens or choose another model",),
    ),
    "every reply unreadable": (
        {"trained": NOTHING_READ, "calibrated": NOTHING_READ, "ungraded": unread(440)}, "closed",
        (f"{UNREADABLE} 1.000, upper bound 1.000, needs below 0.020; ask for shorter replies, raise max_tokens or "
         "choose another model",
         *(f"{name} has no bound (figure nan): too few queries or no readable reply; grade more queries"
           for name in (SLOPE, SAME_ORDER)),
         kept(R2, "-6.438", "0.835", "-7.273", "-0.100"), kept(PA, "0.000", "0.932", "-0.932", "-0.050"),
         own(R2, "-6.438", "above 0.100"), own(PA, "0.000", "above 0.680"), own(GROSS, "1.000", "below 0.150"),
         f"{BIAS} cannot be computed: no readable reply, or one human grade only; grade more queries"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_change_one_reason(case: str) -> None:
    changes, state, reasons = CASES[case]
    verdict = recertify(paired(**changes))  # type: ignore[arg-type]  # a table of factory arguments
    assert verdict.failures == reasons
    assert (verdict.state, verdict.lane) == (state, "recertify")
    assert verdict.open == (not reasons)


def test_constant_gold_is_unknown_and_unknown_is_a_failure() -> None:
    verdict = recertify(paired(human=np.ones(10), judge=np.ones(10), reference=np.ones(10)))
    assert not verdict.open
    assert {c.name for c in verdict.criteria if c.status == "unknown"} == {
        f"difference of {R2}", f"difference of {PA}", R2, PA, SLOPE, SAME_ORDER,
    }  # fmt: skip


def test_a_sixth_look_is_insufficient_whatever_the_judge() -> None:
    verdict = recertify(paired(), look=6)
    assert verdict.failures == (
        "re-certification look 6 of 5 at this holdout: its budget is spent; retire it (label-pipeline renew-holdout) "
        "and grade new queries",
    )
    assert verdict.state == "insufficient"


def test_the_certificate_says_with_whom_and_on_what_it_was_compared() -> None:
    told = {c.name: c.sentence for c in recertify(replace(paired(), n_unpaired=3)).criteria if c.status == "reported"}
    assert told["reference judge"] == (
        "compared with judge old, which the full gate certified on 2026-03-01; a judge of this lane is never the "
        "reference, so that small losses cannot add up"
    )
    assert told["anchor queries"] == (
        "compared on 40 holdout and 4 anchor queries; 3 graded pairs left out that it was never asked about"
    )
    alone = criterion(recertify(replace(paired(), n_anchor=0)), "anchor queries").sentence
    assert alone == "compared on 44 holdout queries only: the reference judge's grades of the anchor are not stored"


def test_judges_on_other_pairs_are_not_compared() -> None:
    one = paired()
    with pytest.raises(ValueError, match="same pairs"):
        replace(one, reference=replace(one.reference, gold=one.reference.gold + 1))


def test_what_is_stored_is_strict_json() -> None:
    for pair in (paired(), paired(calibrated=NOTHING_READ), paired(human=np.ones(10), judge=np.ones(10))):
        criteria = [c._asdict() for c in recertify(pair).criteria]
        assert json.loads(json.dumps(criteria, allow_nan=False)) == criteria


def test_the_bound_decides_not_the_figure() -> None:
    """A loss inside the margin whose bound is outside it: the queries cannot rule a larger one out."""
    pair = worse_by_the_margin(np.random.default_rng(8), None, 44, 10)
    less = replace(pair.judge, calibrated=0.15 * pair.reference.calibrated + 0.85 * pair.judge.calibrated)
    found = criterion(recertify(replace(pair, judge=less)), f"difference of {R2}")
    assert found.figure is not None
    assert found.bound is not None
    assert found.bound < -R2_MARGIN < found.figure < 0
    assert found.status == "missed"
    assert "these queries cannot rule out" in found.sentence
    assert "new ones do not help, for the certified judge never answered them" in found.sentence
    assert "lane full" in found.sentence


def test_the_linearised_difference_is_the_difference_and_its_error_that_of_many_samples() -> None:
    found = []
    for seed in range(400):
        pair = worse_by_the_margin(np.random.default_rng(seed), None, 60, 10)
        totals = skill_difference(pair.judge, pair.reference)
        ours, theirs = (1 - ((e.calibrated - e.gold) ** 2).mean() / e.gold.var() for e in (pair.judge, pair.reference))
        assert totals.mean == pytest.approx(ours - theirs)
        found.append((totals.mean, totals.se))
    means, errors = np.array(found).T
    assert errors.mean() == pytest.approx(means.std(), rel=0.1)
    assert means.mean() == pytest.approx(-0.1, abs=0.005)


def test_the_variance_of_the_human_grades_is_resampled_with_the_loss() -> None:
    """A judge of the mean grade has R2 0 and a perfect one 1, whatever queries are drawn: no error at all."""
    human = np.repeat([0.0, 3.0, 1.0, 2.0], 110)
    perfect = replace(paired().judge, gold=human, calibrated=human)
    totals = skill_difference(replace(perfect, calibrated=np.full(440, 1.5)), perfect)
    assert totals.mean == pytest.approx(-1)
    assert totals.se == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("broken", "n_queries", "per_query", "look"),
    [
        (None, 44, 10, 1),
        pytest.param(None, 44, 10, 2, marks=pytest.mark.thorough),
        pytest.param(None, 63, 20, 1, marks=pytest.mark.thorough),
        pytest.param(0.2, 44, 10, 1, marks=pytest.mark.thorough),
        pytest.param(0.1, 63, 20, 1, marks=pytest.mark.thorough),
    ],
)
def test_a_judge_exactly_the_margin_worse_opens_no_oftener_than_alpha(
    broken: float | None, n_queries: int, per_query: int, look: int
) -> None:
    n, alpha = 300, gate.alpha_of_look(look)
    opened = 0
    for seed in range(n):
        rng = np.random.default_rng([seed, n_queries])
        pair = worse_by_the_margin(rng, broken, n_queries, per_query)
        verdict = recertify(pair, look=look, alpha=alpha, rng=rng, resamples=600)
        opened += criterion(verdict, f"difference of {R2}").status == "met"  # whatever the other criteria say
    assert opened / n <= alpha + 2.6 * math.sqrt(alpha * (1 - alpha) / n)


def test_a_harmless_change_opens_with_enough_queries() -> None:
    opened = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pair = worse_by_the_margin(rng, None, 63, 20)
        little = replace(pair.judge, calibrated=pair.reference.calibrated + 0.1 * rng.normal(size=63 * 20))
        opened += recertify(replace(pair, judge=little), rng=rng, resamples=600).open
    assert opened >= 58


def test_few_changed_queries_have_a_bound_and_a_bad_one_among_them_is_not_forgiven() -> None:
    """Two of 44 queries changed: bootstrap-t has no bound there. A grade or two moved is harmless, a misreading not."""
    human = np.tile(GOLD, 44)
    index = np.repeat(np.arange(44), 10)
    base = human + np.random.default_rng(1).normal(0, 0.5, 440)
    one = replace(paired().judge, calibrated=base)
    for step, opens in ((0.3, True), (3.0, False)):
        changed = base + np.where(index < 2, step, 0.0)
        pair = replace(paired(), judge=replace(one, calibrated=changed), reference=one)
        assert changed_queries(pair.judge, pair.reference) == 2
        found = criterion(recertify(pair), f"difference of {R2}")
        assert found.status == ("met" if opens else "missed"), found.sentence
        assert found.bound is not None


def test_margins_are_those_of_the_methods() -> None:
    assert (R2_MARGIN, PAIRWISE_ACCURACY_MARGIN) == (0.10, 0.05)  # statistics.md section 4
